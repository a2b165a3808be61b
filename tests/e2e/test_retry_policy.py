"""The retry policy in real task processes: how often a task was tried, when, and where the reason is kept."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest
from sqlalchemy import text

from tests.e2e.conftest import Site, dag_ids

pytestmark = [pytest.mark.airflow, pytest.mark.timeout(1800)]

STOPPED = (
    "no retry: auth_permission (rule python.permission, 0.72): PermissionError: [Errno 13] Permission denied"
)
SENSOR = "stops_at_its_second_poke"
END_STATES = {
    "stops_without_permission": "failed",
    "recovers_from_a_refused_connection": "success",
    "is_told_to_wait": "success",
    "stops_in_one_index": "failed",
    SENSOR: "failed",
}


@pytest.fixture(scope="module")
def runs(site: Site) -> dict[str, str]:
    """One finished run of each DAG, whose tasks would wait for ten minutes by themselves; what failed is analyzed."""
    site.wait_for("the DAGs", lambda: dag_ids(site) >= END_STATES.keys())
    runs = {dag_id: site.start_run(dag_id) for dag_id in END_STATES}
    poke_again(site, SENSOR)
    site.wait_for_runs(runs)
    for dag_id in (dag_id for dag_id, state in END_STATES.items() if state == "failed"):
        incident = site.wait_for_incident(dag_id, lambda incident: incident["analysis"] is not None)
        site.wait_for_runs({"rca_incident": incident["rca_run_id"]})
    return runs


def poke_again(site: Site, dag_id: str) -> None:
    """Make the second poke due, once the scheduler knows that the first one has ended.

    When it learns that only after it has queued the second one, Airflow 3.3 fails the try itself, and asks no policy
    (apache/airflow#71172): a poke interval of any length is a bet on the speed of the machine.
    """
    log = site.airflow.home / "scheduler.log"
    site.wait_for(
        "the end of the first poke", lambda: f"TaskInstance Finished: dag_id={dag_id}" in log.read_text()
    )
    due = (
        "UPDATE task_reschedule SET reschedule_date = start_date"
        " WHERE ti_id IN (SELECT id FROM task_instance WHERE dag_id = :dag_id)"
    )
    with site.database() as connection:
        connection.execute(text(due), {"dag_id": dag_id})


@pytest.mark.parametrize("dag_id", END_STATES)
def test_it_ends_as_it_should(site: Site, runs: dict[str, str], dag_id: str) -> None:
    assert site.run_state(dag_id, runs[dag_id]) == END_STATES[dag_id]


def tries(site: Site, runs: dict[str, str], dag_id: str, map_index: int = -1) -> list[dict[str, Any]]:
    of_task = f"/api/v2/dags/{dag_id}/dagRuns/{runs[dag_id]}/taskInstances/work"
    path = f"{of_task}/tries" if map_index < 0 else f"{of_task}/{map_index}/tries"
    return list(site.get(path)["task_instances"])


def rows(site: Site, query: str, **values: str) -> list[Any]:
    with site.database() as connection:
        return list(connection.execute(text(query), values))


def labels(site: Site, dag_id: str) -> list[str]:
    """What our own rows say of the decisions about the tries of a DAG."""
    query = "SELECT labels FROM rca_failure WHERE dag_id = :dag_id ORDER BY map_index, try_number"
    return [found["retry_decision"] for (found,) in rows(site, query, dag_id=dag_id)]


def test_without_permission_there_is_one_try_and_its_incident_says_why(
    site: Site, runs: dict[str, str]
) -> None:
    [only] = tries(site, runs, "stops_without_permission")
    assert (only["try_number"], only["max_tries"], only["state"]) == (1, 3, "failed")
    detail = site.detail(site.wait_for_incident("stops_without_permission"))
    assert [f["labels"]["retry_decision"][: len(STOPPED)] for f in detail["failures"]] == [STOPPED]
    decision = detail["failures"][0]["labels"]["retry_decision"]
    [opened] = [entry for entry in detail["timeline"] if entry["action"] == "opened"]
    assert opened["detail"]["retry_decision"] == decision
    assert f"retry_decision: {decision}" in [fact["text"] for fact in detail["evidence"]]
    log = next((site.airflow.home / "logs" / "dag_id=stops_without_permission").rglob("attempt=1.log"))
    assert STOPPED in log.read_text()


@pytest.mark.parametrize(
    ("dag_id", "shortest", "longest", "reason"),
    [
        ("recovers_from_a_refused_connection", 0, 1, "connection_error (rule network.refused"),
        ("is_told_to_wait", 2, 2.2, "(Retry-After: 2.0 s): api_error (rule http.server"),
    ],
)
def test_the_second_try_comes_as_soon_as_decided_and_succeeds(
    site: Site, runs: dict[str, str], dag_id: str, shortest: float, longest: float, reason: str
) -> None:
    first, second = tries(site, runs, dag_id)
    assert (first["try_number"], second["try_number"], second["state"]) == (1, 2, "success")
    [(delay, kept)] = rows(
        site,
        "SELECT retry_delay_override, retry_reason FROM task_instance_history"
        " WHERE dag_id = :dag_id AND try_number = 1",
        dag_id=dag_id,
    )
    assert shortest <= delay <= longest
    assert kept.startswith(f"retry in {delay:.1f} s")
    assert reason in kept
    assert labels(site, dag_id) == [kept]
    ended, began = (datetime.fromisoformat(at) for at in (first["end_date"], second["start_date"]))
    assert (began - ended).total_seconds() >= delay
    assert site.incidents(dag_id) == []


def test_each_index_of_a_mapped_task_is_decided_about(site: Site, runs: dict[str, str]) -> None:
    states = [[t["state"] for t in tries(site, runs, "stops_in_one_index", index)] for index in (0, 1)]
    assert states == [["failed", "success"], ["failed"]]
    retried, stopped = labels(site, "stops_in_one_index")
    assert "network_transient" in retried
    assert stopped.startswith(STOPPED)


def test_a_sensor_that_was_rescheduled_is_decided_about(site: Site, runs: dict[str, str]) -> None:
    [only] = tries(site, runs, SENSOR)
    assert only["state"] == "failed"
    assert labels(site, SENSOR)[0].startswith(STOPPED)
