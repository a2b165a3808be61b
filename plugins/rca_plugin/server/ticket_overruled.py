"""What was decided here of a ticket's fields since it was brought up to date: the ticket is to become like it."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timezone

from sqlalchemy.orm import Session

from rca_plugin.config import jira_wins
from rca_plugin.core.tracker.event import Field
from rca_plugin.core.tracker.overruled import Overruled
from rca_plugin.server import ticket_store
from rca_plugin.server.models import Ticket


def decide(session: Session, incident_id: int, actor: str, field: Field) -> None:
    """A field of a locked incident was changed now; unless it follows the ticket, the ticket is to follow."""
    if actor.startswith(ticket_store.ACTOR):
        return
    for ticket in ticket_store.of_incident(session, incident_id)[:1]:
        overrule(ticket, field, datetime.now(timezone.utc))


def agree(ticket: Ticket, fields: Collection[Field]) -> None:
    """The incident is in these fields as the ticket was heard to be: nothing is to be put right."""
    names = {field.value for field in fields}
    ticket.overruled = {name: at for name, at in ticket.overruled.items() if name not in names}


def overrule(ticket: Ticket, field: Field, at: datetime) -> None:
    """What the incident is in a field counts, as if it was decided then; a decision that is later stays."""
    before = ticket.overruled.get(field.value)
    latest = max(at, datetime.fromisoformat(before)) if before else at
    # A new mapping: what changes inside of one the session does not see.
    ticket.overruled = {**ticket.overruled, field.value: latest.isoformat()}


def overruled(ticket: Ticket) -> Overruled:
    """By the policy as it is now."""
    decided = {Field(name): datetime.fromisoformat(at) for name, at in ticket.overruled.items()}
    return Overruled.by(jira_wins(), decided, ticket_store.heard(ticket), ticket.recorded_at)
