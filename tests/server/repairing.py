"""Incidents that ask for repairs, in tests: what could be done, who answers, and what is decided."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import DAG
from airflow.utils.session import create_session
from airflow.utils.state import DagRunState, TaskInstanceState
from sqlalchemy import update

from rca_plugin.core.remediation.proposal import Proposal
from rca_plugin.server import remediation_begin, remediation_outcome, remediation_plan, remediations
from rca_plugin.server.database import transaction
from rca_plugin.server.models import Incident, Remediation
from rca_plugin.server.remediation_outcome import Concluded, Outcome
from tests.server.airflow_rows import add_dag, run_dag
from tests.server.made import incident, store, task_failed
from tests.server.rows import add, an_incident

DAG_ID, RUN = "orders", "run-1"
FAILED, SUCCESS = TaskInstanceState.FAILED, TaskInstanceState.SUCCESS


@dataclass(frozen=True)
class Someone:
    """A user of Airflow as the server knows one, and what that user may do."""

    name: str
    reads: bool = True
    acts: bool = True

    @property
    def user(self) -> Any:
        return SimpleNamespace(get_id=lambda: self.name, get_name=lambda: self.name.title())

    def may_read(self, _dag_id: str | None) -> bool:
        return self.reads

    def may_act(self) -> bool:
        return self.acts


ADA, BOB = Someone("ada"), Someone("bob")


def policy_file(folder: Path, text: str) -> Path:
    """A file that says how far repairs may go."""
    file = folder / "remediation.yaml"
    file.write_text(text)
    return file


def orders(**load: Any) -> None:
    """The DAG extract → load → publish, as Airflow has it."""
    with DAG(DAG_ID, schedule=None, is_paused_upon_creation=False) as dag:
        extract, publish = (
            BashOperator(task_id=name, bash_command="true") for name in ("extract", "publish")
        )
        extract >> BashOperator(task_id="load", bash_command="true", **load) >> publish
    add_dag(dag)


def orders_failed(error: str | None = None, **load: Any) -> int:
    """`load` failed, which is an incident: its number."""
    orders(**load)
    run_dag(DAG_ID, RUN, state=DagRunState.FAILED)
    became({"extract": SUCCESS, "load": FAILED, "publish": TaskInstanceState.UPSTREAM_FAILED})
    store(task_failed(DAG_ID, **({"error": error} if error else {})))
    return incident("orders/load").id


def became(states: dict[str, TaskInstanceState | None], **more: Any) -> None:
    """What Airflow's tables say of the tasks of the run."""
    from airflow.models.taskinstance import TaskInstance

    with create_session(scoped=False) as session:
        for task_id, state in states.items():
            this = (
                TaskInstance.dag_id == DAG_ID,
                TaskInstance.run_id == RUN,
                TaskInstance.task_id == task_id,
            )
            session.execute(update(TaskInstance).where(*this).values(state=state, **more))


def states() -> dict[str, str | None]:
    """The same, read."""
    from airflow.models.taskinstance import TaskInstance
    from sqlalchemy import select

    with create_session(scoped=False) as session:
        found = select(TaskInstance.task_id, TaskInstance.state).where(TaskInstance.dag_id == DAG_ID)
        return dict(tuple(row) for row in session.execute(found))


def job_failed(number: int = 1, **fields: Any) -> Incident:
    """The incident of a Databricks job whose cluster did not start, as a row."""
    values = {
        "source": "databricks",
        "dag_id": None,
        "category": "cluster_stockout",
        "rule": "databricks.stockout",
    }
    return an_incident(f"w/jobs/{number}", **(values | fields))


def stockout(number: int = 1, **fields: Any) -> int:
    """The same, stored: its number."""
    [made] = add(job_failed(number, **fields))
    return made


def job_repair(cluster: int | str = 1, action: str = "databricks_repair_run") -> Proposal:
    """What a worker would propose for it."""
    return Proposal(action, f"cluster:w/{cluster}", {"run_id": 41, "latest_repair_id": None}, ("task load",))


def plan(incident_id: int, *proposals: Proposal, **more: Any) -> remediation_plan.Planned:
    return transaction(lambda session: remediation_plan.plan(session, incident_id, proposals, **more))


def planned(incident_id: int, *proposals: Proposal) -> Remediation:
    """The repair that was planned."""
    made = plan(incident_id, *proposals)
    assert made.remediation_id is not None, made.decision["rules"]
    return repair(made.remediation_id)


def wait_over(remediation_id: int) -> None:
    """The time before the attempt has passed."""
    with create_session(scoped=False) as session:
        waits = Remediation.id == remediation_id
        session.execute(update(Remediation).where(waits).values(not_before=Remediation.planned_at))


def begin(remediation_id: int) -> remediation_begin.Begun:
    """As a task does once the wait is over."""
    wait_over(remediation_id)
    return transaction(lambda session: remediation_begin.begin(session, remediation_id))


def conclude(remediation_id: int, outcome: str, text: str = "", *fresh: Proposal) -> Concluded:
    return transaction(
        lambda session: remediation_outcome.conclude(session, remediation_id, Outcome(outcome), text, fresh)
    )


def repair(remediation_id: int | None) -> Remediation:
    """It as it is now."""
    assert remediation_id is not None
    with create_session(scoped=False) as session:
        return remediations.find(session, remediation_id)
