from __future__ import annotations

import threading
from collections import Counter
from datetime import datetime, timedelta, timezone

import pytest
from airflow.models.dag import DagModel
from airflow.models.dagrun import DagRun
from airflow.utils.session import create_session
from sqlalchemy import func, select, update

from rca_plugin.core.failure import Failure, Report, TaskRef
from rca_plugin.core.sources.airflow import task_failure
from rca_plugin.server import audit, handoff, intake
from rca_plugin.server.group_commit import GroupCommit
from rca_plugin.server.incidents import failures_of
from rca_plugin.server.intake import Receipt, take_in
from rca_plugin.server.models import AuditRow, FailureRow, Incident
from rca_plugin.server.waiting import hand_off_waiting
from tests.server.made import actions, rca_runs

pytestmark = pytest.mark.usefixtures("database")
NOON = datetime(2026, 11, 23, 12, tzinfo=timezone.utc)


def a_failure(run: str = "run-1", *, task: str = "load", try_number: int = 1, final: bool = True,
              error: str = "could not connect to server: Connection refused", minutes: int = 0) -> Failure:  # fmt: skip
    return task_failure(
        TaskRef("orders", run, task, -1, try_number),
        occurred_at=NOON + timedelta(minutes=minutes),
        exception_type="OperationalError",
        text=error,
        final=final,
        owner="data",
        reported_by="listener",
    )


def store(*failures: Failure) -> list[Receipt]:
    return take_in(Report(failures))


def rows(model: type) -> list:
    with create_session(scoped=False) as session:
        return list(session.scalars(select(model).order_by(model.id)))


def test_a_failure_becomes_an_incident_with_its_rca_run() -> None:
    [receipt] = store(a_failure())
    [incident] = rows(Incident)
    [run] = rca_runs()
    assert (receipt.result, receipt.incident_id) == ("opened", incident.id)
    assert (incident.resource, incident.category, incident.status) == (
        "orders/load",
        "connection_error",
        "open",
    )
    assert incident.failure_count == 1
    assert run.run_id == incident.rca_run_id
    assert run.conf == {"incident_id": incident.id}
    assert actions(incident.id) == ["opened", "handed_off"]


def test_the_same_event_twice_changes_nothing() -> None:
    [first] = store(a_failure())
    before = actions(first.incident_id)
    [again] = store(a_failure())
    assert (again.result, again.incident_id) == ("duplicate", first.incident_id)
    assert rows(Incident)[0].failure_count == 1
    assert actions(first.incident_id) == before


def test_the_same_cause_in_another_run_is_counted() -> None:
    store(a_failure("run-1"))
    [receipt] = store(a_failure("run-2", minutes=10))
    [incident] = rows(Incident)
    assert receipt.result == "counted"
    assert incident.failure_count == 2
    assert (incident.first_failure_at, incident.last_failure_at) == (NOON, NOON + timedelta(minutes=10))
    assert len(rca_runs()) == 1
    assert "failed_again" in actions(incident.id)


def test_an_earlier_failure_that_arrives_late_moves_only_the_first_time() -> None:
    store(a_failure("run-2", minutes=10))
    store(a_failure("run-1", minutes=0))
    [incident] = rows(Incident)
    assert (incident.first_failure_at, incident.last_failure_at) == (NOON, NOON + timedelta(minutes=10))


def test_other_tasks_and_other_errors_are_other_incidents() -> None:
    other_error = a_failure("run-2", error="password authentication failed")
    receipts = store(a_failure(), a_failure(task="send"), other_error)
    assert [receipt.result for receipt in receipts] == ["opened"] * 3
    assert len(rows(Incident)) == 3


def test_a_try_that_is_retried_opens_nothing_and_is_on_the_timeline_of_the_last() -> None:
    assert store(a_failure(try_number=1, final=False))[0].result == "recorded"
    assert rows(Incident) == []
    [receipt] = store(a_failure(try_number=2))
    assert receipt.result == "opened"
    assert {row.incident_id for row in rows(FailureRow)} == {receipt.incident_id}
    assert rows(Incident)[0].failure_count == 1
    assert "earlier_try_failed" in actions(receipt.incident_id)


def test_one_batch_is_all_or_nothing_and_answers_in_order() -> None:
    batch = [a_failure(f"run-{n}", task=task) for n in range(3) for task in ("b", "a")]
    receipts = store(*batch)
    stored = {row.event_key: row.incident_id for row in rows(FailureRow)}
    assert [stored[f.event_key] for f in batch] == [r.incident_id for r in receipts]
    assert Counter(r.result for r in receipts) == {"opened": 2, "counted": 4}


def test_an_exception_right_after_the_hand_off_leaves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    real = handoff._create_runs
    made: list[int] = []

    def hand_off_then_fail(session, confs):
        real(session, confs)
        made.append(session.scalar(select(func.count(DagRun.id)).where(DagRun.dag_id == "rca_incident")))
        raise ZeroDivisionError

    monkeypatch.setattr(handoff, "_create_runs", hand_off_then_fail)
    with pytest.raises(ZeroDivisionError):
        store(a_failure())
    assert made == [1]
    assert (rows(Incident), rows(FailureRow), rows(AuditRow), rca_runs()) == ([], [], [], [])


