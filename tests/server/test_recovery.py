from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest
from airflow.utils.session import create_session
from airflow.utils.state import DagRunState, TaskInstanceState
from sqlalchemy import text, update

from rca_plugin.core.failure import Source
from rca_plugin.server import lifecycle
from rca_plugin.server.incidents import locked
from rca_plugin.server.models import FailureRow, Incident, RecoveryRow
from rca_plugin.server.settling import settle
from tests.server.airflow_rows import add_run, add_task
from tests.server.made import (
    NOON,
    actions,
    alerted,
    incident,
    rca_runs,
    recovered,
    store,
    stored,
    task_failed,
)

pytestmark = pytest.mark.usefixtures("database")
DAY = 24 * 60


def test_a_resolved_alert_resolves_its_incident_and_no_other() -> None:
    store(alerted("a", alert="A"), alerted("b", alert="B"), alerted("c", alert="A", source=Source.ADF))
    [receipt] = store(recovered(alert="A", minutes=5))
    assert (receipt.result, receipt.incident_id) == ("resolved", incident("a").id)
    assert {i.resource: i.status for i in stored(Incident)} == {"a": "resolved", "b": "open", "c": "open"}
    resolved = incident("a")
    assert (resolved.resolved_at, resolved.resolved_how) == (
        NOON + timedelta(minutes=5),
        "the check passes again",
    )
    assert actions(resolved.id)[-1] == "resolved"


def test_a_resource_that_works_again_resolves_it_and_everything_under_it() -> None:
    store(*(alerted(name) for name in ("w/job", "w/job/task", "w/job2", "w/job_/task", "x/job")))
    store(recovered(resource="w/job", minutes=5))
    resolved = {i.resource for i in stored(Incident) if i.status == "resolved"}
    assert resolved == {"w/job", "w/job/task"}


def test_a_name_with_wildcards_is_only_a_name() -> None:
    store(alerted("w_x/job"), alerted("w%/job"), alerted("wax/job"))
    store(recovered(resource="w_x", minutes=5), recovered("2", resource="w%", minutes=5))
    assert {i.resource for i in stored(Incident) if i.status == "resolved"} == {"w_x/job", "w%/job"}


def test_a_recovery_does_not_end_what_failed_after_it() -> None:
    store(alerted("a", minutes=10))
    assert store(recovered(resource="a", minutes=5))[0].result == "recorded"
    assert incident("a").status == "open"


def test_a_recovery_that_overtook_its_failure_still_ends_it() -> None:
    store(recovered(alert="A", minutes=5))
    [receipt] = store(alerted("a", alert="A", minutes=4))
    assert (receipt.result, incident("a").status) == ("opened", "resolved")
    assert rca_runs() == []
    assert len(stored(FailureRow)) == 1


def test_the_same_recovery_twice_changes_nothing() -> None:
    store(alerted("a", alert="A"), recovered(alert="A", minutes=5))
    before = actions(incident("a").id)
    assert store(recovered(alert="A", minutes=5))[0].result == "duplicate"
    assert actions(incident("a").id) == before
    assert len(stored(RecoveryRow)) == 1


def test_a_failure_within_the_window_opens_the_incident_again() -> None:
    store(alerted("a"), recovered(resource="a", minutes=5))
    [receipt] = store(alerted("a", "2", minutes=DAY))
    again = incident("a")
    assert (receipt.result, receipt.incident_id) == ("reopened", again.id)
    assert (again.status, again.failure_count, again.reopened_count) == ("open", 2, 1)
    assert (again.resolved_at, again.resolved_how) == (None, None)
    first, second = rca_runs()
    assert (second.run_id, second.conf) == (again.rca_run_id, {"incident_id": again.id})
    assert first.run_id != second.run_id


def test_after_the_window_it_is_a_new_incident() -> None:
    store(alerted("a"), recovered(resource="a", minutes=5))
    [receipt] = store(alerted("a", "2", minutes=DAY + 6))
    first, second = stored(Incident)
    assert (receipt.result, receipt.incident_id) == ("opened", second.id)
    assert [(i.status, i.failure_count) for i in (first, second)] == [("closed", 1), ("open", 1)]
    assert {row.incident_id for row in stored(FailureRow)} == {first.id, second.id}


def test_an_old_failure_that_arrives_late_opens_nothing_again() -> None:
    store(alerted("a"), recovered(resource="a", minutes=5))
    assert store(alerted("a", "2", minutes=3))[0].result == "counted"
    assert (incident("a").status, incident("a").failure_count) == ("resolved", 2)


