"""The tickets that incidents became: kept, found by their key, and those that are still of interest."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from rca_plugin.core.delivery import LEASE
from rca_plugin.core.incident import OVER, Status
from rca_plugin.core.tracker.event import Field, StatusCategory, TicketEvent
from rca_plugin.core.tracker.key import key_of
from rca_plugin.server.database import insert_once
from rca_plugin.server.models import Incident, Ticket

JIRA = "jira"
#: Before the name of who did something there.
ACTOR = f"{JIRA}:"
_MOST_TRACKED = 200
_MOST_BROUGHT = 10


def keep(session: Session, incident_id: int, url: str, *, before: str | None = None) -> None:
    """A locked incident is this ticket; an address that is no ticket's page is left alone.

    `before`: the address it had until now, where it is another when a ticket was moved.
    """
    key = key_of(url)
    if key is None:
        return
    _follow(session, key_of(before or ""), key, url)
    insert_once(session, Ticket, {
        "incident_id": incident_id, "system": JIRA, "key": key, "url": url, "recorded_at": datetime.now(timezone.utc),
        "comments": [], "brought": [], "overruled": {},
    })  # fmt: skip
    ticket = find(session, key)
    if ticket is not None:
        # The ticket of an incident that is closed may serve the next one.
        ticket.incident_id, ticket.url, ticket.deleted_at = incident_id, url, None


def _follow(session: Session, before: str | None, key: str, url: str) -> None:
    moved = find(session, before) if before and before != key else None
    if moved is None or moved.deleted_at is not None:
        return
    if find(session, key) is None:
        rename(session, moved, key, url)
    else:
        session.delete(moved)
        session.flush()


def find(session: Session, key: str) -> Ticket | None:
    """The ticket with this key, as it is now."""
    return session.scalar(
        select(Ticket)
        .where(Ticket.system == JIRA, Ticket.key == key)
        .execution_options(populate_existing=True)
    )


def of_event(session: Session, event: TicketEvent) -> Ticket | None:
    """The ticket that something happened to: by its key, by the one it had until now, or else by its number."""
    for key in (event.key, event.moved_from):
        if key and (ticket := find(session, key)):
            return ticket
    if event.external_id is None:
        return None
    return session.scalar(
        select(Ticket)
        .where(Ticket.system == JIRA, Ticket.external_id == event.external_id)
        .order_by(Ticket.id.desc())
        .limit(1)
    )


def rename(session: Session, ticket: Ticket, key: str, url: str) -> None:
    """A ticket of a locked incident has another key."""
    ticket.key, ticket.url = key, url
    session.flush()


def heard(ticket: Ticket) -> dict[Field, datetime]:
    """When each field of it last changed, by the clock of the tracker, as far as that was heard."""
    times = {
        Field.STATUS: ticket.status_at,
        Field.ASSIGNEE: ticket.assignee_at,
        Field.PRIORITY: ticket.priority_at,
    }
    return {field: at for field, at in times.items() if at is not None}


def forget(session: Session, key: str) -> None:
    """Nobody asks for a ticket by this key any more."""
    if stale := find(session, key):
        session.delete(stale)


def bringing(session: Session, incident: Incident) -> None:
    """A locked incident is brought to its ticket as it is now: the tracker will tell of that."""
    now = datetime.now(timezone.utc)
    as_it_is = {
        "since": now.isoformat(), "until": (now + LEASE).isoformat(), "status": incident.status,
        "priority": incident.priority, "assignee": incident.assignee, "owner": incident.owner,
    }  # fmt: skip
    for ticket in of_incident(session, incident.id)[:1]:
        ticket.brought = [*ticket.brought, as_it_is][-_MOST_BROUGHT:]


def brought(session: Session, incident: Incident, *, all_of_it: bool) -> None:
    """It was brought there. `all_of_it`: nothing has changed since."""
    now = datetime.now(timezone.utc).isoformat()
    for ticket in of_incident(session, incident.id)[:1]:
        ticket.brought = [*ticket.brought[:-1], *({**last, "until": now} for last in ticket.brought[-1:])]
        ticket.overruled = {} if all_of_it else ticket.overruled
        if all_of_it and Status(incident.status) in OVER:
            # Whatever is heard of it: it was done, and when it no longer is somebody has opened it again.
            ticket.external_category = StatusCategory.DONE.value


def of_incident(session: Session, incident_id: int) -> list[Ticket]:
    """The tickets of an incident, newest first."""
    mine = select(Ticket).where(Ticket.incident_id == incident_id)
    return list(session.scalars(mine.order_by(Ticket.id.desc()).limit(10)))


def tracked(session: Session, after: int) -> list[Ticket]:
    """Some tickets with a number above `after`, in their order, whose incident is not closed."""
    of_interest: Any = (
        Ticket.id > after,
        Ticket.deleted_at.is_(None),
        Ticket.incident_id == Incident.id,
        Incident.status != Status.CLOSED.value,
    )
    return list(session.scalars(select(Ticket).where(*of_interest).order_by(Ticket.id).limit(_MOST_TRACKED)))
