"""Failures in the DAGs of this plugin: noted on the incident they worked on, never analyzed themselves."""

from __future__ import annotations

from collections.abc import Iterable

from airflow.models.dag import DagTag
from sqlalchemy import select
from sqlalchemy.orm import Session

from rca_plugin.core.failure import Failure
from rca_plugin.core.text import head
from rca_plugin.server import audit, remediations
from rca_plugin.server.models import Incident, Remediation
from rca_plugin.server.rca_dag import DAG_ID, REPAIR_DAG_ID
from rca_plugin.server.receipt import Receipt

TAG = "rca"
_ERROR_CHARS = 200


def own_dags(session: Session, failures: Iterable[Failure]) -> set[str]:
    """Those of the DAGs that failed which are ours: analyzed, one error of theirs would feed on itself."""
    failed = {failure.task.dag_id for failure in failures if failure.task}
    if not failed:
        return set()
    tagged = session.scalars(select(DagTag.dag_id).where(DagTag.dag_id.in_(failed), DagTag.name == TAG))
    return {*tagged, DAG_ID, REPAIR_DAG_ID} & failed


def record(session: Session, failure: Failure) -> Receipt:
    """Say on the incident that its RCA run failed; not as one of its failures: those are what is analyzed."""
    assert failure.task is not None
    if failure.task.dag_id == REPAIR_DAG_ID:
        return _record_repair(session, failure)
    worked_on = select(Incident).where(Incident.rca_run_id == failure.task.run_id).with_for_update()
    incident = session.scalar(worked_on)
    if incident is None or not failure.final:
        return Receipt("own")
    task, error = failure.task.task_id, head(failure.message, _ERROR_CHARS)
    incident.analysis_problem = f"task {task} of its RCA run failed: {error}"
    audit.append(session, incident.id, "airflow", "rca_failed", task=task, error=error)
    return Receipt("own", incident.id)


def _record_repair(session: Session, failure: Failure) -> Receipt:
    """On the timeline only: what came of the repair is said by the repair."""
    assert failure.task is not None
    of_run = select(Remediation.id).where(Remediation.run_id == failure.task.run_id)
    remediation_id = session.scalar(of_run)
    if remediation_id is None or not failure.final:
        return Receipt("own")
    row, incident = remediations.locked(session, remediation_id)
    task, error = failure.task.task_id, head(failure.message, _ERROR_CHARS)
    audit.append(session, incident.id, "airflow", "repair_task_failed", repair=row.id, task=task, error=error)
    return Receipt("own", incident.id)
