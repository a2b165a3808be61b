"""Repairs of Airflow itself: which task instances would run again, having them run, and what came of it.

Tasks have no way to these tables, and nothing that they say about targets here is believed: what would be cleared is
looked up when a repair is planned, and once more in the transaction in which it begins.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from airflow.models.dag import DagModel
from airflow.models.dagbag import DBDagBag
from airflow.models.dagrun import DagRun
from airflow.models.taskinstance import TaskInstance, clear_task_instances, find_relevant_relatives
from airflow.utils.state import DagRunState, State, TaskInstanceState
from sqlalchemy import select
from sqlalchemy.orm import Session

from rca_plugin.core.remediation.proposal import Proposal, ProposalError
from rca_plugin.core.text import head
from rca_plugin.server.airflow_repair_checks import NoRepairError, check_place, check_task, check_upstream
from rca_plugin.server.database import memory
from rca_plugin.server.models import FailureRow, Incident

ACTIONS = frozenset(
    {
        "airflow_clear",
        "airflow_clear_after_upstream_check",
        "airflow_clear_with_longer_timeout",
        "airflow_clear_in_other_pool",
    }
)
#: What the worker reads in the conf of a run: seconds by task id.
TIMEOUT_CONF = "rca_execution_timeout"
_FAILED = (TaskInstanceState.FAILED, TaskInstanceState.UPSTREAM_FAILED)
_NAME_CHARS = 510


def propose(session: Session, incident: Incident, action: str, settings: Mapping[str, Any]) -> Proposal:
    """What clearing the newest failure of an incident would do.

    Raises NoRepairError.
    """
    failure = session.scalar(
        select(FailureRow)
        .where(FailureRow.incident_id == incident.id, FailureRow.final.is_(True))
        .order_by(FailureRow.occurred_at.desc(), FailureRow.id.desc())
        .limit(1)
    )
    if failure is None or not failure.dag_id or not failure.run_id:
        raise NoRepairError("no run of Airflow failed")
    if not failure.task_id:
        raise NoRepairError("the run failed as a whole: there is no failed task to clear")
    target = {"dag_id": failure.dag_id, "run_id": failure.run_id, "task_id": failure.task_id}
    return _proposal(session, action, {**target, **_extras(session, action, target, settings)})


def clear(session: Session, proposal: Proposal) -> int:
    """Have the task instances run again, in this transaction; answer how many. Nothing but what was decided on.

    Raises NoRepairError when that is not as it was.
    """
    target = proposal.target
    now = _proposal(session, proposal.action, target)
    if new := sorted(set(now.blast_radius) - set(proposal.blast_radius)):
        raise NoRepairError(f"it would clear more than was decided on: {', '.join(new[:3])}")
    instances = _touched(session, target)
    clear_task_instances(instances, session, dag_run_state=DagRunState.QUEUED)
    for ti in instances:
        # Clearing puts both back to what the task says.
        if ti.task_id == target["task_id"]:
            ti.pool, ti.queue = target.get("pool") or ti.pool, target.get("queue") or ti.queue
    if timeout := target.get("timeout"):
        run = _run(session, target)
        run.conf = {**(run.conf or {}), TIMEOUT_CONF: {target["task_id"]: timeout}}
    session.flush()
    return len(instances)


def observed(session: Session, target: Mapping[str, Any]) -> str | None:
    """What became of the task since it was cleared: running, succeeded or failed; None where it is gone."""
    states = list(session.scalars(select(TaskInstance.state).where(*_of_task(target))))
    if not states:
        return None
    if any(state not in State.finished for state in states):
        return "running"
    return "failed" if any(state in _FAILED for state in states) else "succeeded"


def external_id(target: Mapping[str, Any]) -> str:
    """How the run that was cleared is called on the repair."""
    return head(f"{target['dag_id']}/{target['run_id']}", 500)


def _proposal(session: Session, action: str, target: Mapping[str, Any]) -> Proposal:
    dag = _dag(session, target)
    check_task(dag, target["task_id"])
    if action == "airflow_clear_after_upstream_check":
        check_upstream(dag, target, session)
    touched = _touched(session, target)
    names = sorted(_name(ti) for ti in touched)
    resource = f"{target['dag_id']}/{target['task_id']}"
    try:
        return Proposal.from_json(
            {"action": action, "resource": resource, "target": dict(target), "blast_radius": names}
        )
    except ProposalError:
        raise NoRepairError(f"it would clear {len(names)} task instances") from None


def _extras(
    session: Session, action: str, target: Mapping[str, Any], settings: Mapping[str, Any]
) -> dict[str, Any]:
    if action == "airflow_clear_in_other_pool":
        place = {name: settings[name] for name in ("pool", "queue") if settings.get(name)}
        check_place(place, session)
        return place
    if action == "airflow_clear_with_longer_timeout":
        return {"timeout": _longer(_dag(session, target), target["task_id"], float(settings["factor"]))}
    return {}


def _longer(dag: Any, task_id: str, factor: float) -> float:
    limit = dag.has_task(task_id) and dag.get_task(task_id).execution_timeout
    if not limit:
        raise NoRepairError(f"task {task_id} has no execution_timeout to make longer")
    return float(round(limit.total_seconds() * factor, 1))


def _touched(session: Session, target: Mapping[str, Any]) -> list[TaskInstance]:
    """The failed instances of the task, and all after them that ran or were kept from running; locked."""
    failed = _locked(session, target, {target["task_id"]})
    failed = [ti for ti in failed if ti.state in _FAILED]
    if not failed:
        raise NoRepairError(f"task {target['task_id']} is not failed any more in {target['run_id']}")
    # What has not run yet will, once what was before it has.
    touched = [*failed, *(ti for ti in _after(session, target, failed) if ti.state is not None)]
    if busy := [_name(ti) for ti in touched if ti.state not in State.finished]:
        raise NoRepairError(f"it is at work again: {', '.join(busy[:3])}")
    return touched


def _after(session: Session, target: Mapping[str, Any], failed: list[TaskInstance]) -> list[TaskInstance]:
    """The instances downstream of those that failed; of mapped tasks only the indexes that follow from them."""
    found = find_relevant_relatives(
        {ti.task_id for ti in failed if ti.map_index < 0},
        {(ti.task_id, ti.map_index) for ti in failed if ti.map_index >= 0},
        direction="downstream", dag=_dag(session, target), run_id=target["run_id"], session=session,
    )  # fmt: skip
    whole = {name for name in found if isinstance(name, str)}
    single = {name for name in found if not isinstance(name, str)}
    instances = _locked(session, target, whole | {task_id for task_id, _ in single})
    return [ti for ti in instances if ti.task_id in whole or (ti.task_id, ti.map_index) in single]


def _locked(session: Session, target: Mapping[str, Any], task_ids: set[str]) -> list[TaskInstance]:
    where = (
        TaskInstance.dag_id == target["dag_id"],
        TaskInstance.run_id == target["run_id"],
        TaskInstance.task_id.in_(task_ids),
    )
    found = select(TaskInstance).where(*where).order_by(TaskInstance.task_id, TaskInstance.map_index)
    # Nobody clears them in Airflow's pages meanwhile.
    return list(session.scalars(found.with_for_update(of=TaskInstance)))


def _of_task(target: Mapping[str, Any]) -> tuple[Any, ...]:
    names = ("dag_id", "run_id", "task_id")
    return tuple(getattr(TaskInstance, name) == target[name] for name in names)


def _dag(session: Session, target: Mapping[str, Any]) -> Any:
    model = session.get(DagModel, target["dag_id"])
    if model is None or model.is_stale:
        raise NoRepairError(f"DAG {target['dag_id']} is not there any more")
    if model.is_paused:
        raise NoRepairError(f"DAG {target['dag_id']} is paused: what is cleared would not run")
    # Not for longer than a transaction: Airflow 3.3 changes a version that no run has in place.
    dags = memory(session).setdefault("dags", DBDagBag(load_op_links=False))
    dag = dags.get_dag_for_run(_run(session, target), session=session)
    if dag is None:
        raise NoRepairError(f"Airflow does not know the DAG {target['dag_id']} as it ran")
    return dag


def _run(session: Session, target: Mapping[str, Any]) -> DagRun:
    this = (DagRun.dag_id == target["dag_id"], DagRun.run_id == target["run_id"])
    run: DagRun | None = session.scalar(select(DagRun).where(*this))
    if run is None:
        raise NoRepairError(f"the run {target['run_id']} is not there any more")
    return run


def _name(ti: TaskInstance) -> str:
    index = f"[{ti.map_index}]" if ti.map_index >= 0 else ""
    return head(f"{ti.task_id}{index} of {ti.run_id}", _NAME_CHARS)
