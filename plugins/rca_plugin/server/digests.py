"""Digests: which channel was told of which day. The intent is recorded before anything is posted.

As of a delivery, who posts holds a lease; when its time is over without a word another may look for what was posted.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from rca_plugin.core.delivery import LEASE, DeliveryState, pause_after
from rca_plugin.core.digest import LATEST, Period
from rca_plugin.core.storable import beginning
from rca_plugin.server.database import insert_once
from rca_plugin.server.deliveries import Attempt, LeaseLostError
from rca_plugin.server.digest_content import content_of
from rca_plugin.server.masking import redactor
from rca_plugin.server.models import DigestRow

_PROBLEM_CHARS = 500
# A digest is missed after some hours; whoever looks the day after still learns of it.
_SHOWN = LATEST + timedelta(days=1)
_MOST_SHOWN = 50


@dataclass(frozen=True)
class DigestClaim:
    """Whether to post now. `reason` says why not; `recorded_at` is when it was first to be posted."""

    granted: bool
    reason: str = ""
    id: int | None = None
    lease: str | None = None
    recorded_at: datetime | None = None
    content: dict[str, Any] | None = None


def claim(session: Session, channel: str, period: Period) -> DigestClaim:
    """Take on telling a channel of a day. What there is to tell is found out once, the first time."""
    now = datetime.now(timezone.utc)
    is_new = insert_once(session, DigestRow, {
        "channel": channel, "day": period.day, "state": DeliveryState.WAITING.value, "recorded_at": now,
        "tries": 0, "next_try_at": now, "problem": "",
    })  # fmt: skip
    row = _locked(session, DigestRow.channel == channel, DigestRow.day == period.day)
    if is_new:
        row.content = content_of(session, channel, period, now)
        row.state = (DeliveryState.WAITING if row.content else DeliveryState.OFF).value
    if refusal := _refusal(row, now):
        return DigestClaim(False, refusal)
    row.lease, row.leased_until = str(uuid.uuid4()), now + LEASE
    row.tries += 1
    return DigestClaim(True, "", row.id, row.lease, row.recorded_at, row.content)


def record(session: Session, digest_id: int, attempt: Attempt) -> DigestRow:
    """Keep what came of a try. Recording again changes nothing.

    Raises LeaseLostError.
    """
    row = _locked(session, DigestRow.id == digest_id)
    if row is None or row.lease != attempt.lease:
        raise LeaseLostError("somebody else tells of that day")
    if row.leased_until is not None:
        _settle(row, attempt)
    return row


def failing(session: Session) -> list[DigestRow]:
    """Those of the last day that could not be posted, or not yet, oldest first."""
    waiting = (DigestRow.state == DeliveryState.WAITING.value, DigestRow.problem != "")
    lately = DigestRow.recorded_at > datetime.now(timezone.utc) - _SHOWN
    found = select(DigestRow).where(*waiting, lately).order_by(DigestRow.id).limit(_MOST_SHOWN)
    return list(session.scalars(found))


def _locked(session: Session, *which: Any) -> Any:
    row = select(DigestRow).where(*which).with_for_update()
    return session.scalar(row.execution_options(populate_existing=True))


def _refusal(row: DigestRow, now: datetime) -> str:
    if row.state == DeliveryState.OFF.value:
        return "there was nothing to tell"
    if row.state == DeliveryState.DELIVERED.value:
        return "it is told already"
    if row.leased_until is not None and row.leased_until > now:
        return "somebody else is at it"
    if row.next_try_at > now:
        return f"it is tried again at {row.next_try_at:%Y-%m-%d %H:%M:%S} UTC"
    return ""


def _settle(row: DigestRow, attempt: Attempt) -> None:
    row.leased_until, row.state = None, attempt.state.value
    row.problem = beginning(attempt.problem, _PROBLEM_CHARS, redactor())
    row.reference = attempt.reference or row.reference
    row.next_try_at = datetime.now(timezone.utc) + pause_after(row.tries, attempt.retry_after)
