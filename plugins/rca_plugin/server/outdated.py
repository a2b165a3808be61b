"""Messages about incidents that failed on since they were told: they are told again, at most every ten minutes.

Taking in a failure does not touch deliveries: there may be thousands a second.
"""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from functools import partial

from airflow.utils.session import create_session
from sqlalchemy import and_, select
from sqlalchemy.orm import Session

from rca_plugin.core.delivery import DeliveryState, Destination
from rca_plugin.core.incident import VISIBLE
from rca_plugin.server import deliveries
from rca_plugin.server.database import transaction
from rca_plugin.server.incidents import locked
from rca_plugin.server.models import Delivery, Incident

_PAUSE = timedelta(minutes=10)
# The next round of housekeeping goes on.
_BATCH = 500


def bring_up_to_date() -> int:
    """Have what happened since told; answer how many incidents that are."""
    told = and_(Delivery.incident_id == Incident.id, Delivery.destination == Destination.MESSAGE.value)
    outdated = (
        select(Incident.id)
        .join(Delivery, told)
        .where(
            Incident.status.in_([status.value for status in VISIBLE]),
            Delivery.state == DeliveryState.DELIVERED.value,
            Delivery.delivered_at < Incident.last_failure_at,
            Delivery.delivered_at < datetime.now(timezone.utc) - _PAUSE,
        )
    )
    with create_session(scoped=False) as session:
        found = list(session.scalars(outdated.order_by(Incident.id).limit(_BATCH)))
    for incident_id in found:
        transaction(partial(_tell_again, incident_id))
    return len(found)


def _tell_again(incident_id: int, session: Session) -> None:
    locked(session, incident_id)
    deliveries.changed(session, incident_id, Destination.MESSAGE)
