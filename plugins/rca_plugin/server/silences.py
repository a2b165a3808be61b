"""Silences: what people said is known to be broken. They are made and ended, never edited and never deleted."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import TypeAlias

from sqlalchemy import ColumnElement, Text, cast, func, or_, select
from sqlalchemy.orm import Session

from rca_plugin.core.incident import Status
from rca_plugin.core.matcher import Matchers
from rca_plugin.core.recurrence import Recurrence, Window
from rca_plugin.core.silence import Schedule, State
from rca_plugin.core.silence import Silence as SilenceValue
from rca_plugin.core.text import clean
from rca_plugin.server.database import memory
from rca_plugin.server.models import Incident, Silence

log = logging.getLogger(__name__)

MAX_REASON_CHARS = 2_000
SHOWN_LIVE, SHOWN_EXPIRED = 500, 50
# What one transaction takes in happened about the same time.
_LOOK_BACK = timedelta(hours=1)
_Candidate: TypeAlias = tuple[int, datetime | None, SilenceValue]
_SCHEDULE = (
    Silence.starts_at,
    Silence.ends_at,
    Silence.recurrence,
    Silence.duration_minutes,
    Silence.time_zone,
)


class UnknownSilenceError(LookupError):
    """There is no such silence."""


@dataclass(frozen=True)
class Listed:
    """A silence with whether it holds, and how many incidents it keeps quiet now."""

    row: Silence
    value: SilenceValue | None
    state: State
    incidents: int

    def windows(self, now: datetime, count: int) -> list[Window]:
        """The window that holds now, if any, and those that follow; none of one that is over."""
        if self.value is None or self.state is State.EXPIRED:
            return []
        return self.value.schedule.windows(now, count)


def holding(session: Session, facts: Mapping[str, str], at: datetime) -> Silence | None:
    """The first silence that matches the facts and holds at a moment, if there is one."""
    for number, ended_at, silence in _candidates(session, at):
        if (ended_at is None or ended_at > at) and silence.holds(facts, at):
            return session.get(Silence, number)
    return None


def lasting(session: Session, matchers: Matchers, until: datetime, now: datetime) -> Silence | None:
    """A silence with just these matchers that holds now and to the end of `until`, if there is one."""
    live = select(Silence).where(*_live(now), Silence.recurrence.is_(None), Silence.starts_at <= now)
    enough = live.where(Silence.ended_at.is_(None), Silence.ends_at >= until).order_by(Silence.id)
    return next((row for row in session.scalars(enough) if row.matchers == matchers.to_json()), None)


def create(
    session: Session, silence: SilenceValue, reason: str, time_zone: str, actor: str, now: datetime
) -> Silence:
    """Keep a new silence.

    Raises ValueError, which names the field, for one without a reason and for one that is over already.
    """
    text = clean(reason).strip()
    if not 1 <= len(text) <= MAX_REASON_CHARS:
        raise ValueError(f"reason: must be 1 to {MAX_REASON_CHARS} characters, so that others know why")
    schedule, recurrence = silence.schedule, silence.schedule.recurrence
    if schedule.state(now) is State.EXPIRED:
        raise ValueError("ends_at: it would be over already")
    row = Silence(
        matchers=silence.matchers.to_json(),
        reason=text,
        starts_at=schedule.starts_at,
        ends_at=schedule.ends_at,
        recurrence=recurrence.cron if recurrence else None,
        duration_minutes=recurrence.duration_minutes if recurrence else None,
        time_zone=time_zone,
        created_at=now,
        created_by=actor,
    )
    session.add(row)
    session.flush()
    memory(session).pop("silences", None)
    return row


def end(session: Session, silence_id: int, actor: str, now: datetime) -> Silence:
    """End a silence now. One that is over already stays as it is.

    Raises UnknownSilenceError.
    """
    row = session.scalar(select(Silence).where(Silence.id == silence_id).with_for_update())
    if row is None:
        raise UnknownSilenceError(f"there is no silence {silence_id}")
    if row.ended_at is None and (row.ends_at is None or row.ends_at > now):
        row.ended_at, row.ended_by = now, actor
        memory(session).pop("silences", None)
    return row


def get(session: Session, silence_id: int, now: datetime) -> Listed:
    """One silence.

    Raises UnknownSilenceError.
    """
    row = session.get(Silence, silence_id)
    if row is None:
        raise UnknownSilenceError(f"there is no silence {silence_id}")
    return _listed(row, now, _kept_quiet(session))


def listing(session: Session, now: datetime, expired: int = SHOWN_EXPIRED) -> list[Listed]:
    """Those that hold, those that will, and those that are over, in this order; the newest of each."""
    live = select(Silence).where(*_live(now)).order_by(Silence.id.desc()).limit(SHOWN_LIVE)
    over = select(Silence).where(or_(Silence.ended_at <= now, Silence.ends_at <= now))
    newest = over.order_by(Silence.id.desc()).limit(expired)
    quiet = _kept_quiet(session)
    rows = [*session.scalars(live), *session.scalars(newest)]
    listed = [_listed(row, now, quiet) for row in rows]
    return sorted(listed, key=lambda one: list(State).index(one.state))


def _live(at: datetime) -> list[ColumnElement[bool]]:
    return [
        or_(Silence.ended_at.is_(None), Silence.ended_at > at),
        or_(Silence.ends_at.is_(None), Silence.ends_at > at),
    ]


def _candidates(session: Session, at: datetime) -> list[_Candidate]:
    """The silences that may hold at a moment, read once for all that one transaction takes in."""
    known: tuple[datetime, list[_Candidate]] | None = memory(session).get("silences")
    if known is None or at < known[0]:
        since = at - _LOOK_BACK
        live = select(Silence.id, Silence.ended_at, cast(Silence.matchers, Text), *_SCHEDULE).where(
            *_live(since)
        )
        rows = session.execute(live.order_by(Silence.id))
        parsed = [(number, ended_at, _parsed(*fields)) for number, ended_at, *fields in rows]
        known = memory(session)["silences"] = (since, [(n, e, value) for n, e, value in parsed if value])
    return known[1]


# Reading the expressions of a thousand silences takes a hundred times as long as asking them.
@lru_cache(maxsize=10_000)
def _parsed(
    matchers: str,
    starts_at: datetime,
    ends_at: datetime | None,
    cron: str | None,
    duration_minutes: int | None,
    time_zone: str,
) -> SilenceValue | None:
    """What the columns of a silence mean; None if they mean nothing any more."""
    try:
        recurrence = Recurrence(cron, duration_minutes or 0, time_zone) if cron else None
        schedule = Schedule(starts_at, ends_at, recurrence)
        return SilenceValue(Matchers.from_json(json.loads(matchers)), schedule)
    except ValueError as error:
        # One silence that cannot be read, as when a time zone was abolished, must not keep failures out.
        log.warning("A silence for %s is not applied: %s", matchers, error)
        return None


def _kept_quiet(session: Session) -> dict[int, int]:
    quiet = Incident.status == Status.SUPPRESSED.value, Incident.silence_id.is_not(None)
    counted = select(Incident.silence_id, func.count(Incident.id)).where(*quiet).group_by(Incident.silence_id)
    return {silence_id: number for silence_id, number in session.execute(counted) if silence_id is not None}


def _listed(row: Silence, now: datetime, quiet: dict[int, int]) -> Listed:
    silence = _parsed(json.dumps(row.matchers), *(getattr(row, column.key) for column in _SCHEDULE))
    over = row.ended_at is not None and row.ended_at <= now
    state = State.EXPIRED if over or silence is None else silence.schedule.state(now)
    return Listed(row, silence, state, quiet.get(row.id, 0))
