"""What became of targets that a repair was proposed for, and that somebody else tried again, or nobody."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from airflow.models.taskinstance import TaskInstance
from airflow.utils.state import TaskInstanceState
from sqlalchemy import exists, or_, select
from sqlalchemy.orm import Session

from rca_plugin.core.failure import Source
from rca_plugin.core.remediation.record import Hindsight
from rca_plugin.server.models import AuditRow, FailureRow, Incident

_FAILED = (TaskInstanceState.FAILED, TaskInstanceState.UPSTREAM_FAILED)
_SENDERS = [source.value for source in Source]


def of_task(session: Session, target: Mapping[str, Any], since: datetime) -> Hindsight:
    """Of a task of Airflow: how a try that began later ended."""
    names = ("dag_id", "run_id", "task_id")
    this = [getattr(TaskInstance, name) == target.get(name) for name in names]
    later = select(TaskInstance.state).where(*this, TaskInstance.start_date > since)
    states = set(session.scalars(later))
    if states & set(_FAILED):
        return Hindsight.FAILED_AGAIN
    return Hindsight.WOULD_HAVE_SUCCEEDED if TaskInstanceState.SUCCESS in states else Hindsight.NOBODY_TRIED


def of_incident(session: Session, incident: Incident, since: datetime) -> Hindsight:
    """Of anything else: whether it failed again first, or its sender said that it works again."""
    failed = exists().where(FailureRow.incident_id == incident.id, FailureRow.occurred_at > since)
    if session.scalar(select(failed)):
        return Hindsight.FAILED_AGAIN
    # "airflow" also resolves what a later run has made good.
    over = exists().where(
        AuditRow.incident_id == incident.id,
        AuditRow.action == "resolved",
        AuditRow.at > since,
        or_(AuditRow.actor.in_(_SENDERS), AuditRow.actor == "airflow"),
    )
    return Hindsight.WOULD_HAVE_SUCCEEDED if session.scalar(select(over)) else Hindsight.NOBODY_TRIED
