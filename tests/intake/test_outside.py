"""From a notification without an error to an incident that says why: the steps of rca_incident, each as it runs in a
task process, with a real API server on one side and Databricks or Azure on the other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from rca_plugin import config
from rca_plugin.worker.operators.incident import AnalyzeOperator, ClassifyOperator, CollectEvidenceOperator
from tests.fakes.adf import FACTORY, FAILED_AT, PIPELINE, RUN, adf
from tests.fakes.databricks import JOB, TASK_RUN, WORKSPACE, databricks
from tests.fakes.databricks import RUN as JOB_RUN
from tests.intake.conftest import Api

pytestmark = [
    pytest.mark.airflow,
    pytest.mark.timeout(1800),
    pytest.mark.filterwarnings("ignore:ProvidersManager.hooks is deprecated"),
]
NOTIFICATION = {
    "event_type": "jobs.on_failure",
    "workspace_id": str(WORKSPACE),
    "run": {"run_id": str(TASK_RUN), "parent_run_id": str(JOB_RUN)},
    "job": {"job_id": str(JOB), "name": "harbor nightly"},
    "task": {"task_key": "berth_plan"},
}
PIPELINE_FAILED = {
    "dataFactoryName": FACTORY, "pipelineName": PIPELINE, "runId": RUN, "status": "Failed",
    "endTime": FAILED_AT.isoformat(),
}  # fmt: skip


@pytest.fixture
def analyzed(api: Api, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., dict[str, Any]]]:
    """Report a failure, run the steps of the DAG in this process, and answer what the incident says then."""
    monkeypatch.setenv("AIRFLOW__RCA__API_URL", api.airflow.url)
    monkeypatch.setenv("AIRFLOW__API__SECRET_KEY", api.airflow.environment["AIRFLOW__API__SECRET_KEY"])
    monkeypatch.setenv("AIRFLOW__RCA__OUTSIDE_TIMEOUT", "10")
    config.settings.cache_clear()

    def analyze(source: str, report: Any) -> dict[str, Any]:
        number = api.post(source, report).raise_for_status().json()["results"][0]["incident_id"]
        for step in (CollectEvidenceOperator, ClassifyOperator, AnalyzeOperator):
            operator = step(task_id=step.__name__, incident_id=number)
            with operator._client:
                operator.execute({})
        with api.airflow.client() as http:
            return dict(http.get(f"/rca/api/v1/incidents/{number}").raise_for_status().json())

    yield analyze
    config.settings.cache_clear()


def texts(incident: dict[str, Any], kind: str) -> str:
    return "\n".join(fact["text"] for fact in incident["evidence"] if fact["kind"] == kind)


def cited(incident: dict[str, Any]) -> set[str]:
    kinds = {fact["id"]: fact["kind"] for fact in incident["evidence"]}
    return {kinds[number] for number in incident["analysis"]["root_cause"]["evidence"]}


def test_the_error_that_a_notification_left_out_decides(
    analyzed: Callable[..., dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    with databricks() as service:
        monkeypatch.setenv("AIRFLOW_CONN_DATABRICKS_DEFAULT", service.connection)
        incident = analyzed("databricks", NOTIFICATION)
    assert "Connection refused" in texts(incident, "run_output")
    assert incident["category"] == "connection_error"
    assert cited(incident) == {"run_output"}
    assert [fact["id"] for fact in incident["evidence"]] == [
        f"E{n + 1}" for n in range(len(incident["evidence"]))
    ]


def test_without_databricks_the_notification_decides_and_the_incident_says_so(
    analyzed: Callable[..., dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    with databricks(**{"*": [503]}) as service:
        monkeypatch.setenv("AIRFLOW_CONN_DATABRICKS_DEFAULT", service.connection)
        incident = analyzed("databricks", NOTIFICATION)
    assert f"Databricks did not answer for run {JOB_RUN}" in texts(incident, "missing")
    assert incident["category"] == "unknown"
    assert incident["analysis"]["method"] == "knowledge_base"


def test_the_error_of_an_activity_decides(
    analyzed: Callable[..., dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    with adf() as service:
        service.known_to(monkeypatch)
        incident = analyzed("adf", PIPELINE_FAILED)
    assert incident["category"] == "connection_error"
    assert cited(incident) == {"activity"}
    assert "Offline" in texts(incident, "integration_runtime")
    assert "hunter2" not in str(incident)


def test_without_data_factory_the_report_decides_and_the_incident_says_so(
    analyzed: Callable[..., dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW__RCA__OUTSIDE_TIMEOUT", "3")
    config.settings.cache_clear()
    with adf(**{"*": ["reset"]}) as service:
        service.known_to(monkeypatch)
        report = {
            **PIPELINE_FAILED,
            "errorCode": "SqlFailedToConnect",
            "errorMessage": "Cannot connect to SQL",
        }
        incident = analyzed("adf", report)
    assert incident["category"] == "connection_error"
    assert "Data Factory did not answer" in texts(incident, "missing")
    assert incident["analysis"]["root_cause"]["text"]
