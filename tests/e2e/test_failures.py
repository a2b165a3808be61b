"""Each way to fail, in a real Airflow, gives exactly one incident with the right resource and one RCA run."""

from __future__ import annotations

from typing import Any

import pytest

from tests.e2e.conftest import Site

pytestmark = [pytest.mark.airflow, pytest.mark.timeout(1800)]

RESOURCES = {
    "fails_by_exception": "fails_by_exception/work",
    "fails_by_fail_exception": "fails_by_fail_exception/work",
    "fails_by_execution_timeout": "fails_by_execution_timeout/work",
    "fails_in_one_index": "fails_in_one_index/work",
    "fails_by_template": "fails_by_template/work",
    "fails_by_exit": "fails_by_exit/work",
    "fails_by_sigkill": "fails_by_sigkill/work",
    "fails_by_dagrun_timeout": "fails_by_dagrun_timeout",
    "fails_after_retries": "fails_after_retries/work",
    "fails_again": "fails_again/work",
}
REPORTED_BY = {
    "fails_by_exit": "reconciler",
    "fails_by_sigkill": "reconciler",
    "fails_by_dagrun_timeout": "reconciler",
}
CATEGORIES = {
    "fails_by_exception": "connection_error",
    "fails_by_execution_timeout": "timeout",
    "fails_in_one_index": "application_bug",
    "fails_by_dagrun_timeout": "timeout",
    "fails_after_retries": "timeout",
}


@pytest.fixture(scope="module")
def incidents(site: Site) -> dict[str, dict[str, Any]]:
    """Let all of them fail, two of them twice, and wait until each incident is analyzed."""
    others = ("fails_then_succeeds", "fails_in_an_rca_dag")
    site.wait_for_runs({dag_id: site.start_run(dag_id) for dag_id in (*RESOURCES, *others)})
    again = ("fails_again", "fails_by_exception")
    site.wait_for_runs({dag_id: site.start_run(dag_id) for dag_id in again})
    for dag_id in RESOURCES:
        incident = site.wait_for_incident(dag_id, lambda incident: incident["analysis"] is not None)
        site.wait_for_runs({"rca_incident": incident["rca_run_id"]})
    return {dag_id: site.detail(site.incidents(dag_id)[0]) for dag_id in RESOURCES}


@pytest.mark.parametrize("dag_id", RESOURCES)
def test_it_is_one_incident_on_the_right_resource_with_one_rca_run(
    site: Site, incidents: dict[str, dict[str, Any]], dag_id: str
) -> None:
    [only] = site.incidents(dag_id)
    assert only["resource"] == RESOURCES[dag_id]
    assert only["status"] == "open"
    runs = [run for run in site.rca_runs() if run["conf"] == {"incident_id": only["id"]}]
    assert [run["dag_run_id"] for run in runs] == [only["rca_run_id"]]
    assert site.run_state("rca_incident", only["rca_run_id"]) == "success"


@pytest.mark.parametrize("dag_id", RESOURCES)
def test_it_is_analyzed_with_evidence_that_says_so(incidents: dict[str, dict[str, Any]], dag_id: str) -> None:
    incident = incidents[dag_id]
    kinds = {fact["kind"] for fact in incident["evidence"]}
    assert {"error", "run"} <= kinds
    if dag_id != "fails_by_dagrun_timeout":
        assert {"log", "tries"} <= kinds
    ids = {fact["id"] for fact in incident["evidence"]}
    assert set(incident["analysis"]["root_cause"]["evidence"]) <= ids
    assert incident["category"] == CATEGORIES.get(dag_id, incident["category"])
    assert incident["failures"][0]["reported_by"] == REPORTED_BY.get(
        dag_id, incident["failures"][0]["reported_by"]
    )


def test_the_listener_reports_what_it_can_and_the_callback_beside_it_changes_nothing(
    incidents: dict[str, dict[str, Any]],
) -> None:
    by_listener = set(RESOURCES) - set(REPORTED_BY)
    for dag_id in by_listener:
        assert {f["reported_by"] for f in incidents[dag_id]["failures"]} <= {"listener", "callback"}, dag_id
    # This one has the callback, which runs before the listener: two runs, two failures.
    assert [f["reported_by"] for f in incidents["fails_by_exception"]["failures"]] == ["callback"] * 2


def test_failing_again_is_counted_and_not_analyzed_again(incidents: dict[str, dict[str, Any]]) -> None:
    for dag_id in ("fails_again", "fails_by_exception"):
        assert incidents[dag_id]["failure_count"] == 2
        assert [entry["action"] for entry in incidents[dag_id]["timeline"]].count("handed_off") == 1
    assert incidents["fails_by_fail_exception"]["failure_count"] == 1


def test_earlier_tries_are_on_the_timeline_and_open_nothing(incidents: dict[str, dict[str, Any]]) -> None:
    incident = incidents["fails_after_retries"]
    assert sorted(f["try_number"] for f in incident["failures"]) == [1, 2, 3]
    assert sorted(f["try_number"] for f in incident["failures"] if f["final"]) == [3]
    tries = [e["detail"]["try"] for e in incident["timeline"] if e["action"] == "earlier_try_failed"]
    assert tries == [1, 2]
    assert incident["failure_count"] == 1


def test_a_task_that_succeeds_at_last_is_no_incident(
    site: Site, incidents: dict[str, dict[str, Any]]
) -> None:
    assert site.incidents("fails_then_succeeds") == []


def test_a_task_that_a_person_marks_as_failed_is_no_incident(
    site: Site, incidents: dict[str, dict[str, Any]]
) -> None:
    [run] = site.get("/api/v2/dags/fails_then_succeeds/dagRuns")["dag_runs"]
    path = f"/api/v2/dags/fails_then_succeeds/dagRuns/{run['dag_run_id']}"
    site.http.patch(f"{path}/taskInstances/work", json={"new_state": "failed"}).raise_for_status()
    site.http.patch(path, json={"state": "failed"}).raise_for_status()
    assert site.get(f"{path}/taskInstances/work")["state"] == "failed"
    site.wait_until_reconcilable()
    site.keep_house()
    assert site.incidents("fails_then_succeeds") == []


def test_an_rca_dag_that_fails_is_not_analyzed(site: Site, incidents: dict[str, dict[str, Any]]) -> None:
    site.keep_house()
    assert site.incidents("fails_in_an_rca_dag") == []
    assert site.incidents("rca_incident") == []
    assert site.incidents("rca_housekeeping") == []


def test_the_mapped_index_that_failed_is_known(incidents: dict[str, dict[str, Any]]) -> None:
    assert [f["map_index"] for f in incidents["fails_in_one_index"]["failures"]] == [1]


def test_housekeeping_finds_nothing_twice(site: Site, incidents: dict[str, dict[str, Any]]) -> None:
    before = {dag_id: incident["failure_count"] for dag_id, incident in incidents.items()}
    site.keep_house()
    site.keep_house()
    after = {dag_id: site.incidents(dag_id)[0]["failure_count"] for dag_id in RESOURCES}
    assert after == before
