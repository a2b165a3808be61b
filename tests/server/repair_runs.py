"""Runs of the DAG that repairs, as the scheduler and the approving tasks leave them."""

from __future__ import annotations

from datetime import datetime, timezone

from airflow.models.dag import DagModel
from airflow.models.hitl import HITLDetail
from airflow.models.taskinstance import TaskInstance
from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import DAG
from airflow.utils.session import create_session
from airflow.utils.state import DagRunState, TaskInstanceState
from sqlalchemy import select, update

from rca_plugin.server.rca_dag import REPAIR_DAG_ID
from tests.server.airflow_rows import add_dag, run_of

APPROVE, AGAIN = "approve", "approve_again"
_TASKS = (APPROVE, AGAIN, "act", "verify", "conclude")


def repair_dag() -> None:
    """The DAG is there: the real one where the deployment has it, else one with the same tasks."""
    with create_session(scoped=False) as session:
        if session.get(DagModel, REPAIR_DAG_ID) is not None:
            return
    with DAG(REPAIR_DAG_ID, schedule=None, is_paused_upon_creation=False, tags=["rca"]) as dag:
        for name in _TASKS:
            EmptyOperator(task_id=name)
    add_dag(dag)


def repair_run(run_id: str | None) -> object:
    """A run as it is now."""
    assert run_id is not None
    return run_of(REPAIR_DAG_ID, run_id)


def asks(run_id: str | None, task_id: str = APPROVE) -> None:
    """The task waits for an answer, as ApprovalOperator has it in Airflow 3.3."""
    with create_session(scoped=False) as session:
        ti = _task(session, run_id, task_id)
        ti.state, ti.next_method, ti.next_kwargs = TaskInstanceState.AWAITING_INPUT, "execute_complete", {}
        session.add(HITLDetail(ti_id=ti.id, options=["Approve", "Reject"], subject="?", body="", defaults=["Reject"],
                               multiple=False, params={}))  # fmt: skip


def answered(
    run_id: str | None, choice: str, by: str | None, task_id: str = APPROVE, *, at: datetime | None = None
) -> None:
    """Somebody answered in Airflow's own page; by nobody: the time to answer ended."""
    with create_session(scoped=False) as session:
        ti = _task(session, run_id, task_id)
        detail = session.get(HITLDetail, ti.id)
        assert detail is not None
        detail.chosen_options, detail.responded_at = [choice], at or datetime.now(timezone.utc)
        detail.responded_by = {"id": by, "name": by.title()} if by else None
        ti.state = TaskInstanceState.SCHEDULED


def task_state(run_id: str | None, task_id: str = APPROVE) -> str | None:
    """What a task of a run is at."""
    with create_session(scoped=False) as session:
        return _task(session, run_id, task_id).state


def ended(run_id: str | None, state: DagRunState = DagRunState.FAILED) -> None:
    """The run is over, whatever its tasks did."""
    from airflow.models.dagrun import DagRun

    with create_session(scoped=False) as session:
        session.execute(update(DagRun).where(DagRun.run_id == run_id).values(state=state))


def _task(session: object, run_id: str | None, task_id: str) -> TaskInstance:
    found = select(TaskInstance).where(
        TaskInstance.dag_id == REPAIR_DAG_ID, TaskInstance.run_id == run_id, TaskInstance.task_id == task_id
    )
    return session.scalars(found).one()  # type: ignore[attr-defined]
