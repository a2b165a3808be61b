"""What became of the same task, or DAG, in earlier runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any
from uuid import UUID

from airflow.models.dagrun import DagRun
from airflow.models.taskinstance import TaskInstance
from airflow.models.taskinstancehistory import TaskInstanceHistory
from airflow.utils.state import TaskInstanceState
from sqlalchemy import Float, and_, cast, null, select
from sqlalchemy.orm import Session

from rca_plugin.core.failure import TaskRef
from rca_plugin.server.task_instances import same_task

RUNS = 500


@dataclass(frozen=True)
class PastRun:
    """How the task came out in one earlier run. `duration` is in seconds."""

    run_id: str
    state: str
    ended: datetime
    duration: float | None
    version_id: UUID | None


@dataclass(frozen=True)
class Past:
    """The earlier runs of a task, the newest first, of at most the newest 500 runs of its DAG."""

    runs: Sequence[PastRun]

    @cached_property
    def successes(self) -> list[PastRun]:
        """Those that succeeded, the newest first."""
        return [run for run in self.runs if run.state == TaskInstanceState.SUCCESS]

    @property
    def last_success(self) -> PastRun | None:
        """The newest that succeeded."""
        return self.successes[0] if self.successes else None

    @cached_property
    def failures(self) -> list[PastRun]:
        """Those that failed, the newest first."""
        return [run for run in self.runs if run.state == TaskInstanceState.FAILED]


def past_of(session: Session, task: TaskRef, *, before: datetime) -> Past:
    """The past of a task, or of a DAG when no task is named, as it was `before`."""
    rows = session.execute(_of_task(task) if task.task_id else _of_dag(task)).all()
    if task.task_id:
        rows = [*rows, *session.execute(_cleared_successes(task)).all()]
    runs = [PastRun(*row) for row in rows if row.ended is not None and row.ended < before]
    return Past(sorted(runs, key=lambda run: run.ended, reverse=True))


def _newest_runs(task: TaskRef, *columns: Any) -> Any:
    """A bounded number of runs: a task that is mapped, or runs each minute, has millions of instances."""
    return (
        select(DagRun.run_id, *columns)
        .where(DagRun.dag_id == task.dag_id, DagRun.run_id != task.run_id)
        .order_by(DagRun.run_after.desc())
        .limit(RUNS)
    )


def _of_dag(task: TaskRef) -> Any:
    duration = cast(null(), Float)
    return _newest_runs(
        task, DagRun.state, DagRun.end_date.label("ended"), duration, DagRun.created_dag_version_id
    )


def _of_task(task: TaskRef) -> Any:
    runs = _newest_runs(task).subquery()
    ti = TaskInstance
    # Each run is one look into the unique index of all four columns.
    same = and_(ti.dag_id == task.dag_id, ti.task_id == task.task_id, ti.map_index == task.map_index)
    return select(*_columns(ti)).join(runs, ti.run_id == runs.c.run_id).where(same)


def _cleared_successes(task: TaskRef) -> Any:
    """In this very run: it had succeeded, and was run again."""
    history = TaskInstanceHistory
    earlier = and_(same_task(history, task), history.try_number < task.try_number)
    return select(*_columns(history)).where(earlier, history.state == TaskInstanceState.SUCCESS)


def _columns(model: Any) -> tuple[Any, ...]:
    return (model.run_id, model.state, model.end_date.label("ended"), model.duration, model.dag_version_id)
