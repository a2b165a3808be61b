"""What is known of an incident and its ticket, as the rules of both want it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timezone

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from rca_plugin.core.category import Priority
from rca_plugin.core.incident import Status
from rca_plugin.core.ticket.label import ticket_label
from rca_plugin.core.tracker.event import Field, StatusCategory
from rca_plugin.core.tracker.sync import Brought, Known
from rca_plugin.server.models import AuditRow, Incident, Ticket
from rca_plugin.server.ticket_store import ACTOR

_DECIDES: Mapping[Field, tuple[str, ...]] = {
    Field.STATUS: ("opened", "acknowledged", "resolved", "reopened", "suppressed", "released", "closed"),
    Field.ASSIGNEE: ("assigned", "unassigned"),
    Field.PRIORITY: ("prioritized",),
}


def known_of(session: Session, incident: Incident, ticket: Ticket) -> Known:
    """Of a locked incident and its ticket."""
    heard = {
        Field.STATUS: ticket.status_at,
        Field.ASSIGNEE: ticket.assignee_at,
        Field.PRIORITY: ticket.priority_at,
    }
    category = ticket.external_category
    return Known(
        key=ticket.key,
        status=Status(incident.status),
        assignee=incident.assignee,
        priority=Priority(incident.priority),
        decided=_decided(session, incident.id),
        heard={field: at for field, at in heard.items() if at is not None},
        category=StatusCategory(category) if category else None,
        assigned_there=ticket.external_assignee,
        priority_there=ticket.external_priority,
        brought=tuple(_brought(each) for each in ticket.brought),
        comments=frozenset(ticket.comments),
        own_mark=ticket_label({"fingerprint": incident.fingerprint, "id": incident.id}),
        deleted=ticket.deleted_at is not None,
    )


def _decided(session: Session, incident_id: int) -> dict[Field, datetime]:
    """When each field was last changed here; what the tracker had changed was its own decision."""
    field_of = {action: field for field, actions in _DECIDES.items() for action in actions}
    last = (
        select(AuditRow.action, func.max(AuditRow.at))
        .where(
            AuditRow.incident_id == incident_id,
            AuditRow.action.in_(field_of),
            AuditRow.actor.not_like(f"{ACTOR}%"),
        )
        .group_by(AuditRow.action)
    )
    found: dict[Field, datetime] = {}
    for action, at in session.execute(last):
        field = field_of[action]
        found[field] = max(at, found.get(field, at))
    return found


def _brought(stored: Mapping[str, str]) -> Brought:
    since, until = (_moment(stored[name]) for name in ("since", "until"))
    return Brought(since, until, Status(stored["status"]), Priority(stored["priority"]))


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(timezone.utc)
