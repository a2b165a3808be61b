"""What is known of an incident and its ticket, as the rules of both want it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from rca_plugin.core.category import Priority
from rca_plugin.core.incident import Status
from rca_plugin.core.ticket.label import ticket_label
from rca_plugin.core.tracker.brought import Brought
from rca_plugin.core.tracker.event import Field, StatusCategory
from rca_plugin.core.tracker.known import Known
from rca_plugin.server.models import AuditRow, Incident, Ticket
from rca_plugin.server.ticket_store import ACTOR, heard

_DECIDES: Mapping[Field, tuple[str, ...]] = {
    Field.STATUS: ("opened", "acknowledged", "resolved", "reopened", "suppressed", "released", "closed"),
    Field.ASSIGNEE: ("assigned", "unassigned"),
    Field.PRIORITY: ("prioritized",),
}
_LONG_AGO = datetime.min.replace(tzinfo=timezone.utc)


def known_of(session: Session, incident: Incident, ticket: Ticket) -> Known:
    """Of a locked incident and its ticket."""
    category = ticket.external_category
    return Known(
        key=ticket.key,
        status=Status(incident.status),
        assignee=incident.assignee,
        priority=Priority(incident.priority),
        owner=incident.owner,
        decided=decided_at(session, incident.id),
        heard=heard(ticket),
        category=StatusCategory(category) if category else None,
        assigned_there=ticket.external_assignee,
        priority_there=ticket.external_priority,
        brought=tuple(_brought(each) for each in ticket.brought),
        comments=frozenset(ticket.comments),
        own_mark=ticket_label({"fingerprint": incident.fingerprint, "id": incident.id}),
        deleted=ticket.deleted_at is not None,
    )


def decided_at(session: Session, incident_id: int) -> dict[Field, datetime]:
    """When each field was last changed here, but for those that the tracker has changed since."""
    here, there = (_changed_at(session, incident_id, by_tracker=by_tracker) for by_tracker in (False, True))
    return {field: at for field, at in here.items() if at > there.get(field, _LONG_AGO)}


def _changed_at(session: Session, incident_id: int, *, by_tracker: bool) -> dict[Field, datetime]:
    field_of = {action: field for field, actions in _DECIDES.items() for action in actions}
    its = AuditRow.actor.like(f"{ACTOR}%")
    last = (
        select(AuditRow.action, func.max(AuditRow.at))
        .where(
            AuditRow.incident_id == incident_id,
            AuditRow.action.in_(field_of),
            its if by_tracker else ~its,
        )
        .group_by(AuditRow.action)
    )
    found: dict[Field, datetime] = {}
    for action, at in session.execute(last):
        field = field_of[action]
        found[field] = max(at, found.get(field, at))
    return found


def _brought(stored: Mapping[str, Any]) -> Brought:
    since, until = (_moment(stored[name]) for name in ("since", "until"))
    status, priority = Status(stored["status"]), Priority(stored["priority"])
    return Brought(since, until, status, priority, stored["assignee"], stored["owner"])


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(timezone.utc)
