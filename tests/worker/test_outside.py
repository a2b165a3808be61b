"""Whom a failure is asked about: who reported it, or where a task of Airflow ran."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from rca_plugin import config
from rca_plugin.core.evidence import Fact
from rca_plugin.worker.outside import facts_about
from tests.fakes import adf
from tests.fakes.databricks import JOB, RUN, RUN_URL, WORKSPACE, Workspace

pytestmark = pytest.mark.filterwarnings("ignore:ProvidersManager.hooks is deprecated")
Start = Callable[..., Any]


def asked(source: str, operator: str | None = None, log: str = "", **labels: str) -> list[Fact]:
    failure = {
        "source": source, "operator": operator, "labels": labels, "occurred_at": adf.FAILED_AT.isoformat(),
    }  # fmt: skip
    return facts_about(failure, [{"kind": "log", "text": log}, {"kind": "run", "text": log}])


def kinds(facts: list[Fact]) -> set[str]:
    return {fact.kind for fact in facts}


def logged(*urls: str) -> str:
    lines = [f"[2026-02-03T03:10:00Z] INFO - View run status, Spark UI, and logs at {url}" for url in urls]
    return "\n".join(["Run submitted with run_id: 1", *lines, "AirflowException: Job run failed"])


def test_what_a_service_reported_it_is_asked_about(workspace: Start, azure: Start) -> None:
    databricks, data_factory = workspace(), azure()
    assert "run_output" in kinds(asked("databricks", run_id=str(RUN)))
    assert data_factory.calls == []
    databricks.calls.clear()
    assert "activity" in kinds(asked("adf", pipeline_run_id=adf.RUN))
    assert databricks.calls == []


@pytest.mark.parametrize("source", ["generic", "azure_monitor", "airflow"])
def test_what_somebody_else_reported_nobody_is_asked_about(
    workspace: Start, azure: Start, source: str
) -> None:
    services = workspace(), azure()
    assert asked(source, "BashOperator", logged(RUN_URL), run_id=str(RUN), pipeline_run_id=adf.RUN) == []
    assert [service.calls for service in services] == [[], []]


@pytest.mark.parametrize(
    "url", [RUN_URL, f"https://adb-{WORKSPACE}.2.azuredatabricks.net/jobs/{JOB}/runs/{RUN}?o={WORKSPACE}"]
)
def test_a_task_that_ran_in_databricks_is_asked_about_there(workspace: Start, url: str) -> None:
    service: Workspace = workspace()
    earlier = f"https://adb-{WORKSPACE}.2.azuredatabricks.net/?o={WORKSPACE}#job/1/run/2"
    assert "run_output" in kinds(asked("airflow", "DatabricksRunNowOperator", logged(earlier, url)))
    assert service.queries[0] == {"run_id": str(RUN)}


def test_a_task_that_never_got_to_databricks_asks_nobody(workspace: Start) -> None:
    service: Workspace = workspace()
    assert asked("airflow", "DatabricksRunNowOperator", "AirflowException: 403") == []
    assert service.calls == []


def test_a_task_that_ran_a_pipeline_is_asked_about_there(azure: Start) -> None:
    azure()
    log = f"Waiting for pipeline run {adf.RUN} to terminate."
    assert "activity" in kinds(asked("airflow", "AzureDataFactoryRunPipelineOperator", log))


@pytest.mark.parametrize("option", ["DATABRICKS_CONN_ID", "ADF_CONN_ID"])
def test_nobody_is_asked_whose_connection_is_taken_away(
    workspace: Start, azure: Start, monkeypatch: pytest.MonkeyPatch, option: str
) -> None:
    services = {"DATABRICKS_CONN_ID": workspace(), "ADF_CONN_ID": azure()}
    monkeypatch.setenv(f"AIRFLOW__RCA__{option}", "")
    config.settings.cache_clear()
    found = [*asked("databricks", run_id=str(RUN)), *asked("adf", pipeline_run_id=adf.RUN)]
    assert services.pop(option).calls == []
    assert found
    assert all(service.calls for service in services.values())
