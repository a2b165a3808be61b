"""Upstream tasks, history, trend, pool and tries of a failed task, on SQLite and on PostgreSQL."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from airflow.models.pool import Pool
from airflow.utils.session import create_session
from airflow.utils.state import TaskInstanceState
from sqlalchemy import delete

from tests.server.airflow_rows import add_dag, add_task
from tests.server.orders import (
    DAG_ID,
    DAY,
    FAILED,
    NOW,
    SUCCESS,
    evidence,
    failure_of,
    logged,
    orders,
    ran,
    texts,
    worked_yesterday,
)  # fmt: skip

pytestmark = pytest.mark.usefixtures("database")


def only(kind: str, **failure: Any) -> str:
    [text] = texts(kind, evidence(**failure))
    return text


def test_upstream_tasks_are_told_those_that_did_not_succeed_first() -> None:
    with orders() as dag:
        from airflow.providers.standard.operators.bash import BashOperator

        BashOperator(task_id="approve", bash_command="true") >> dag.get_task("load")
    add_dag(dag)
    ran("today", FAILED, at=NOW)
    add_task(DAG_ID, "today", "extract", SUCCESS, started=NOW - DAY, end_date=NOW, duration=240.0)
    add_task(DAG_ID, "today", "approve", TaskInstanceState.SKIPPED, started=NOW - DAY)
    lines = only("upstream").splitlines()
    assert lines[0] == "1 of 2 upstream tasks succeeded; approve did not."
    assert lines[1] == "approve: skipped"
    assert lines[2].startswith("extract: success, ran 4 minutes, ended 2026-11-24 03:00:00 UTC")


def test_the_states_of_a_mapped_upstream_task_are_counted() -> None:
    add_dag(orders())
    ran("today", FAILED, at=NOW)
    for index in range(4):
        state = FAILED if index == 3 else SUCCESS
        add_task(DAG_ID, "today", "extract", state, started=NOW - DAY, map_index=index, duration=2.0 + index)
    text = only("upstream")
    assert "extract: failed, ran 5.0 s; 3 instances success, ran up to 4.0 s" in text


def test_how_often_it_failed_and_when_it_last_worked() -> None:
    worked_yesterday()
    for days in (2, 3, 40):
        ran(f"{days} days ago", FAILED, at=NOW - days * DAY)
    ran("today", FAILED, at=NOW)
    failure_of("2 days ago")
    failure_of("3 days ago", signature="another error")
    first, second = only("history").splitlines()
    assert first == (
        "Failed in 2 of its 3 earlier runs in the last 30 days, the last time 2026-11-22 03:00:00 UTC (2 days ago) "
        "with the same error; 1 of 2 recorded ones had the same."
    )
    assert second == "Last success: 2026-11-23 03:00:00 UTC, 24 hours before this failure (yesterday)."


def test_a_task_without_a_past_or_without_a_success() -> None:
    add_dag(orders())
    ran("today", FAILED, at=NOW)
    assert only("history") == "Airflow knows of no earlier run of this task."
    ran("yesterday", FAILED, at=NOW - DAY)
    assert only("history").splitlines()[1] == "It succeeded in none of its newest 1 runs."


def test_a_success_of_the_same_run_that_was_cleared_is_the_last_success() -> None:
    from airflow.models.taskinstance import TaskInstance
    from airflow.models.taskinstancehistory import TaskInstanceHistory
    from sqlalchemy import update

    worked_yesterday()
    ran("today", SUCCESS, at=NOW - timedelta(hours=1))
    with create_session(scoped=False) as session:
        ti = session.query(TaskInstance).filter_by(run_id="today", task_id="load").one()
        session.add(TaskInstanceHistory(ti))
        session.flush()
        again = {"state": FAILED, "try_number": 2, "end_date": NOW}
        session.execute(update(TaskInstance).where(TaskInstance.run_id == "today").values(**again))
    assert "60 minutes before this failure (today)" in only("history", try_number=2)


def test_an_index_of_a_mapped_task_is_compared_with_itself() -> None:
    add_dag(orders())
    for index, state in ((0, FAILED), (1, SUCCESS)):
        ran(f"run of {index}", state, at=NOW - DAY, map_index=index)
    ran("today", FAILED, at=NOW, map_index=0)
    assert "Failed in 1 of its 1 earlier runs" in only("history", map_index=0)


def test_a_try_that_took_far_longer_than_usual_is_told() -> None:
    add_dag(orders())
    for day in range(1, 8):
        ran(f"day {day}", SUCCESS, at=NOW - day * DAY, seconds=600 + day)
    ran("today", FAILED, at=NOW, seconds=3600)
    assert only("trend") == (
        "It ran for 60 minutes, 6.0 times the median of its last 7 successes, 10 minutes (10 minutes to 10 minutes)."
    )


@pytest.mark.parametrize(("successes", "seconds"), [(7, 700.0), (4, 3600.0)])
def test_a_usual_duration_or_too_few_to_compare_are_no_fact(successes: int, seconds: float) -> None:
    add_dag(orders())
    for day in range(1, successes + 1):
        ran(f"day {day}", SUCCESS, at=NOW - day * DAY, seconds=600)
    ran("today", FAILED, at=NOW, seconds=seconds)
    assert texts("trend", evidence()) == []


@pytest.fixture
def a_pool() -> Any:
    with create_session(scoped=False) as session:
        session.add(Pool(pool="warehouse", slots=4, description="", include_deferred=False))
    yield
    with create_session(scoped=False) as session:
        session.execute(delete(Pool).where(Pool.pool == "warehouse"))


def test_the_pool_and_how_long_the_try_waited_for_it(a_pool: None) -> None:
    add_dag(orders())
    queued = NOW - timedelta(minutes=11)
    ran("today", FAILED, at=NOW, pool="warehouse", pool_slots=2, queued_dttm=queued)
    for number, state in enumerate(
        [TaskInstanceState.RUNNING, TaskInstanceState.QUEUED, TaskInstanceState.SCHEDULED]
    ):
        add_task(
            DAG_ID, "today", f"other_{number}", state, started=NOW, pool="warehouse", pool_slots=number + 1
        )
    assert only("pool").splitlines() == [
        "Pool warehouse: 4 slots, now 1 running, 2 queued, 3 scheduled, 0 deferred, 1 open; the task takes 2. "
        "The try waited 10 minutes in the queue.",
        "Limits of the DAG: max_active_tasks 16, max_active_runs 16.",
    ]


def test_a_pool_that_is_gone() -> None:
    add_dag(orders())
    ran("today", FAILED, at=NOW, pool="warehouse")
    assert only("pool") == "Pool warehouse does not exist any more."


def test_a_process_that_was_lost_is_told_by_its_heartbeat_and_the_scheduler() -> None:
    add_dag(orders())
    heartbeat = NOW - timedelta(seconds=300)
    ran("today", FAILED, at=NOW, hostname="worker-7", pid=4711, last_heartbeat_at=heartbeat)
    logged(
        "heartbeat timeout", "Task did not emit heartbeat within time limit (300 seconds)", minutes=0,
        dag_id=DAG_ID, task_id="load", run_id="today", map_index=-1, try_number=1,
    )  # fmt: skip
    assert only("tries") == (
        "Try 1: failed, started 2026-11-24 02:59:00 UTC, ran 60.0 s, on worker-7 as process 4711, "
        "last heartbeat 2026-11-24 02:55:00 UTC, 5 minutes before its end"
    )
    assert only("note").startswith("Task did not emit heartbeat")
    assert "Airflow has no log of this try." in texts("missing", evidence())[0]
