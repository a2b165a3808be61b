"""Rows of Airflow's own tables: DAGs, runs and task instances as its scheduler leaves them."""

from __future__ import annotations

import uuid
from datetime import datetime, timezone
from typing import Any

from airflow.models.dag_version import DagVersion
from airflow.models.dagbundle import DagBundleModel
from airflow.models.dagrun import DagRun
from airflow.models.serialized_dag import SerializedDagModel
from airflow.models.taskinstance import TaskInstance
from airflow.sdk import DAG
from airflow.serialization.definitions.dag import SerializedDAG
from airflow.serialization.serialized_objects import DagSerialization, LazyDeserializedDAG
from airflow.utils.session import create_session
from airflow.utils.state import DagRunState, TaskInstanceState
from airflow.utils.types import DagRunTriggeredByType, DagRunType
from sqlalchemy import insert, select, update

LONG_AGO = datetime(2026, 1, 1, tzinfo=timezone.utc)


def add_dag(dag: DAG) -> None:
    """Write a DAG as the DAG processor would."""
    with create_session(scoped=False) as session:
        session.merge(DagBundleModel(name="tests"))
        session.flush()
        data = LazyDeserializedDAG(data=DagSerialization.to_dict(dag))
        SerializedDAG.bulk_write_to_db("tests", None, [data], session=session)
        session.flush()
        SerializedDagModel.write_dag(data, bundle_name="tests", session=session)


def add_run(
    dag_id: str,
    run_id: str,
    *,
    state: DagRunState = DagRunState.RUNNING,
    started: datetime = LONG_AGO,
    **more: Any,
) -> None:
    """Write a run of a DAG, which need not exist."""
    values = {
        "dag_id": dag_id, "run_id": run_id, "run_type": DagRunType.MANUAL, "state": state, "start_date": started,
        "run_after": started, "queued_at": started, "triggered_by": DagRunTriggeredByType.TEST, **more,
    }  # fmt: skip
    with create_session(scoped=False) as session:
        session.execute(insert(DagRun.__table__).values(**values))


def add_task(
    dag_id: str,
    run_id: str,
    task_id: str,
    state: TaskInstanceState | None,
    *,
    started: datetime,
    map_index: int = -1,
    **more: Any,
) -> None:
    """Write a task instance of a run, of the DAG's newest version if it has one."""
    values = {
        "id": uuid.uuid4(), "dag_id": dag_id, "run_id": run_id, "task_id": task_id, "map_index": map_index,
        "state": state, "start_date": started, "try_number": 1, "pool": "default_pool", "pool_slots": 1,
    }  # fmt: skip
    with create_session(scoped=False) as session:
        version = DagVersion.get_latest_version(dag_id, session=session)
        values |= {"dag_version_id": version and version.id, **more}
        session.execute(insert(TaskInstance.__table__).values(**values))


def run_dag(dag_id: str, run_id: str, **changes: Any) -> None:
    """Create a run of a DAG that exists, with its task instances."""
    from airflow.models.dagbag import DBDagBag

    with create_session(scoped=False) as session:
        dag = DBDagBag().get_latest_version_of_dag(dag_id, session=session)
        dag.create_dagrun(
            run_id=run_id, run_after=LONG_AGO, run_type=DagRunType.MANUAL, state=DagRunState.RUNNING,
            triggered_by=DagRunTriggeredByType.TEST, session=session,
        )  # fmt: skip
        session.flush()
        if changes:
            session.execute(update(DagRun).where(DagRun.run_id == run_id).values(**changes))


def run_of(dag_id: str, run_id: str) -> DagRun:
    """The run as it is now."""
    with create_session(scoped=False) as session:
        return session.scalars(select(DagRun).where(DagRun.dag_id == dag_id, DagRun.run_id == run_id)).one()
