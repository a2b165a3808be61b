"""Find the failures that nobody reported, and take them in.

A killed task process runs no listener, a stopped API server hears no report, and a DAG run that timed out
leaves no failed task at all. The rows of Airflow are complete: what is missing among ours is taken in now.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any

from airflow.models.dagrun import DagRun
from airflow.models.log import Log
from airflow.models.taskinstance import TaskInstance
from airflow.models.taskinstancehistory import TaskInstanceHistory
from airflow.utils.session import create_session
from airflow.utils.state import DagRunState, TaskInstanceState
from sqlalchemy import and_, exists, func, or_, select
from sqlalchemy.orm import Session, joinedload

from rca_plugin.config import settings
from rca_plugin.core.failure import Failure, TaskRef
from rca_plugin.core.sources.airflow import task_failure
from rca_plugin.server.intake import Receipt, take_in
from rca_plugin.server.models import FailureRow
from rca_plugin.server.task_instances import Try
from rca_plugin.server.task_log import read_tail

HOUSEKEEPING_DAG_ID = "rca_housekeeping"
# A run of the housekeeping DAG reads logs, so it is bounded; the next run goes on.
_BATCH = 200
_SECONDS = 20.0
# A report may still be on its way: its own text is better than what the log tells.
_GRACE_SECONDS = 5.0
_LOG_LINES = 60

# What Airflow 3.3 writes into its audit log when a person marks a task or a run as failed: not a failure.
_PERSON_PATCHES_TASK = ("patch_task_instance", "patch_task_group_instances", "bulk_task_instances")
_PERSON_PATCHES_RUN = ("patch_dag_run", "bulk_dag_runs")
_TO_FAILED = Log.extra.contains('"failed"')


@dataclass(frozen=True)
class Found:
    """How many unreported failures were taken in, and whether there are more to come."""

    taken_in: int
    more: bool


def reconcile() -> Found:
    """Take in what is missing, oldest first, for a bounded time."""
    deadline = time.monotonic() + _SECONDS
    with create_session(scoped=False) as session:
        since, until = _window(session)
        missing = [*_missing_tries(session, since, until), *_missing_runs(session, since, until)]
        receipts: list[Receipt] = []
        for row in missing[:_BATCH]:
            if time.monotonic() > deadline:
                return Found(_stored(receipts), more=True)
            receipts.extend(take_in([*_as_failures(session, row)]))
    return Found(_stored(receipts), more=len(missing) > _BATCH)


def _stored(receipts: list[Receipt]) -> int:
    return sum(receipt.result != "duplicate" for receipt in receipts)


def _window(session: Session) -> tuple[datetime, datetime]:
    """Since our own first run, so that installing the plugin opens no incidents for the past."""
    now = datetime.now(timezone.utc)
    settings_ = settings()
    earliest = now - timedelta(hours=settings_.reconcile_window)
    first_run = session.scalar(
        select(func.min(DagRun.start_date)).where(DagRun.dag_id == HOUSEKEEPING_DAG_ID)
    )
    until = now - timedelta(seconds=settings_.listener_timeout + _GRACE_SECONDS)
    return max(earliest, first_run or now), until


def _missing_tries(session: Session, since: datetime, until: datetime) -> list[TaskInstance]:
    statement = (
        select(TaskInstance)
        .where(
            TaskInstance.state == TaskInstanceState.FAILED,
            TaskInstance.end_date.between(since, until),
            ~_known(TaskInstance),
            ~_set_by_person(TaskInstance),
        )
        .options(joinedload(TaskInstance.trigger))
        .order_by(TaskInstance.end_date)
        .limit(_BATCH + 1)
    )
    return list(session.scalars(statement))


def _missing_runs(session: Session, since: datetime, until: datetime) -> list[DagRun]:
    """Failed runs in which no task failed: their failure is not told by any task."""
    failed_task = exists().where(
        TaskInstance.dag_id == DagRun.dag_id,
        TaskInstance.run_id == DagRun.run_id,
        TaskInstance.state == TaskInstanceState.FAILED,
    )
    known = exists().where(
        FailureRow.dag_id == DagRun.dag_id, FailureRow.run_id == DagRun.run_id, FailureRow.final.is_(True)
    )
    set_by_person = exists().where(
        Log.dag_id == DagRun.dag_id,
        Log.run_id == DagRun.run_id,
        Log.event.in_(_PERSON_PATCHES_RUN),
        _TO_FAILED,
    )
    statement = (
        select(DagRun)
        .where(
            DagRun.state == DagRunState.FAILED,
            DagRun.end_date.between(since, until),
            ~failed_task,
            ~known,
            ~set_by_person,
        )
        .order_by(DagRun.end_date)
        .limit(_BATCH + 1)
    )
    return list(session.scalars(statement))


def _known(model: Any) -> Any:
    return exists().where(
        FailureRow.dag_id == model.dag_id,
        FailureRow.run_id == model.run_id,
        FailureRow.task_id == model.task_id,
        FailureRow.map_index == model.map_index,
        FailureRow.try_number == model.try_number,
    )


def _set_by_person(model: Any) -> Any:
    on_this_task = and_(
        Log.event.in_(_PERSON_PATCHES_TASK), or_(Log.task_id == model.task_id, Log.task_id.is_(None))
    )
    return exists().where(
        Log.dag_id == model.dag_id,
        Log.run_id == model.run_id,
        Log.dttm >= model.start_date,
        _TO_FAILED,
        or_(on_this_task, Log.event.in_(_PERSON_PATCHES_RUN)),
    )


def _as_failures(session: Session, row: TaskInstance | DagRun) -> Iterator[Failure]:
    if isinstance(row, DagRun):
        yield _run_failure(row)
        return
    yield from (_try_failure(earlier, final=False) for earlier in _unreported_earlier_tries(session, row))
    yield _try_failure(row, final=True)


def _unreported_earlier_tries(session: Session, ti: TaskInstance) -> list[TaskInstanceHistory]:
    history = TaskInstanceHistory
    statement = (
        select(history)
        .where(
            history.dag_id == ti.dag_id,
            history.run_id == ti.run_id,
            history.task_id == ti.task_id,
            history.map_index == ti.map_index,
            history.try_number < ti.try_number,
            history.state.in_([TaskInstanceState.FAILED, TaskInstanceState.UP_FOR_RETRY]),
            ~_known(history),
        )
        .order_by(history.try_number.desc())
        .limit(10)
    )
    return list(session.scalars(statement))


def _try_failure(ti: Try, *, final: bool) -> Failure:
    log_tail = read_tail(ti, _LOG_LINES)
    return task_failure(
        TaskRef(ti.dag_id, ti.run_id, ti.task_id, ti.map_index, ti.try_number),
        occurred_at=ti.end_date or datetime.now(timezone.utc),
        exception_type=log_tail.error.exception_type if log_tail.error else None,
        text=log_tail.error.text if log_tail.error else "The task process ended without reporting an error",
        detail="\n".join(log_tail.lines),
        final=final,
        operator=ti.operator,
        reported_by="reconciler",
    )


def _run_failure(run: DagRun) -> Failure:
    timeout = _timeout_of(run)
    text = (
        f"The run exceeded its dagrun_timeout of {timeout}"
        if timeout
        else "The run failed, none of its tasks did"
    )
    return task_failure(
        TaskRef(run.dag_id, run.run_id),
        occurred_at=run.end_date,
        exception_type="DagRunTimeout" if timeout else None,
        text=text,
        reported_by="reconciler",
    )


def _timeout_of(run: DagRun) -> timedelta | None:
    """The dagrun_timeout of the run's DAG, if the run has exceeded it."""
    from airflow.models.dagbag import DBDagBag

    with create_session(scoped=False) as session:
        dag = DBDagBag().get_dag_for_run(run, session=session)
    limit: timedelta | None = getattr(dag, "dagrun_timeout", None)
    if limit is None or run.start_date is None or run.end_date is None:
        return None
    return limit if run.end_date - run.start_date >= limit else None
