"""Tickets, by the JSON API: tasks look at them where the tracker cannot call us."""

from __future__ import annotations

from typing import Annotated

from airflow.utils.session import create_session
from fastapi import APIRouter, Depends, Path, Query
from pydantic import AwareDatetime, Field
from sqlalchemy.orm import Session

from rca_plugin.core.tracker.event import Account, StatusCategory, TicketEvent, TicketStatus
from rca_plugin.core.tracker.key import KEY
from rca_plugin.server import api_models as models
from rca_plugin.server import ticket_store, tickets
from rca_plugin.server.api_callers import service
from rca_plugin.server.api_models import In, Out
from rca_plugin.server.database import transaction

router = APIRouter(prefix="/api/v1", responses=models.ERRORS, tags=["tasks"], dependencies=[Depends(service)])

Key = Annotated[str, Path(pattern=f"^{KEY}$", max_length=100, examples=["DATA-7"])]


class TrackedTicket(Out):
    """A ticket to look at."""

    id: int
    key: str
    url: str


class TrackedTickets(Out):
    """At most 200, in the order of their numbers."""

    tickets: list[TrackedTicket]


class AccountIn(In):
    """Somebody in the tracker."""

    id: Annotated[str, Field(min_length=1, max_length=250)]
    name: Annotated[str, Field(min_length=1, max_length=250)]


class TicketState(In):
    """How a ticket is now. `updated`: when anything about it changed last."""

    key: Annotated[str | None, Field(pattern=f"^{KEY}$", max_length=100, description="As it is now.")] = None
    external_id: Annotated[str | None, Field(max_length=40)] = None
    updated: AwareDatetime
    deleted: bool = False
    status: Annotated[str, Field(max_length=250)] = ""
    category: Annotated[str | None, Field(max_length=40)] = None
    assignee: AccountIn | None = None
    priority: Annotated[str | None, Field(max_length=250)] = None

    def to_event(self, key: str) -> TicketEvent:
        """What it tells of the ticket that was asked for by this key."""
        known = {category.value: category for category in StatusCategory}
        return TicketEvent(
            key=self.key or key,
            external_id=self.external_id,
            at=self.updated,
            by="",
            status=TicketStatus(self.status, known.get(self.category or "")) if self.status else None,
            assignee=Account(self.assignee.id, self.assignee.name) if self.assignee else None,
            priority=self.priority,
            deleted=self.deleted,
            moved_from=key if self.key not in (None, key) else None,
        )


class Followed(Out):
    """What became of the incident."""

    incident_id: int
    changes: tuple[str, ...] = Field(examples=[["resolve"]])


@router.get("/tickets/tracked", summary="The tickets of incidents that are not closed")
def tracked_tickets(after: Annotated[int, Query(ge=0, le=2**63 - 1)] = 0) -> TrackedTickets:
    """Those with a number above `after`."""
    with create_session(scoped=False) as session:
        found = ticket_store.tracked(session, after)
        return TrackedTickets(tickets=[TrackedTicket.model_validate(ticket) for ticket in found])


@router.put("/tickets/{key}/state", summary="Say how a ticket is now")
def ticket_state(key: Key, body: TicketState) -> Followed:
    """The incident follows. Saying the same again changes nothing; answers 404 `unknown_ticket`."""
    event = body.to_event(key)

    def follow(session: Session) -> Followed:
        outcome = tickets.apply(session, event, looked=not event.deleted)
        if event.key != key:
            ticket_store.forget(session, key)
        return Followed(incident_id=outcome.incident_id, changes=outcome.changes)

    return transaction(follow)
