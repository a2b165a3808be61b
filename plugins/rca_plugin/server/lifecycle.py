"""Changes of an incident's status, priority and assignee: all of them go through here, and each is on the timeline."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

from sqlalchemy.orm import Session

from rca_plugin.config import settings
from rca_plugin.core import sla
from rca_plugin.core.category import Priority
from rca_plugin.core.incident import Kind, Status, incident_label, may_become
from rca_plugin.core.text import head
from rca_plugin.core.tracker.event import Field
from rca_plugin.server import audit, deliveries, storm_first, ticket_overruled
from rca_plugin.server.models import Incident


@dataclass(frozen=True)
class Quiet:
    """Why an incident is kept quiet: `by` is one word for programs, `why` a sentence for people."""

    by: str
    why: str
    parent_id: int | None = None
    silence_id: int | None = None


_NAME_CHARS = 250


class TransitionError(ValueError):
    """The incident is in no state for this. The text says in which it is."""


def at_first(priority: Priority) -> dict[str, Any]:
    """The columns of an incident that opens now."""
    now = datetime.now(timezone.utc)
    due = sla.due(priority, now)
    return {
        "status": Status.OPEN.value, "opened_at": now, "reopened_count": 0, "flapping": False,
        "response_due_at": due.response, "resolve_due_at": due.resolution,
    }  # fmt: skip


def acknowledge(session: Session, incident: Incident, actor: str) -> None:
    """Somebody looks after a locked incident.

    Raises TransitionError.
    """
    _check(incident, Status.ACKNOWLEDGED)
    incident.acknowledged_at, incident.acknowledged_by = datetime.now(timezone.utc), head(actor, _NAME_CHARS)
    _move(session, incident, Status.ACKNOWLEDGED, actor, "acknowledged")


def assign(session: Session, incident: Incident, actor: str, assignee: str | None) -> None:
    """Somebody is to look after a locked incident, or nobody. The same one again changes nothing."""
    assignee = head(assignee, _NAME_CHARS) if assignee else None
    if assignee == incident.assignee:
        return
    before, incident.assignee = incident.assignee, assignee
    audit.append(
        session,
        incident.id,
        actor,
        "assigned" if assignee else "unassigned",
        assignee=assignee,
        before=before,
    )
    ticket_overruled.decide(session, incident.id, actor, Field.ASSIGNEE)
    deliveries.changed(session, incident.id)


def prioritize(session: Session, incident: Incident, actor: str, priority: Priority) -> None:
    """Somebody knows better than the severity how urgent a locked incident is. The same again changes nothing."""
    if priority.value == incident.priority:
        return
    before = incident.priority
    follow_priority(incident, priority)
    incident.priority_by = head(actor, _NAME_CHARS)
    audit.append(session, incident.id, actor, "prioritized", priority=priority.value, before=before)
    ticket_overruled.decide(session, incident.id, actor, Field.PRIORITY)
    deliveries.changed(session, incident.id)


def follow_priority(incident: Incident, priority: Priority) -> None:
    """Give it this priority, and the due times that come with it."""
    before, incident.priority = Priority(incident.priority), priority.value
    if incident.resolve_due_at is not None:
        due = sla.due_again(before, incident.resolve_due_at, priority)
        incident.response_due_at, incident.resolve_due_at = due.response, due.resolution


def resolve(session: Session, incident: Incident, actor: str, how: str, at: datetime | None = None) -> None:
    """It is over: `how` says why we believe so.

    Raises TransitionError.
    """
    _check(incident, Status.RESOLVED)
    incident.resolved_at = at or datetime.now(timezone.utc)
    incident.resolved_how = how
    _move(session, incident, Status.RESOLVED, actor, "resolved", how=how)
    if incident.kind == Kind.STORM.value:
        storm_first.speak_for_themselves(session, incident)


def reopen(session: Session, incident: Incident, actor: str, **why: Any) -> None:
    """It was resolved, and is back. An incident that comes back often is flapping.

    Raises TransitionError.
    """
    _check(incident, Status.OPEN)
    incident.resolved_at = incident.resolved_how = None
    incident.reopened_count += 1
    due = sla.due(Priority(incident.priority), datetime.now(timezone.utc))
    incident.response_due_at, incident.resolve_due_at = due.response, due.resolution
    _move(session, incident, Status.OPEN, actor, "reopened", **why)
    if incident.reopened_count >= settings().flapping_threshold and not incident.flapping:
        incident.flapping = True
        audit.append(session, incident.id, "rca", "flapping", reopened=incident.reopened_count)


def suppress(session: Session, incident: Incident, quiet: Quiet) -> None:
    """Keep a locked incident quiet.

    Raises TransitionError.
    """
    _move(session, incident, Status.SUPPRESSED, "rca", "suppressed", by=quiet.by, why=quiet.why)
    incident.suppressed_by, incident.suppressed_why = quiet.by, quiet.why
    incident.parent_id, incident.silence_id = quiet.parent_id, quiet.silence_id
    session.flush()


def release(session: Session, incident: Incident, why: str) -> None:
    """What kept it quiet is over.

    Raises TransitionError.
    """
    _move(session, incident, Status.OPEN, "rca", "released", why=why)


def close(session: Session, incident: Incident) -> None:
    """Nothing came back: the next failure is a new incident.

    Raises TransitionError.
    """
    _check(incident, Status.CLOSED)
    incident.open_fingerprint = None
    _move(session, incident, Status.CLOSED, "rca", "closed")


def _move(session: Session, incident: Incident, to: Status, actor: str, action: str, **detail: Any) -> None:
    _check(incident, to)
    incident.status = to.value
    if to is Status.OPEN:
        # Not when it is resolved: then it stays on the page of its storm.
        incident.suppressed_by = incident.suppressed_why = incident.parent_id = incident.silence_id = None
        incident.acknowledged_at = incident.acknowledged_by = None
    audit.append(session, incident.id, actor, action, **detail)
    if to is not Status.CLOSED:
        # That nothing came back says nothing new of a ticket.
        ticket_overruled.decide(session, incident.id, actor, Field.STATUS)
    deliveries.changed(session, incident.id)


def _check(incident: Incident, to: Status) -> None:
    now = Status(incident.status)
    if not may_become(now, to):
        raise TransitionError(f"{incident_label(incident.id)} is {now.value}: it cannot become {to.value}")
