"""The incidents that opened before it was clear that they were a storm: they stay as they are, and while it lasts its
message speaks for them, if it has one.
"""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import literal, or_, select
from sqlalchemy.orm import Session

from rca_plugin.core.delivery import DeliveryState, Destination
from rca_plugin.core.incident import VISIBLE, Kind
from rca_plugin.server import deliveries
from rca_plugin.server.models import Delivery, Incident

MINUTE = timedelta(minutes=1)


def has_no_message(session: Session, storm: Incident) -> bool:
    """Whether a storm is told nowhere, as one that no route takes."""
    off = (Delivery.state == DeliveryState.OFF.value, Delivery.reference.is_(None))
    of_storm = (Delivery.incident_id == storm.id, Delivery.destination == Destination.MESSAGE.value)
    return session.scalar(select(Delivery.id).where(*of_storm, *off)) is not None


def speak_for_themselves(session: Session, storm: Incident) -> None:
    """A locked storm is over, or told nowhere: those that are not over are told of."""
    first = select(Incident.id).where(
        Incident.kind == Kind.FAILURE.value,
        Incident.status.in_([status.value for status in VISIBLE]),
        Incident.opened_at.between(storm.opened_at - MINUTE, storm.opened_at + MINUTE),
        or_(Incident.cause == storm.cause, literal("source:").concat(Incident.source) == storm.cause),
    )
    for incident_id in list(session.scalars(first.order_by(Incident.id).with_for_update())):
        deliveries.changed(session, incident_id, Destination.MESSAGE)
