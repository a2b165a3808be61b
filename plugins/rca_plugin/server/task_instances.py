"""The task instances and runs of Airflow that failures speak of."""

from __future__ import annotations

from typing import Any, TypeAlias

from airflow.models.dagrun import DagRun
from airflow.models.taskinstance import TaskInstance
from airflow.models.taskinstancehistory import TaskInstanceHistory
from airflow.utils.state import TaskInstanceState
from sqlalchemy import and_, select
from sqlalchemy.orm import Session, joinedload

from rca_plugin.core.failure import TaskRef

Try: TypeAlias = TaskInstance | TaskInstanceHistory
"""A try that is the latest one, or one in the history."""

_UNSETTLED = {TaskInstanceState.RUNNING, TaskInstanceState.RESTARTING}


def same_task(model: Any, other: Any) -> Any:
    """The condition that a row of `model` is of the same task instance as `other`, whatever the try.

    `other` is a TaskRef, a row, or a model that the query joins.
    """
    return and_(
        model.dag_id == other.dag_id,
        model.run_id == other.run_id,
        model.task_id == other.task_id,
        model.map_index == other.map_index,
    )


def find_try(session: Session, task: TaskRef) -> Try | None:
    """The row of this try: the task instance while it is the latest one, else its history."""
    latest = select(TaskInstance).options(joinedload(TaskInstance.trigger))
    for model, statement in ((TaskInstance, latest), (TaskInstanceHistory, select(TaskInstanceHistory))):
        row: Try | None = session.scalar(
            statement.where(same_task(model, task), model.try_number == task.try_number)
        )
        if row is not None:
            return row
    return None


def all_tries(session: Session, task: TaskRef) -> list[Try]:
    """Every try of this task instance, oldest first."""
    tries: list[Try] = []
    for model in (TaskInstanceHistory, TaskInstance):
        tries.extend(session.scalars(select(model).where(same_task(model, task))))
    return sorted(tries, key=lambda ti: ti.try_number)


def is_settled(ti: Try | None) -> bool:
    """Whether the try is over as far as the database knows.

    At the moment a task process reports its failure, Airflow 3.3 still says `running`.
    """
    return ti is None or ti.state not in _UNSETTLED


def find_run(session: Session, task: TaskRef) -> DagRun | None:
    """The DAG run of a failure."""
    run: DagRun | None = session.scalar(
        select(DagRun).where(DagRun.dag_id == task.dag_id, DagRun.run_id == task.run_id)
    )
    return run
