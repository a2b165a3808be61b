"""Daily digests, by the JSON API: tasks take them on, and say what came of them."""

from __future__ import annotations

import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path
from pydantic import AwareDatetime, Field
from sqlalchemy.orm import Session

from rca_plugin.core.digest import Period
from rca_plugin.server import api_models as models
from rca_plugin.server import digests
from rca_plugin.server.api_callers import service
from rca_plugin.server.api_deliveries import DeliveryAttempt
from rca_plugin.server.api_models import In, Out
from rca_plugin.server.database import transaction

router = APIRouter(prefix="/api/v1", responses=models.ERRORS, tags=["tasks"], dependencies=[Depends(service)])

DigestId = Annotated[int, Path(ge=1, le=2**63 - 1)]


class ClaimDigest(In):
    """Which channel is to be told of which day."""

    channel: Annotated[str, Field(pattern="^[CG][A-Z0-9]{7,29}$", examples=["C0123456789"])]
    day: datetime.date
    begins_at: AwareDatetime
    ends_at: AwareDatetime


class DigestClaim(Out):
    """Whether to tell now."""

    granted: bool
    reason: str = Field(description="Why not.")
    id: int | None
    lease: str | None = Field(description="To be said with what came of it, within five minutes.")
    recorded_at: datetime.datetime | None = Field(description="Nothing was posted before.")
    content: dict[str, Any] | None = Field(description="What is to be told, the same at each try.")


class DigestRecorded(Out):
    """It is kept."""

    id: int
    tries: int


@router.post("/digests/claim", summary="Take on a daily digest")
def claim_digest(body: ClaimDigest) -> DigestClaim:
    """Nobody else gets it for five minutes, and nobody at all once it is told, or where there is nothing to tell."""
    period = Period(body.day, body.begins_at, body.ends_at)
    claimed = transaction(lambda session: digests.claim(session, body.channel, period))
    return DigestClaim.model_validate(claimed)


@router.put("/digests/{digest_id}", summary="Keep what came of a daily digest")
def record_digest(digest_id: DigestId, body: DeliveryAttempt) -> DigestRecorded:
    """Recording the same again changes nothing. Answers 409 `lease_lost` to whoever took too long."""
    attempt = body.to_attempt()

    def record(session: Session) -> DigestRecorded:
        row = digests.record(session, digest_id, attempt)
        return DigestRecorded(id=row.id, tries=row.tries)

    return transaction(record)
