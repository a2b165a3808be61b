"""Deliveries, by the JSON API: tasks take them on and say what came of them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from airflow.utils.session import create_session
from fastapi import APIRouter, Depends
from pydantic import Field
from sqlalchemy.orm import Session

from rca_plugin.core.delivery import DeliveryState, Destination
from rca_plugin.core.incident import Kind
from rca_plugin.server import api_models as models
from rca_plugin.server import deliveries, incidents, storm_first
from rca_plugin.server.api_callers import service
from rca_plugin.server.api_models import In, Out
from rca_plugin.server.database import transaction

router = APIRouter(prefix="/api/v1", responses=models.ERRORS, tags=["tasks"], dependencies=[Depends(service)])


class ClaimDelivery(In):
    """Who asks to deliver."""

    due_only: Annotated[bool, Field(description="Not before its time: for whoever comes by regularly.")] = (
        False
    )


class DeliveryClaim(Out):
    """Whether to deliver now."""

    granted: bool
    reason: str = Field(description="Why not.")
    lease: str | None = Field(description="To be said with what came of it, within five minutes.")
    version: int
    reference: str | None = Field(description="What it became there before.")


class DeliveryAttempt(In):
    """What came of a try."""

    lease: Annotated[str, Field(min_length=36, max_length=36)]
    version: Annotated[int, Field(ge=1)]
    state: DeliveryState
    problem: Annotated[str, Field(max_length=500)] = ""
    retry_after: Annotated[float, Field(ge=0, description="Seconds to leave the place alone.")] = 0.0
    reference: Annotated[
        str | None,
        Field(
            max_length=1_000,
            examples=["https://…/2026/11/25/RCA-42"],
            description="What it became there, also when it waits for more.",
        ),
    ] = None

    def to_attempt(self) -> deliveries.Attempt:
        """The same as a value."""
        return deliveries.Attempt(**self.model_dump() | {"state": self.state})


class DeliveryRecorded(Out):
    """It is kept."""

    incident_id: int
    tries: int
    next_try_at: datetime | None = Field(description="None once it is there, or off.")


class DueDelivery(Out):
    """One that may be tried now."""

    incident_id: int
    destination: Destination


class DueDeliveries(Out):
    """At most 50, oldest first."""

    deliveries: list[DueDelivery]


@router.post("/incidents/{incident_id}/deliveries/{destination}/claim", summary="Take on a delivery")
def claim_delivery(
    incident_id: models.IncidentId, destination: Destination, body: ClaimDelivery
) -> DeliveryClaim:
    """Nobody else gets it for five minutes."""
    claim = transaction(
        lambda session: deliveries.claim(session, incident_id, destination, due_only=body.due_only)
    )
    return DeliveryClaim.model_validate(claim)


@router.put("/incidents/{incident_id}/deliveries/{destination}", summary="Keep what came of a delivery")
def record_delivery(
    incident_id: models.IncidentId, destination: Destination, body: DeliveryAttempt
) -> DeliveryRecorded:
    """Recording the same again changes nothing. Answers 409 `lease_lost` to whoever took too long."""
    attempt = body.to_attempt()

    def record(session: Session) -> DeliveryRecorded:
        row = deliveries.record(session, incident_id, destination, attempt)
        incident = incidents.locked(session, incident_id)
        if incident.kind == Kind.STORM.value and storm_first.has_no_message(session, incident):
            storm_first.speak_for_themselves(session, incident)
        waits = row.state == DeliveryState.WAITING.value
        return DeliveryRecorded(
            incident_id=incident_id, tries=row.tries, next_try_at=row.next_try_at if waits else None
        )

    return transaction(record)


@router.get("/deliveries/due", summary="What may be delivered now")
def due_deliveries() -> DueDeliveries:
    """For housekeeping."""
    with create_session(scoped=False) as session:
        return DueDeliveries(deliveries=[DueDelivery.model_validate(row) for row in deliveries.due(session)])
