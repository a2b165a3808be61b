"""What has to hold before a task of Airflow is cleared, so that the next try has a chance."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from airflow.models.asset import DagScheduleAssetReference, TaskOutletAssetReference
from airflow.models.dagrun import DagRun
from airflow.models.pool import Pool
from airflow.models.renderedtifields import RenderedTaskInstanceFields
from airflow.models.taskinstance import TaskInstance
from airflow.utils.state import DagRunState, TaskInstanceState
from sqlalchemy import select
from sqlalchemy.orm import Session

_DONE = (TaskInstanceState.SUCCESS, TaskInstanceState.SKIPPED, TaskInstanceState.REMOVED)


class NoRepairError(ValueError):
    """This cannot be cleared. The text says why."""


def check_task(dag: Any, task_id: str) -> None:
    """The task is still in the DAG. Raises NoRepairError."""
    if not dag.has_task(task_id):
        raise NoRepairError(f"task {task_id} is not in the DAG {dag.dag_id} any more")


def check_place(place: Mapping[str, str], session: Session) -> None:
    """The other pool is there: Airflow never runs a task whose pool is missing. Raises NoRepairError."""
    pool = place.get("pool")
    if pool and session.scalar(select(Pool.id).where(Pool.pool == pool)) is None:
        raise NoRepairError(f"pool {pool} is missing: create it in the Airflow UI")


def check_upstream(dag: Any, target: Mapping[str, Any], session: Session) -> None:
    """What the task waits for is there: the tasks before it in the run, and the DAGs that bring its data.

    Raises NoRepairError.
    """
    before = dag.get_task(target["task_id"]).upstream_task_ids
    in_run = (TaskInstance.dag_id == target["dag_id"], TaskInstance.run_id == target["run_id"])
    states = session.execute(
        select(TaskInstance.task_id, TaskInstance.state).where(*in_run, TaskInstance.task_id.in_(before))
    )
    for task_id, state in sorted(states, key=lambda row: str(row[0])):
        if state not in _DONE:
            raise NoRepairError(f"upstream task {task_id} is {state or 'waiting'}")
    for dag_id in sorted(_awaited(target, session) | _producers(target["dag_id"], session)):
        newest = select(DagRun).where(DagRun.dag_id == dag_id).order_by(DagRun.run_after.desc()).limit(1)
        run = session.scalar(newest)
        if run is not None and run.state != DagRunState.SUCCESS:
            raise NoRepairError(f"the newest run of DAG {dag_id}, which it waits for, is {run.state}")


def _awaited(target: Mapping[str, Any], session: Session) -> set[str]:
    """The DAGs that a sensor waits for: ExternalTaskSensor has the name among its template fields."""
    names = ("dag_id", "run_id", "task_id")
    this = [getattr(RenderedTaskInstanceFields, name) == target[name] for name in names]
    fields = session.scalars(select(RenderedTaskInstanceFields.rendered_fields).where(*this).limit(1)).first()
    awaited = (fields or {}).get("external_dag_id")
    return {awaited} if isinstance(awaited, str) and awaited != target["dag_id"] else set()


def _producers(dag_id: str, session: Session) -> set[str]:
    """The DAGs with tasks that update the assets by which this DAG is scheduled."""
    wanted = select(DagScheduleAssetReference.asset_id).where(DagScheduleAssetReference.dag_id == dag_id)
    producing = select(TaskOutletAssetReference.dag_id).where(TaskOutletAssetReference.asset_id.in_(wanted))
    return set(session.scalars(producing)) - {dag_id}
