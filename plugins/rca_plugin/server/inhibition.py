"""Causal inhibition: what fails only because something else did, whose incident is open, stays quiet under it.

Known causes are an upstream task in the same run, the run that a task triggered and waited for, the run
that triggered this one, and the cluster it ran on.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from airflow.models.dagbag import DBDagBag
from airflow.models.dagrun import DagRun
from airflow.models.renderedtifields import RenderedTaskInstanceFields
from airflow.models.xcom import XComModel
from airflow.utils.types import DagRunTriggeredByType
from sqlalchemy import select
from sqlalchemy.orm import Session

from rca_plugin.core.failure import Failure, Source, TaskRef
from rca_plugin.core.incident import UNRESOLVED, Status, incident_label
from rca_plugin.server import lifecycle
from rca_plugin.server.lifecycle import Quiet
from rca_plugin.server.models import FailureRow, Incident
from rca_plugin.server.task_instances import find_run, same_task

_IS_UNRESOLVED = Incident.status.in_([status.value for status in UNRESOLVED])
_IS_OPEN = Incident.status == Status.OPEN.value
# A TriggerDagRunOperator notes the run it triggered within moments.
_NOTED_WITHIN = timedelta(minutes=10)
_TRIGGERED_RUN = "trigger_run_id"


def inhibited(session: Session, incident: Incident, failure: Failure) -> Quiet | None:
    """The open incident that explains a failure, and how."""
    for by, why, cause in _causes(session, incident, failure):
        root = session.get(Incident, cause.parent_id) if cause.parent_id else cause
        if root is not None and root.id != incident.id:
            return Quiet(by, f"{why} failed before: {incident_label(root.id)}", parent_id=root.id)
    return None


def adopt(session: Session, incident: Incident, failure: Failure) -> None:
    """Attach what failed downstream of a task before the failure of the task itself was known.

    A killed upstream task is found by housekeeping, a minute after a downstream one has reported its failure.
    """
    task = failure.task
    if task is None or task.task_id is None:
        return
    others = _in_run(session, task.dag_id, task.run_id, incident, _IS_OPEN)
    downstream = _relatives(session, task, upstream=False) if others else set()
    for other, task_id in others:
        # The query may be older than what this transaction has done to it.
        if task_id in downstream and other.status == Status.OPEN:
            why = f"upstream task {task.task_id} failed before: {incident_label(incident.id)}"
            lifecycle.suppress(session, other, Quiet("upstream_task", why, parent_id=incident.id))


def _causes(session: Session, incident: Incident, failure: Failure) -> Iterator[tuple[str, str, Incident]]:
    if failure.task is not None:
        yield from _upstream(session, incident, failure.task)
        yield from _triggered(session, incident, failure.task)
        yield from _triggering(session, incident, failure.task)
    yield from _cluster(session, incident, failure)


def _upstream(session: Session, incident: Incident, task: TaskRef) -> Iterator[tuple[str, str, Incident]]:
    others = _in_run(session, task.dag_id, task.run_id, incident, _IS_UNRESOLVED) if task.task_id else []
    upstream = _relatives(session, task, upstream=True) if others else set()
    for other, task_id in others:
        if task_id in upstream:
            yield "upstream_task", f"upstream task {task_id}", other


def _triggered(session: Session, incident: Incident, task: TaskRef) -> Iterator[tuple[str, str, Incident]]:
    """The run that this task triggered: the task only says that it failed."""
    fields = select(RenderedTaskInstanceFields.rendered_fields).where(
        same_task(RenderedTaskInstanceFields, task)
    )
    dag_id = (session.scalar(fields) or {}).get("trigger_dag_id") if task.task_id else None
    if not dag_id:
        return
    noted = select(XComModel.value).where(same_task(XComModel, task), XComModel.key == _TRIGGERED_RUN)
    run_id = _plain(session.scalar(noted))
    for other, _ in _in_run(session, dag_id, run_id, incident, _IS_UNRESOLVED) if run_id else []:
        yield "triggered_dag", f"the triggered DAG {dag_id}", other


def _triggering(session: Session, incident: Incident, task: TaskRef) -> Iterator[tuple[str, str, Incident]]:
    """The run that triggered this one, where something else in it had failed already."""
    run = find_run(session, task)
    if run is None or run.triggered_by != DagRunTriggeredByType.OPERATOR or run.queued_at is None:
        return
    noted = select(XComModel.dag_id, XComModel.run_id, XComModel.task_id, XComModel.value).where(
        XComModel.key == _TRIGGERED_RUN,
        XComModel.timestamp.between(run.queued_at - _NOTED_WITHIN, run.queued_at + _NOTED_WITHIN),
    )
    for dag_id, run_id, trigger, value in session.execute(noted):
        if _plain(value) == task.run_id:
            for other, task_id in _in_run(session, dag_id, run_id, incident, _IS_UNRESOLVED):
                if task_id != trigger:
                    yield "triggering_dag", f"the triggering DAG {dag_id}", other


def _cluster(session: Session, incident: Incident, failure: Failure) -> Iterator[tuple[str, str, Incident]]:
    cluster = failure.labels.get("cluster_id")
    if failure.source is not Source.DATABRICKS or not cluster:
        return
    workspace = failure.resource.partition("/")[0]
    of_cluster = select(Incident).where(
        Incident.resource == f"{workspace}/clusters/{cluster}", _IS_UNRESOLVED, Incident.id != incident.id
    )
    for other in session.scalars(of_cluster.order_by(Incident.id).limit(1)):
        yield "cluster", f"the cluster {cluster}", other


def _in_run(
    session: Session, dag_id: str, run_id: str, incident: Incident, condition: Any
) -> list[tuple[Incident, str | None]]:
    """Other incidents with failures in a run, and the task that failed; the oldest first."""
    statement = (
        select(Incident, FailureRow.task_id)
        .join(FailureRow, FailureRow.incident_id == Incident.id)
        .where(FailureRow.dag_id == dag_id, FailureRow.run_id == run_id, FailureRow.final.is_(True))
        .where(Incident.id != incident.id, condition)
        .order_by(Incident.id)
        .limit(50)
    )
    return [(other, task_id) for other, task_id in session.execute(statement)]


def _relatives(session: Session, task: TaskRef, *, upstream: bool) -> set[str]:
    run: DagRun | None = find_run(session, task)
    dag = DBDagBag().get_dag_for_run(run, session=session) if run else None
    if dag is None or task.task_id not in dag.task_dict:
        return set()
    return set(dag.get_task(task.task_id).get_flat_relative_ids(upstream=upstream))


def _plain(value: Any) -> str:
    """The text in an XCom, which Airflow 3.3 stores as JSON, in some versions within JSON."""
    try:
        return str(json.loads(value))
    except (TypeError, ValueError):
        return str(value or "")
