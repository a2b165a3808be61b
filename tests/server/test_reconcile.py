"""What nobody reported is found in Airflow's own tables, on SQLite and on PostgreSQL."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from airflow.models.dagbag import DBDagBag
from airflow.models.dagrun import DagRun
from airflow.models.log import Log
from airflow.models.taskinstance import TaskInstance
from airflow.utils.session import create_session
from airflow.utils.types import DagRunTriggeredByType, DagRunType
from sqlalchemy import select, update

from rca_plugin.core.failure import Report, TaskRef
from rca_plugin.core.sources.airflow import task_failure
from rca_plugin.server.intake import take_in
from rca_plugin.server.models import FailureRow, Incident
from rca_plugin.server.reconcile import reconcile

pytestmark = pytest.mark.usefixtures("database")

DAG_ID, TASK_ID = "example_customer_export", "build_rows"
NOW = datetime.now(timezone.utc)
A_MINUTE_AGO = NOW - timedelta(minutes=1)


@pytest.fixture(autouse=True)
def housekeeping_since_an_hour(database: str) -> None:
    a_run("rca_housekeeping", "housekeeping-1", state="success", started=NOW - timedelta(hours=1))


def a_run(dag_id: str, run_id: str, *, state: str, started: datetime, ended: datetime | None = None) -> None:
    with create_session(scoped=False) as session:
        dag = DBDagBag().get_latest_version_of_dag(dag_id, session=session)
        dag.create_dagrun(
            run_id=run_id, run_after=started, run_type=DagRunType.MANUAL, triggered_by=DagRunTriggeredByType.TEST,
            state=state, session=session,
        )  # fmt: skip
        session.flush()
        values = {"start_date": started, "end_date": ended or started, "state": state}
        session.execute(update(DagRun).where(DagRun.run_id == run_id).values(**values))


def a_failed_task(run_id: str = "run-1", *, ended: datetime = A_MINUTE_AGO, state: str = "failed") -> None:
    started = ended - timedelta(seconds=30)
    a_run(DAG_ID, run_id, state="failed", started=started, ended=ended)
    with create_session(scoped=False) as session:
        values = {"state": state, "start_date": started, "end_date": ended, "try_number": 1}
        session.execute(update(TaskInstance).where(TaskInstance.run_id == run_id).values(**values))


def incidents() -> list[Incident]:
    with create_session(scoped=False) as session:
        return list(session.scalars(select(Incident).order_by(Incident.id)))


def test_a_failed_task_that_nobody_reported_is_taken_in_once() -> None:
    a_failed_task()
    found = reconcile()
    assert (found.taken_in, found.more) == (1, False)
    [incident] = incidents()
    assert (incident.resource, incident.failure_count) == (f"{DAG_ID}/{TASK_ID}", 1)
    assert incident.rca_run_id
    assert reconcile().taken_in == 0


def test_what_was_reported_is_left_alone() -> None:
    a_failed_task()
    reported = task_failure(
        TaskRef(DAG_ID, "run-1", TASK_ID, -1, 1),
        occurred_at=A_MINUTE_AGO,
        exception_type="KeyError",
        text="'name'",
        reported_by="listener",
    )
    take_in(Report((reported,)))
    assert reconcile().taken_in == 0
    assert len(incidents()) == 1


def test_a_report_is_given_time_to_arrive() -> None:
    a_failed_task(ended=datetime.now(timezone.utc))
    assert reconcile().taken_in == 0


def test_the_past_before_the_first_housekeeping_run_stays_the_past() -> None:
    a_failed_task(ended=NOW - timedelta(hours=2))
    assert reconcile().taken_in == 0


@pytest.mark.parametrize(
    ("event", "of_task"),
    [("patch_task_instance", True), ("patch_task_group_instances", False), ("patch_dag_run", False)],
)
def test_what_a_person_marked_as_failed_is_no_failure(event: str, of_task: bool) -> None:
    a_failed_task()
    log(event, {"new_state": "failed"}, task_id=TASK_ID if of_task else None)
    assert reconcile().taken_in == 0


def test_a_note_by_a_person_does_not_hide_a_failure() -> None:
    a_failed_task()
    log("patch_task_instance", {"note": "looking into it"}, task_id=TASK_ID)
    assert reconcile().taken_in == 1


def log(event: str, extra: dict[str, Any], task_id: str | None) -> None:
    with create_session(scoped=False) as session:
        entry = Log(
            event=event, dag_id=DAG_ID, run_id="run-1", task_id=task_id, owner="ada", extra=json.dumps(extra)
        )
        session.add(entry)


def test_a_run_that_failed_without_a_failed_task_is_a_failure_of_its_dag() -> None:
    a_failed_task(state="skipped")
    assert reconcile().taken_in == 1
    [incident] = incidents()
    assert incident.resource == DAG_ID
    assert incident.title == "The run failed, none of its tasks did"
    assert reconcile().taken_in == 0


def test_a_run_that_a_person_marked_as_failed_is_no_failure() -> None:
    a_failed_task(state="skipped")
    log("patch_dag_run", {"state": "failed"}, task_id=None)
    assert reconcile().taken_in == 0


def test_many_are_taken_in_a_batch_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setattr(sys.modules["rca_plugin.server.reconcile"], "_BATCH", 2)
    for number in range(3):
        a_failed_task(f"run-{number}", ended=A_MINUTE_AGO + timedelta(seconds=number))
    assert (first := reconcile()).more
    assert first.taken_in + reconcile().taken_in == 3
    [incident] = incidents()
    assert incident.failure_count == 3
    with create_session(scoped=False) as session:
        assert {row.reported_by for row in session.scalars(select(FailureRow))} == {"reconciler"}
