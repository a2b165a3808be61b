"""Times and durations as they are written in evidence."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

_UNITS = ((86_400, "days"), (3_600, "hours"), (60, "minutes"))


def moment(at: datetime | None) -> str:
    """A point in time, to the second, in UTC."""
    return at.astimezone(timezone.utc).strftime("%Y-%m-%d %H:%M:%S UTC") if at else "unknown"


def span(length: timedelta | float) -> str:
    """A length of time in the largest unit of which it is at least two; as a number it is in seconds."""
    seconds = length.total_seconds() if isinstance(length, timedelta) else length
    for size, name in _UNITS:
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {name}"
    return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
