"""Clocks on the wall, which skip an hour and show another twice."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from zoneinfo import ZoneInfo


def zone(name: str) -> ZoneInfo:
    """The time zone of that IANA name.

    Raises ValueError.
    """
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise ValueError(
            f"time_zone: {name[:64]!r} is not a time zone, such as Europe/Berlin or UTC"
        ) from None


def instant(wall: datetime, where: ZoneInfo) -> datetime:
    """The first moment, in UTC, at which the clock there shows `wall` (without a time zone) or later.

    An hour that the clock shows twice counts the first time; one that it skips is over when it has skipped it.
    """
    late = wall.replace(tzinfo=where, fold=0).astimezone(timezone.utc)
    if wall_clock(late, where) == wall:
        return late
    # In the gap, fold 1 is read with the offset after it, which is before the change, and fold 0 after it.
    early = wall.replace(tzinfo=where, fold=1).astimezone(timezone.utc)
    while (seconds := (late - early) // timedelta(seconds=1)) > 1:
        middle = early + timedelta(seconds=seconds // 2)
        early, late = (early, middle) if wall_clock(middle, where) >= wall else (middle, late)
    return late


def wall_clock(moment: datetime, where: ZoneInfo) -> datetime:
    """What the clock there shows, without a time zone."""
    return moment.astimezone(where).replace(tzinfo=None, fold=0)