def flap(times: int) -> None:
    for n in range(times):
        store(alerted("a", f"{n}", minutes=10 * n))
        store(recovered(f"{n}", resource="a", minutes=10 * n + 5))


def test_what_comes_and_goes_is_flapping_and_stays_open() -> None:
    flap(6)
    flapping = incident("a")
    assert (flapping.flapping, flapping.status, flapping.reopened_count) == (True, "open", 3)
    assert flapping.failure_count == 6
    assert actions(flapping.id).count("flapping") == 1
    assert actions(flapping.id)[-1] == "recovery_not_trusted"
    assert len(rca_runs()) == 3


def test_a_flapping_incident_is_resolved_when_nothing_failed_for_the_window() -> None:
    flap(4)
    assert settle().resolved == (datetime.now(timezone.utc) > NOON + timedelta(days=1, minutes=30))
    with create_session(scoped=False) as session:
        long_ago = datetime.now(timezone.utc) - timedelta(hours=25)
        session.execute(update(Incident).values(last_failure_at=long_ago, status="open"))
    assert settle().resolved == 1
    assert incident("a").resolved_how == "no failure for 24 hours"


def test_what_stayed_resolved_is_closed() -> None:
    store(alerted("a"))
    with create_session(scoped=False) as session:
        lifecycle.resolve(session, locked(session, incident("a").id), "ada", "fixed")
    assert settle().closed == 0
    with create_session(scoped=False) as session:
        session.execute(update(Incident).values(resolved_at=datetime.now(timezone.utc) - timedelta(hours=25)))
    assert settle().closed == 1
    assert (incident("a").status, incident("a").open_fingerprint) == ("closed", None)
    assert actions(incident("a").id)[-1] == "closed"


@pytest.mark.parametrize(
    ("run", "start", "states", "status"),
    [
        ("run-2", 10, ["success"], "resolved"),
        ("run-1", 10, ["success"], "resolved"),
        ("run-2", -10, ["success"], "open"),
        ("run-2", 10, ["running"], "open"),
        ("run-2", 10, ["failed"], "open"),
        ("run-2", 10, ["success", "success", "skipped"], "resolved"),
        ("run-2", 10, ["success", "running"], "open"),
        ("run-2", 10, ["success", "failed"], "open"),
        ("run-2", 10, ["success", None], "open"),
        ("run-2", 10, ["skipped"], "open"),
    ],
)
def test_a_later_success_of_the_task_resolves_it(
    run: str, start: int, states: list[str | None], status: str
) -> None:
    store(task_failed("orders"))
    add_run("orders", run)
    for index, state in enumerate(states):
        mapped = index if len(states) > 1 else -1
        at = NOON + timedelta(minutes=start)
        add_task("orders", run, "load", state and TaskInstanceState(state), started=at, map_index=mapped)
    add_task("orders", run, "other", TaskInstanceState.FAILED, started=NOON + timedelta(minutes=start))
    settle()
    assert incident("orders/load").status == status


def test_the_success_of_another_task_resolves_nothing() -> None:
    store(task_failed("orders"))
    add_run("orders", "run-2")
    add_task("orders", "run-2", "send", TaskInstanceState.SUCCESS, started=NOON + timedelta(minutes=5))
    settle()
    assert incident("orders/load").status == "open"


@pytest.mark.parametrize(("state", "status"), [("success", "resolved"), ("failed", "open")])
def test_a_later_success_of_the_run_resolves_a_failed_run(state: str, status: str) -> None:
    store(task_failed("orders", None))
    add_run("orders", "run-2", state=DagRunState(state), started=NOON + timedelta(minutes=5))
    settle()
    assert incident("orders").status == status


def test_a_suppressed_incident_is_resolved_too() -> None:
    store(*(task_failed(f"dag-{n}") for n in range(7)))
    assert incident("dag-6/load").status == "suppressed"
    add_run("dag-6", "run-2")
    add_task("dag-6", "run-2", "load", TaskInstanceState.SUCCESS, started=NOON + timedelta(minutes=5))
    settle()
    assert incident("dag-6/load").status == "resolved"


def test_on_postgresql_the_beginning_of_a_name_is_looked_up_in_the_index(metadata_database: str) -> None:
    if metadata_database != "postgres":
        return
    with create_session(scoped=False) as session:
        session.execute(text("SET LOCAL enable_seqscan = off"))
        plan = session.execute(
            text("EXPLAIN SELECT id FROM rca_incident WHERE resource LIKE 'w/job/%'")
        ).scalars()
        assert "idx_rca_incident_resource" in "\n".join(plan)
