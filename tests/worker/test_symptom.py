"""What an incident is classified by: the report, and what was found out since; never what could not be had."""

from __future__ import annotations

from typing import Any

import pytest

from rca_plugin.core.category import Category
from rca_plugin.core.classification import Classification, classify
from rca_plugin.core.data import data_folder
from rca_plugin.core.rule_files import load_rules
from rca_plugin.worker.operators.incident import symptom_of

RULES = load_rules(data_folder())
REFUSED = "OperationalError: could not connect to server: Connection refused"
QUOTA = "Cluster job-harbor was terminated: AZURE_QUOTA_EXCEEDED_EXCEPTION: Operation results in exceeding quota limits"


def an_incident(
    message: str, *evidence: tuple[str, str], source: str = "databricks", **failure: Any
) -> dict[str, Any]:
    newest = {"final": True, "message": message, "detail": "", "code": None, **failure}
    retried = {**newest, "final": False, "message": "another error: No space left on device"}
    facts = [{"kind": kind, "text": text} for kind, text in evidence]
    return {"source": source, "failures": [retried, newest], "evidence": facts}


def classified(message: str, *evidence: tuple[str, str], **more: Any) -> Classification:
    return classify(symptom_of(an_incident(message, *evidence, **more)), RULES)


@pytest.mark.parametrize(
    "said", ["Job harbor nightly failed", "", "failed", "Job harbor nightly failed with FAILED"]
)
@pytest.mark.parametrize("kind", ["run_output", "activity", "termination", "log", "note"])
def test_a_report_that_only_says_that_it_failed_is_classified_by_what_was_found(said: str, kind: str) -> None:
    assert classified(said).category is Category.UNKNOWN
    found = classified(said, (kind, f"task load, FAILED\n{REFUSED}"))
    assert found.category is Category.CONNECTION_ERROR
    assert found.matched == REFUSED


@pytest.mark.parametrize(
    "kind", ["missing", "history", "cluster", "cluster_events", "pipeline", "integration_runtime", "run"]
)
def test_nothing_is_classified_by_what_only_stood_around_it(kind: str) -> None:
    text = "Databricks did not answer for run 41: HTTPError: 503 Server Error: Service Unavailable, Connection refused"
    assert classified("Job harbor nightly failed", (kind, text)).category is Category.UNKNOWN


def test_with_nobody_to_ask_the_report_decides() -> None:
    missing = ("missing", "Databricks did not answer for run 41: ReadTimeout: timed out, after 3 tries")
    found = classified("Task load failed with OUT_OF_MEMORY", missing, code="DRIVER_OUT_OF_MEMORY")
    assert found.category is Category.OUT_OF_MEMORY


def test_why_the_cluster_ended_says_more_than_that_the_run_lost_it() -> None:
    output = "task load, FAILED, CLUSTER_ERROR\ntermination code: CLUSTER_ERROR\nCluster was terminated during the run."
    found = classified("Job failed", ("termination", QUOTA), ("run_output", output), code="CLUSTER_ERROR")
    assert found.category is Category.QUOTA_EXCEEDED


def test_a_generic_code_of_the_report_gives_way_to_the_error() -> None:
    trace = "Traceback (most recent call last)\ntermination code: RUN_EXECUTION_ERROR\n"
    output = (
        "run_output",
        f"{trace}AnalysisException: [TABLE_OR_VIEW_NOT_FOUND] The table `tides` cannot be found.",
    )
    found = classified("Job failed with RUN_EXECUTION_ERROR", output, code="RUN_EXECUTION_ERROR")
    assert found.category in (Category.MISSING_DATA, Category.SCHEMA_VALIDATION)


def test_the_number_of_an_activity_and_its_text_are_both_read() -> None:
    text = "Activity Copy: Failed\nerrorCode: 2200, UserError\nErrorCode=SqlFailedToConnect,'Message=Cannot connect'"
    found = classified("Pipeline pl_harbor failed", ("activity", text), source="adf")
    assert found.category is Category.CONNECTION_ERROR
