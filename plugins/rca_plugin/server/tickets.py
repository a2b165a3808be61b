"""What incidents make of what happened to their tickets."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import update
from sqlalchemy.orm import Session

from rca_plugin.core.delivery import Destination
from rca_plugin.core.storable import beginning
from rca_plugin.core.text import head
from rca_plugin.core.tracker import change as changes_
from rca_plugin.core.tracker import sync
from rca_plugin.core.tracker.change import Change
from rca_plugin.core.tracker.event import Field, TicketEvent
from rca_plugin.core.tracker.key import page_of
from rca_plugin.core.tracker.policy import Policy
from rca_plugin.server import audit, deliveries, lifecycle, ticket_store
from rca_plugin.server.incidents import locked
from rca_plugin.server.masking import redactor
from rca_plugin.server.models import Incident, Ticket
from rca_plugin.server.ticket_known import known_of
from rca_plugin.server.ticket_policy import policy_for

_COMMENT_CHARS = 4_000
_NAME_CHARS = 240
_MOST_COMMENTS = 200


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
        event = sync.looked_at(known, event, policy)
    found = sync.changes(known, event, policy)
    _hear(ticket, event, sync.news(known, event), policy, looked=looked)
    for each in found:
        _APPLY[type(each)](session, incident, ticket, event, each)
    session.flush()
    return Outcome(incident.id, tuple(type(each).__name__.lower() for each in found))


def _locked(session: Session, event: TicketEvent) -> tuple[Ticket, Incident]:
    while True:
        ticket = ticket_store.of_event(session, event)
        if ticket is None:
            raise UnknownTicketError("no incident became this ticket")
        incident = locked(session, ticket.incident_id)
        # SQLite locks nothing but by writing.
        session.execute(update(Ticket).where(Ticket.id == ticket.id).values(system=Ticket.system))
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
        category = policy.category(event.status)
        ticket.external_status, ticket.external_category = (
            event.status.name[:100],
            category and category.value,
        )
        ticket.status_at = event.at
    if Field.ASSIGNEE in news or (looked and ticket.assignee_at is None):
        ticket.external_assignee = event.assignee.name[:250] if event.assignee else None
        ticket.assignee_at = event.at
    if Field.PRIORITY in news or (looked and ticket.priority_at is None):
        ticket.external_priority = event.priority[:100] if event.priority else None
        ticket.priority_at = event.at


def _actor(event: TicketEvent) -> str:
    return f"{ticket_store.ACTOR}{_line(event.by, _NAME_CHARS) or 'somebody'}"


def _line(text: str, limit: int) -> str:
    """Of a text of others what goes onto the timeline."""
    return beginning(" ".join(text.split()), limit, redactor())


def _resolve(
    session: Session, incident: Incident, _ticket: Ticket, event: TicketEvent, it: changes_.Resolve
) -> None:
    lifecycle.resolve(session, incident, _actor(event), _line(it.how, _COMMENT_CHARS))


def _reopen(
    session: Session, incident: Incident, _ticket: Ticket, event: TicketEvent, it: changes_.Reopen
) -> None:
    lifecycle.reopen(session, incident, _actor(event), reason=_line(it.why, _COMMENT_CHARS))


def _acknowledge(
    session: Session, incident: Incident, _ticket: Ticket, event: TicketEvent, _it: Change
) -> None:
    lifecycle.acknowledge(session, incident, _actor(event))


def _assign(
    session: Session, incident: Incident, _ticket: Ticket, event: TicketEvent, it: changes_.Assign
) -> None:
    assignee = _line(it.assignee, _NAME_CHARS) if it.assignee else None
    lifecycle.assign(session, incident, _actor(event), assignee)


def _prioritize(
    session: Session, incident: Incident, _ticket: Ticket, event: TicketEvent, it: changes_.Prioritize
) -> None:
    lifecycle.prioritize(session, incident, _actor(event), it.priority)


def _say(session: Session, incident: Incident, ticket: Ticket, event: TicketEvent, it: changes_.Say) -> None:
    # A new list: what changes inside of one the session does not see.
    ticket.comments = [*ticket.comments, it.key][-_MOST_COMMENTS:]
    said = it.comment.said
    text = beginning(it.comment.text, _COMMENT_CHARS, redactor())
    detail = {"comment": it.comment.id} | ({} if said is said.DELETED else {"text": text})
    audit.append(session, incident.id, _actor(event), said.value, ticket=ticket.key, **detail)


def _tell(
    session: Session, incident: Incident, _ticket: Ticket, _event: TicketEvent, it: changes_.Tell
) -> None:
    ticket_store.overrule(session, incident.id, "rca", it.field)
    deliveries.changed(session, incident.id, Destination.TICKET)


def _delete(session: Session, incident: Incident, ticket: Ticket, event: TicketEvent, _it: Change) -> None:
    audit.append(session, incident.id, _actor(event), "ticket_deleted", ticket=ticket.key)


def _move(
    session: Session, incident: Incident, ticket: Ticket, event: TicketEvent, it: changes_.Move
) -> None:
    before, url = ticket.key, page_of(ticket.url, it.key)
    ticket_store.rename(session, ticket, it.key, url)
    deliveries.moved(session, incident.id, Destination.TICKET, url)
    audit.append(
        session, incident.id, _actor(event), "ticket_moved", ticket=it.key, before=head(before, _NAME_CHARS)
    )


_APPLY: dict[type[Any], Callable[..., None]] = {
    changes_.Resolve: _resolve, changes_.Reopen: _reopen, changes_.Acknowledge: _acknowledge,
    changes_.Assign: _assign, changes_.Prioritize: _prioritize, changes_.Say: _say, changes_.Tell: _tell,
    changes_.Delete: _delete, changes_.Move: _move,
}  # fmt: skip
