"""The task instances and runs of Airflow that failures speak of."""

from __future__ import annotations

from typing import TypeAlias

from airflow.models.dagrun import DagRun
from airflow.models.taskinstance import TaskInstance
from airflow.models.taskinstancehistory import TaskInstanceHistory
from airflow.utils.state import TaskInstanceState
from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from rca_plugin.core.failure import TaskRef

Try: TypeAlias = TaskInstance | TaskInstanceHistory
"""A try that is the latest one, or one in the history."""

_UNSETTLED = {TaskInstanceState.RUNNING, TaskInstanceState.RESTARTING}


def find_try(session: Session, task: TaskRef) -> Try | None:
    """The row of this try: the task instance while it is the latest one, else its history."""
    for model in (TaskInstance, TaskInstanceHistory):
        row: Try | None = session.scalar(
            select(model)
            .where(
                model.dag_id == task.dag_id,
                model.run_id == task.run_id,
                model.task_id == task.task_id,
                model.map_index == task.map_index,
                model.try_number == task.try_number,
            )
            .options(*([joinedload(TaskInstance.trigger)] if model is TaskInstance else []))
        )
        if row is not None:
            return row
    return None


def all_tries(session: Session, task: TaskRef) -> list[Try]:
    """Every try of this task instance, oldest first."""
    tries: list[Try] = []
    for model in (TaskInstanceHistory, TaskInstance):
        tries.extend(
            session.scalars(
                select(model).where(
                    model.dag_id == task.dag_id,
                    model.run_id == task.run_id,
                    model.task_id == task.task_id,
                    model.map_index == task.map_index,
                )
            )
        )
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
