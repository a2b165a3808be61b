"""All that a decision about a repair depends on, read from the tables."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import and_, exists, func, or_, select
from sqlalchemy.orm import Session

from rca_plugin.core.analysis import MODEL, RULES
from rca_plugin.core.category import Category, Priority
from rca_plugin.core.incident import Kind, Status
from rca_plugin.core.remediation.case import Approval, Case, Load, PastAttempt, Subject
from rca_plugin.core.remediation.proposal import Proposal
from rca_plugin.core.remediation.state import RemediationState
from rca_plugin.server import triage
from rca_plugin.server.models import AuditRow, Incident, Remediation

_NEWEST = 200
_RUNNING = RemediationState.RUNNING.value
_FAILED = RemediationState.FAILED.value


def subject_of(incident: Incident) -> Subject:
    """The incident, as far as it matters."""
    category = Category(incident.category)
    return Subject(
        category=category,
        # Only a rule that is named decided. What the newest analysis says of itself may be about another one.
        category_by=RULES if incident.rule else MODEL,
        rule_remediable=triage.remediable_by(incident.rule),
        status=Status(incident.status),
        priority=Priority(incident.priority),
        priority_by_rules=triage.priority(category, incident.rule),
        environment=incident.environment,
        source=incident.source,
        resource=incident.resource,
        kind=Kind(incident.kind),
        suppressed=incident.status == Status.SUPPRESSED.value,
    )


def case_of(
    session: Session,
    incident: Incident,
    proposals: Iterable[Proposal],
    window: timedelta,
    now: datetime,
    *,
    switched_off: str,
    approvals: tuple[Approval, ...] = (),
    without: int = 0,
) -> Case:
    """The case of an incident; `without` is the repair that is decided about, which counts on nothing."""
    other = Remediation.id != without
    return Case(
        subject=subject_of(incident),
        now=now,
        attempts=_attempts(session, incident, other),
        on_resource={name: _load(session, incident.id, name, now - window, other)
                     for name in sorted({proposal.resource for proposal in proposals})},
        everywhere=_load(session, incident.id, None, now - window, other),
        same_category=_same_category(session, incident.category, other),
        switched_off=switched_off,
        approvals=approvals,
    )  # fmt: skip


def last_opened(session: Session, incident: Incident) -> datetime:
    """When it was opened, or opened again, last."""
    again = select(func.max(AuditRow.at)).where(
        AuditRow.incident_id == incident.id, AuditRow.action == "reopened"
    )
    return (session.scalar(again) if incident.reopened_count else None) or incident.opened_at


def _attempts(session: Session, incident: Incident, other: Any) -> tuple[PastAttempt, ...]:
    since = last_opened(session, incident)
    ours = (Remediation.incident_id == incident.id, Remediation.planned_at >= since, other)
    rows = session.scalars(select(Remediation).where(*ours).order_by(Remediation.id.desc()).limit(_NEWEST))
    return tuple(PastAttempt(row.action, RemediationState(row.state), row.ended_at) for row in rows)


def _load(session: Session, incident_id: int, resource: str | None, since: datetime, other: Any) -> Load:
    here = [Remediation.begun_at.is_not(None), other]
    if resource is not None:
        here.append(Remediation.resource == resource)
    recent = or_(Remediation.begun_at >= since, Remediation.state == _RUNNING)
    rows = session.execute(
        select(Remediation.begun_at, Remediation.state)
        .where(*here, recent)
        .order_by(Remediation.begun_at.desc())
    ).all()
    own_failed = and_(Remediation.incident_id == incident_id, Remediation.state == _FAILED)
    ended = session.scalar(select(func.max(Remediation.ended_at)).where(*here, ~own_failed))
    return Load(sum(row.state == _RUNNING for row in rows), tuple(row.begun_at for row in rows), ended)


def _same_category(session: Session, category: str, other: Any) -> tuple[PastAttempt, ...]:
    opened_again = exists().where(
        AuditRow.incident_id == Remediation.incident_id,
        AuditRow.action == "reopened",
        AuditRow.at > Remediation.ended_at,
    )
    begun = (Remediation.category == category, Remediation.begun_at.is_not(None), other)
    rows = session.execute(
        select(Remediation.action, Remediation.state, Remediation.ended_at, opened_again)
        .where(*begun)
        .order_by(Remediation.planned_at.desc(), Remediation.id.desc())
        .limit(_NEWEST)
    )
    succeeded = RemediationState.SUCCEEDED.value
    return tuple(
        PastAttempt(action, RemediationState(state), ended_at, state == succeeded and again)
        for action, state, ended_at, again in rows
    )
