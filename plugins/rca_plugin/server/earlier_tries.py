"""Tries that were retried: recorded when they fail, brought to an incident when the last one fails too."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from rca_plugin.core.failure import TaskRef
from rca_plugin.core.sources.airflow import retry_decision
from rca_plugin.core.text import head
from rca_plugin.server import audit
from rca_plugin.server.group import Group
from rca_plugin.server.models import FailureRow
from rca_plugin.server.task_instances import same_task

_ERROR_CHARS = 200


def bring(session: Session, group: Group, incident_id: int) -> None:
    """Attach the earlier tries of a group's tasks to the incident, which is locked."""
    for failure in group.failures:
        if failure.task and failure.task.try_number > 1:
            _bring(session, failure.task, incident_id)


def _bring(session: Session, task: TaskRef, incident_id: int) -> None:
    earlier = select(FailureRow).where(
        same_task(FailureRow, task), FailureRow.try_number < task.try_number, FailureRow.incident_id.is_(None)
    )
    for row in session.scalars(earlier.order_by(FailureRow.try_number)).all():
        row.incident_id = incident_id
        audit.append(
            session, incident_id, row.reported_by, "earlier_try_failed",
            **{"try": row.try_number}, at=row.occurred_at.isoformat(), error=head(row.message, _ERROR_CHARS),
            **retry_decision(row.labels),
        )  # fmt: skip
