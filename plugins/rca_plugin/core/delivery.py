"""What an incident brings to a place outside of Airflow, and when that is tried again."""

from __future__ import annotations

from datetime import timedelta
from enum import Enum

#: Whoever delivers has this long to say what came of it; then somebody else may.
LEASE = timedelta(minutes=5)
_FIRST_PAUSE = timedelta(minutes=1)
_LONGEST_PAUSE = timedelta(hours=1)
# Whoever answers could say a year.
_LONGEST_WISH = 86_400.0


class Destination(str, Enum):
    """Where to: a ticket in a tracker, a message to people, the archive."""

    TICKET = "ticket"
    MESSAGE = "message"
    ARCHIVE = "archive"


class DeliveryState(str, Enum):
    """Waiting until the newest is there; off where nobody has set the place up."""

    WAITING = "waiting"
    DELIVERED = "delivered"
    OFF = "off"


def pause_after(tries: int, retry_after: float) -> timedelta:
    """How long to wait after this many tries: a minute, doubling up to an hour; as long as was asked for in seconds."""
    # Sixty doublings of a minute are more than a timedelta holds.
    doublings: int = 2 ** min(max(tries - 1, 0), 10)
    pause = min(_FIRST_PAUSE * doublings, _LONGEST_PAUSE)
    return max(pause, rest_of(retry_after))


def rest_of(retry_after: float) -> timedelta:
    """For how long a place is left alone that asked for so many seconds: a day at most."""
    return timedelta(seconds=min(retry_after, _LONGEST_WISH))


def ordinal(number: int) -> str:
    """1st, 2nd, 3rd, 4th."""
    teens = 10 <= number % 100 <= 20
    return f"{number}{'th' if teens else {1: 'st', 2: 'nd', 3: 'rd'}.get(number % 10, 'th')}"