@pytest.mark.parametrize(
    ("state", "reason"),
    [
        ({"is_paused": True}, "paused"),
        ({"is_stale": True}, "missing"),
        ({"has_import_errors": True}, "broken"),
    ],
)
def test_an_incident_waits_for_its_dag_and_says_so(state: dict, reason: str) -> None:
    set_rca_dag(**state)
    [receipt] = store(a_failure())
    [incident] = rows(Incident)
    assert receipt.result == "opened"
    assert reason in incident.analysis_problem
    assert (incident.rca_run_id, rca_runs()) == (None, [])
    assert reason in hand_off_waiting().reason

    set_rca_dag(is_paused=False, is_stale=False, has_import_errors=False)
    outcome = hand_off_waiting()
    [incident] = rows(Incident)
    assert (outcome.handed_off, outcome.still_waiting) == (1, 0)
    assert incident.analysis_problem is None
    assert [run.run_id for run in rca_runs()] == [incident.rca_run_id]
    assert hand_off_waiting().handed_off == 0


def set_rca_dag(**values: bool) -> None:
    with create_session(scoped=False) as session:
        session.execute(update(DagModel).where(DagModel.dag_id == "rca_incident").values(**values))


def test_a_failing_rca_run_is_noted_on_its_incident_and_not_analyzed() -> None:
    [opened] = store(a_failure())
    [incident] = rows(Incident)
    own = task_failure(
        TaskRef("rca_incident", incident.rca_run_id, "analyze", -1, 4),
        occurred_at=NOON, exception_type="KeyError", text="'x'", reported_by="listener",
    )  # fmt: skip
    [receipt] = store(own)
    assert (receipt.result, receipt.incident_id) == ("own", opened.incident_id)
    assert len(rows(Incident)) == len(rca_runs()) == 1
    assert rows(Incident)[0].failure_count == 1
    assert actions(opened.incident_id)[-1] == "rca_failed"
    assert "analyze of its RCA run failed: KeyError: 'x'" in rows(Incident)[0].analysis_problem
    assert hand_off_waiting().still_waiting == 0
    with create_session(scoped=False) as session:
        assert [f.run_id for f in failures_of(session, opened.incident_id)] == ["run-1"]


@pytest.mark.timeout(180)
def test_counts_are_exact_when_16_threads_report_at_once() -> None:
    def post(thread: int) -> None:
        for number in range(50):
            store(a_failure(f"run-{thread}-{number}"))

    in_threads(16, post)
    [incident] = rows(Incident)
    assert incident.failure_count == 800
    assert len(rca_runs()) == 1
    assert len(rows(FailureRow)) == 800
    with create_session(scoped=False) as session:
        assert audit.first_broken_entry(session, incident.id) is None
        entries = audit.timeline(session, incident.id)
    assert [entry.action for entry in entries[:2]] == ["opened", "handed_off"]
    assert {entry.action for entry in entries[2:]} == {"failed_again"}
    assert entries[-1].detail["count"] >= 500


@pytest.mark.timeout(180)
def test_distinct_failures_reported_twice_at_once_are_stored_once() -> None:
    results: list[str] = []

    def post(_: int) -> None:
        for number in range(25):
            results.extend(
                r.result for r in store(a_failure(task=f"task-{number}"), a_failure(task=f"t-{number}"))
            )

    in_threads(8, post)
    counted = Counter(results)
    assert counted["opened"] + counted["suppressed"] == 50
    assert counted["duplicate"] == 7 * 50
    failed = [incident for incident in rows(Incident) if incident.kind == "failure"]
    assert len({incident.resource for incident in failed}) == len(failed) == 50
    assert {incident.failure_count for incident in failed} == {1}


def in_threads(count: int, work) -> None:
    errors: list[BaseException] = []

    def guarded(number: int) -> None:
        try:
            work(number)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=guarded, args=(n,)) for n in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []


def test_a_busy_server_says_so_instead_of_waiting_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    working, go_on = threading.Event(), threading.Event()

    def hang(events):
        working.set()
        go_on.wait(30)
        return intake._store(events)

    monkeypatch.setattr(intake, "_together", GroupCommit(hang, most=10, patience=0.05, for_all=()))
    first = threading.Thread(target=store, args=(a_failure("run-1"),))
    first.start()
    working.wait(30)
    with pytest.raises(intake.BusyError):
        store(a_failure("run-2"))
    go_on.set()
    first.join()
    assert [row.run_id for row in rows(FailureRow)] == ["run-1"]


def test_what_one_sender_cannot_store_does_not_spoil_what_others_sent(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    real = intake.record
    monkeypatch.setattr(intake, "record", lambda session, events, waits_for: (
        1 / 0 if any(event.run_id == "bad" for event in events) else real(session, events, waits_for)
    ))  # fmt: skip
    together: list[str] = []

    def post(number: int) -> None:
        run = "bad" if number == 3 else f"run-{number}"
        try:
            together.append(store(a_failure(run))[0].result)
        except ZeroDivisionError:
            together.append("error")

    in_threads(8, post)
    assert sorted(together) == ["counted"] * 6 + ["error", "opened"]
    assert rows(Incident)[0].failure_count == 7
