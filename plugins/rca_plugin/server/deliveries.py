"""What incidents bring to places outside of Airflow: a log of what is wanted there, and of what arrived.

The intent is recorded before anybody acts: who delivers holds a lease, and when its time is over without a word
another may try. Nothing is delivered twice at the same time, and nothing is forgotten.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

from sqlalchemy import case, or_, select, update
from sqlalchemy.orm import Session

from rca_plugin.core.delivery import LEASE, DeliveryState, Destination, pause_after, rest_of
from rca_plugin.core.incident import incident_label
from rca_plugin.core.storable import beginning
from rca_plugin.server import audit, ticket_store
from rca_plugin.server.database import insert_once
from rca_plugin.server.incidents import locked
from rca_plugin.server.masking import redactor
from rca_plugin.server.models import Delivery

_MOST_DUE = 50
_PROBLEM_CHARS = 500
_STUCK_TRIES = 3


class LeaseLostError(ValueError):
    """Somebody else delivers meanwhile: what came of this try is not recorded."""


@dataclass(frozen=True)
class Claim:
    """Whether to deliver now. `reason` says why not; `reference` is what it became there before."""

    granted: bool
    reason: str = ""
    lease: str | None = None
    version: int = 0
    reference: str | None = None


@dataclass(frozen=True)
class Attempt:
    """What came of a try. `version` is the one that was claimed, `retry_after` seconds to leave the place alone.

    `reference` is what it became there, of a delivery that waits too: it may have got that far.
    """

    lease: str
    version: int
    state: DeliveryState
    problem: str
    retry_after: float
    reference: str | None


def want(session: Session, incident_id: int) -> None:
    """A locked incident has something new for every place."""
    now = datetime.now(timezone.utc)
    for destination in Destination:
        _open(session, incident_id, destination, now)
    changed(session, incident_id)


def changed(session: Session, incident_id: int, only: Destination | None = None) -> None:
    """A locked incident has something new for the places that know it, or for one of them."""
    # A minute later: its RCA run delivers by itself, and changes that follow each other go out together. A place that
    # takes nothing is left alone for as long as before.
    soon = datetime.now(timezone.utc) + pause_after(0, 0.0)
    well = Delivery.problem == ""
    places = [destination.value for destination in ([only] if only else Destination)]
    session.execute(
        update(Delivery)
        .where(Delivery.incident_id == incident_id, Delivery.destination.in_(places))
        .values(
            wanted=Delivery.wanted + 1,
            state=DeliveryState.WAITING.value,
            tries=case((well, 0), else_=Delivery.tries),
            next_try_at=case((well, soon), else_=Delivery.next_try_at),
        )
        .execution_options(synchronize_session=False)
    )


def moved(session: Session, incident_id: int, destination: Destination, reference: str) -> None:
    """What a locked incident became there is found at another place."""
    row = _row(session, incident_id, destination)
    if row is not None and row.reference is not None:
        row.reference = reference


def claim(session: Session, incident_id: int, destination: Destination, *, due_only: bool) -> Claim:
    """Take on the delivery of what is new.

    Raises UnknownIncidentError.
    """
    incident = locked(session, incident_id)
    now = datetime.now(timezone.utc)
    _open(session, incident_id, destination, now)
    row = _row(session, incident_id, destination)
    if refusal := _refusal(row, now, due_only=due_only):
        return Claim(False, refusal)
    row.lease, row.leased_until = str(uuid.uuid4()), now + LEASE
    row.tries += 1
    if destination is Destination.TICKET:
        ticket_store.bringing(session, incident)
    return Claim(True, "", row.lease, row.wanted, row.reference)


def record(session: Session, incident_id: int, destination: Destination, attempt: Attempt) -> Delivery:
    """Keep what came of a try. Recording again changes nothing.

    Raises UnknownIncidentError, and LeaseLostError.
    """
    incident = locked(session, incident_id)
    row = _row(session, incident_id, destination)
    if row is None or row.lease != attempt.lease:
        raise LeaseLostError(
            f"{incident_label(incident_id)}: somebody else brings it to the {destination.value}"
        )
    if row.leased_until is not None:
        _settle(session, row, attempt)
        if destination is Destination.TICKET:
            ticket_store.brought(session, incident, all_of_it=row.state == DeliveryState.DELIVERED.value)
    return row


def due(session: Session) -> list[Delivery]:
    """What may be tried now, oldest first."""
    now = datetime.now(timezone.utc)
    free = or_(Delivery.leased_until.is_(None), Delivery.leased_until <= now)
    waiting = (Delivery.state == DeliveryState.WAITING.value, Delivery.next_try_at <= now, free)
    return list(
        session.scalars(select(Delivery).where(*waiting).order_by(Delivery.next_try_at).limit(_MOST_DUE))
    )


def stuck(session: Session) -> list[Delivery]:
    """One for each place that takes nothing, whatever was tried: the oldest."""
    waiting = (
        Delivery.state == DeliveryState.WAITING.value,
        Delivery.problem != "",
        Delivery.tries >= _STUCK_TRIES,
    )
    rows = session.scalars(select(Delivery).where(*waiting).order_by(Delivery.id).limit(_MOST_DUE))
    oldest: dict[str, Delivery] = {}
    for row in rows:
        oldest.setdefault(row.destination, row)
    return list(oldest.values())


def of_incident(session: Session, incident_id: int) -> list[Delivery]:
    """Those of an incident, but for places that are off, or that nobody has tried yet."""
    tried = or_(Delivery.tries > 0, Delivery.delivered > 0)
    shown = (Delivery.incident_id == incident_id, Delivery.state != DeliveryState.OFF.value, tried)
    return list(session.scalars(select(Delivery).where(*shown).order_by(Delivery.destination)))


def _open(session: Session, incident_id: int, destination: Destination, now: datetime) -> None:
    insert_once(session, Delivery, {
        "incident_id": incident_id, "destination": destination.value, "state": DeliveryState.WAITING.value,
        "wanted": 1, "delivered": 0, "tries": 0, "next_try_at": now, "problem": "",
    })  # fmt: skip


def _row(session: Session, incident_id: int, destination: Destination) -> Any:
    return session.scalar(
        select(Delivery)
        .where(Delivery.incident_id == incident_id, Delivery.destination == destination.value)
        .execution_options(populate_existing=True)
    )


def _refusal(row: Delivery, now: datetime, *, due_only: bool) -> str:
    if row.leased_until is not None and row.leased_until > now:
        return "somebody else is at it"
    if row.delivered >= row.wanted:
        return "there is nothing new"
    wait_for = row.next_try_at if due_only else row.left_alone_until
    if wait_for is not None and wait_for > now:
        return f"it is tried again at {wait_for:%Y-%m-%d %H:%M:%S} UTC"
    return ""


def _settle(session: Session, row: Delivery, attempt: Attempt) -> None:
    now = datetime.now(timezone.utc)
    row.leased_until = None
    before = row.problem
    # That nobody has set it up is no problem.
    off = attempt.state is DeliveryState.OFF
    row.problem = "" if off else beginning(attempt.problem, _PROBLEM_CHARS, redactor())
    if attempt.state is DeliveryState.DELIVERED:
        _arrived(session, row, attempt, now)
    elif off:
        row.state, row.tries = attempt.state.value, 0
    else:
        row.next_try_at = now + pause_after(row.tries, attempt.retry_after)
        row.left_alone_until = now + rest_of(attempt.retry_after)
        _leave_alone(session, row.destination, now, attempt.retry_after)
        _became(session, row, attempt.reference)
        if row.problem != before:
            audit.append(
                session, row.incident_id, "rca", "delivery_waits", to=row.destination, problem=row.problem
            )


def _leave_alone(session: Session, destination: str, now: datetime, seconds: float) -> None:
    """A place that asks for a rest asks for it from all of us."""
    if seconds:
        until = now + rest_of(seconds)
        earlier = (Delivery.destination == destination, Delivery.state == DeliveryState.WAITING.value,
                   Delivery.next_try_at < until)  # fmt: skip
        session.execute(
            update(Delivery)
            .where(*earlier)
            .values(next_try_at=until)
            .execution_options(synchronize_session=False)
        )


def _arrived(session: Session, row: Delivery, attempt: Attempt, now: datetime) -> None:
    _became(session, row, attempt.reference)
    row.delivered, row.delivered_at, row.tries, row.left_alone_until = attempt.version, now, 0, None
    # What changed meanwhile is still to come.
    row.state = (DeliveryState.DELIVERED if row.delivered >= row.wanted else DeliveryState.WAITING).value
    audit.append(session, row.incident_id, "rca", "delivered", to=row.destination, reference=row.reference)


def _became(session: Session, row: Delivery, reference: str | None) -> None:
    if reference is None:
        return
    if row.destination == Destination.TICKET.value:
        ticket_store.keep(session, row.incident_id, reference, before=row.reference)
    row.reference = reference
