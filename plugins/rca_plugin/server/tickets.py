"""What incidents make of what happened to their tickets."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import update
from sqlalchemy.orm import Session

from rca_plugin.core.tracker import sync
from rca_plugin.core.tracker.change import Tell
from rca_plugin.core.tracker.event import Field, TicketEvent
from rca_plugin.core.tracker.look import looked_at
from rca_plugin.core.tracker.policy import Policy
from rca_plugin.server import ticket_store
from rca_plugin.server.database import changed_rows
from rca_plugin.server.incidents import locked
from rca_plugin.server.models import Incident, Ticket
from rca_plugin.server.ticket_changes import Happened, make
from rca_plugin.server.ticket_known import known_of
from rca_plugin.server.ticket_overruled import agree
from rca_plugin.server.ticket_policy import policy_for


class UnknownTicketError(LookupError):
    """No incident became this ticket."""


@dataclass(frozen=True)
class Outcome:
    """What became of it: `changes` are their names, in their order; none where it said nothing new."""

    incident_id: int
    changes: tuple[str, ...]


def apply(session: Session, event: TicketEvent, *, looked: bool = False) -> Outcome:
    """Have the incident follow its ticket. `looked`: somebody has looked, and all that was seen is in the event.

    Raises UnknownTicketError.
    """
    ticket, incident = _locked(session, event)
    known, policy = known_of(session, incident, ticket), policy_for(session, incident)
    if looked:
        event = looked_at(known, event, policy)
    found, news = sync.changes(known, event, policy), sync.news(known, event)
    _hear(ticket, event, news, policy, looked=looked)
    for each in found:
        make(Happened(session, incident, ticket, event), each)
    agree(ticket, news - {each.field for each in found if isinstance(each, Tell)})
    session.flush()
    return Outcome(incident.id, tuple(type(each).__name__.lower() for each in found))


def _locked(session: Session, event: TicketEvent) -> tuple[Ticket, Incident]:
    while True:
        ticket = ticket_store.of_event(session, event)
        if ticket is None:
            raise UnknownTicketError("no incident became this ticket")
        incident = locked(session, ticket.incident_id)
        # SQLite locks nothing but by writing.
        if not changed_rows(
            session, update(Ticket).where(Ticket.id == ticket.id).values(system=Ticket.system)
        ):
            # It was moved to a key that another had, and went.
            session.expunge(ticket)
            continue
        session.refresh(incident)
        session.refresh(ticket)
        # It may have served the next incident meanwhile.
        if ticket.incident_id == incident.id:
            return ticket, incident


def _hear(
    ticket: Ticket, event: TicketEvent, news: frozenset[Field], policy: Policy, *, looked: bool
) -> None:
    """Keep how the ticket is now, as far as it says something later than what was heard."""
    ticket.external_id = ticket.external_id or event.external_id
    ticket.deleted_at = ticket.deleted_at or (event.at if event.deleted else None)
    if Field.STATUS in news and event.status:
        ticket.external_status, ticket.status_at = event.status.name[:100], event.at
        if category := policy.category(event.status):
            # One that means nothing, or has passed already, leaves it where it was.
            ticket.external_category = category.value
    if Field.ASSIGNEE in news or (looked and ticket.assignee_at is None):
        ticket.external_assignee = event.assignee.name[:250] if event.assignee else None
        ticket.assignee_at = event.at
    if Field.PRIORITY in news or (looked and ticket.priority_at is None):
        ticket.external_priority = event.priority[:100] if event.priority else None
        ticket.priority_at = event.at
