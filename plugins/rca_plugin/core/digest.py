"""The daily digest of a channel: when it is due, and over which day it tells."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from rca_plugin.core.time_zone import instant

#: One that is later than this is left out: who reads of yesterday in the evening learns nothing from it.
LATEST = timedelta(hours=6)
_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Period:
    """One day between two digests, in UTC; `day` is when it ends, by the calendar of the digest's time zone."""

    day: date
    begins_at: datetime
    ends_at: datetime


@dataclass(frozen=True)
class Digest:
    """Tell in a channel once a day, at this time there."""

    channel: str
    at: time
    time_zone: ZoneInfo

    def due(self, now: datetime) -> Period | None:
        """The day to tell of now; None a while after its time, until the next."""
        today = now.astimezone(self.time_zone).date()
        day = today if self._moment(today) <= now else today - _DAY
        period = Period(day, self._moment(day - _DAY), self._moment(day))
        return period if now - period.ends_at <= LATEST else None

    def _moment(self, day: date) -> datetime:
        return instant(datetime.combine(day, self.at), self.time_zone)
