"""The failed tries and runs in Airflow's tables that are missing among ours."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

from airflow.models.dagrun import DagRun
from airflow.models.log import Log
from airflow.models.taskinstance import TaskInstance
from airflow.models.taskinstancehistory import TaskInstanceHistory
from airflow.utils.state import DagRunState, TaskInstanceState
from sqlalchemy import and_, exists, func, or_, select
from sqlalchemy.orm import Session, joinedload

from rca_plugin.config import settings
from rca_plugin.server.models import FailureRow
from rca_plugin.server.task_instances import same_task

HOUSEKEEPING_DAG_ID = "rca_housekeeping"
# A report may still be on its way: its own text is better than what the log tells.
_GRACE_SECONDS = 5.0
_EARLIER_TRIES = 10

# What Airflow 3.3 writes into its audit log when a person marks a task or a run as failed: not a failure.
_PERSON_PATCHES_TASK = ("patch_task_instance", "patch_task_group_instances", "bulk_task_instances")
_PERSON_PATCHES_RUN = ("patch_dag_run", "bulk_dag_runs")
_TO_FAILED = Log.extra.contains('"failed"')


def window(session: Session) -> tuple[datetime, datetime]:
    """Since when, and until when, to look: from our own first run on, so that installing the plugin opens no
    incidents for the past.
    """
    now = datetime.now(timezone.utc)
    earliest = now - timedelta(hours=settings().reconcile_window)
    first_run = session.scalar(
        select(func.min(DagRun.start_date)).where(DagRun.dag_id == HOUSEKEEPING_DAG_ID)
    )
    until = now - timedelta(seconds=settings().listener_timeout + _GRACE_SECONDS)
    return max(earliest, first_run or now), until


def unreported_tries(session: Session, since: datetime, until: datetime, limit: int) -> list[TaskInstance]:
    """Tasks that failed for good, oldest first."""
    statement = (
        select(TaskInstance)
        .where(
            TaskInstance.state == TaskInstanceState.FAILED,
            TaskInstance.end_date.between(since, until),
            ~_known(TaskInstance),
            ~_task_failed_by_person(),
        )
        .options(joinedload(TaskInstance.trigger))
        .order_by(TaskInstance.end_date)
        .limit(limit)
    )
    return list(session.scalars(statement))


def unreported_runs(session: Session, since: datetime, until: datetime, limit: int) -> list[DagRun]:
    """Runs that failed while none of their tasks did: no task tells of it."""
    statement = (
        select(DagRun)
        .where(
            DagRun.state == DagRunState.FAILED,
            DagRun.end_date.between(since, until),
            ~exists().where(_of_run(TaskInstance), TaskInstance.state == TaskInstanceState.FAILED),
            ~exists().where(_of_run(FailureRow), FailureRow.final.is_(True)),
            ~exists().where(_of_run(Log), Log.event.in_(_PERSON_PATCHES_RUN), _TO_FAILED),
        )
        .order_by(DagRun.end_date)
        .limit(limit)
    )
    return list(session.scalars(statement))


def unreported_earlier_tries(session: Session, ti: TaskInstance) -> list[TaskInstanceHistory]:
    """The tries before this one that failed too."""
    history = TaskInstanceHistory
    statement = (
        select(history)
        .where(
            same_task(history, ti),
            history.try_number < ti.try_number,
            history.state.in_([TaskInstanceState.FAILED, TaskInstanceState.UP_FOR_RETRY]),
            ~_known(history),
        )
        .order_by(history.try_number.desc())
        .limit(_EARLIER_TRIES)
    )
    return list(session.scalars(statement))


def _known(model: Any) -> Any:
    return exists().where(same_task(FailureRow, model), FailureRow.try_number == model.try_number)


def _task_failed_by_person() -> Any:
    on_this_task = and_(
        Log.event.in_(_PERSON_PATCHES_TASK), or_(Log.task_id == TaskInstance.task_id, Log.task_id.is_(None))
    )
    return exists().where(
        Log.dag_id == TaskInstance.dag_id,
        Log.run_id == TaskInstance.run_id,
        Log.dttm >= TaskInstance.start_date,
        _TO_FAILED,
        or_(on_this_task, Log.event.in_(_PERSON_PATCHES_RUN)),
    )


def _of_run(model: Any) -> Any:
    return and_(model.dag_id == DagRun.dag_id, model.run_id == DagRun.run_id)
