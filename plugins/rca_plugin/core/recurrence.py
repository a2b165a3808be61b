"""Windows that come back: times of a cron expression in a time zone, and how long each lasts."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

from croniter import CroniterBadDateError, CroniterError, croniter

from rca_plugin.core.time_zone import instant, wall_clock, zone

MAX_DURATION_MINUTES = 7 * 24 * 60
_MAX_CRON_CHARS = 100
# No seconds, no R (another time at each look) and no H (needs a name to hash).
_FIVE_FIELDS = re.compile(r"[0-9A-Za-z*/,#-]+( [0-9A-Za-z*/,#-]+){4}")
_RANDOM = re.compile(r"(?<![A-Za-z])[RrHh](?![A-Za-z])")
_MINUTE = timedelta(minutes=1)


@dataclass(frozen=True)
class Window:
    """From a moment on, up to but not including another. Without an end it goes on."""

    starts_at: datetime
    ends_at: datetime | None

    def __contains__(self, moment: datetime) -> bool:
        return self.starts_at <= moment and (self.ends_at is None or moment < self.ends_at)


@dataclass(frozen=True)
class Recurrence:
    """At each time of `cron` in `time_zone`, for `duration_minutes` by the clock on the wall there.

    So a window from 02:00 to 06:00 ends at 06:00 also in the nights in which the clock changes, and daily windows
    of 24 hours leave no hole. One whose beginning the clock skips begins, in full length, right after that.
    Raises ValueError.
    """

    cron: str
    duration_minutes: int
    time_zone: str

    def __post_init__(self) -> None:
        zone(self.time_zone)
        if not 1 <= self.duration_minutes <= MAX_DURATION_MINUTES:
            raise ValueError(f"duration_minutes: must be 1 to {MAX_DURATION_MINUTES} (7 days)")
        if (
            len(self.cron) > _MAX_CRON_CHARS
            or not _FIVE_FIELDS.fullmatch(self.cron)
            or _RANDOM.search(self.cron)
        ):
            raise ValueError("recurrence: must be a cron expression of five fields, such as 0 2 * * 6")
        try:
            croniter(self.cron, datetime(2000, 1, 1)).get_next(datetime)  # noqa: DTZ001  wall clock
        except CroniterBadDateError:
            raise ValueError("recurrence: this cron expression never comes") from None
        except (CroniterError, ValueError, KeyError):
            raise ValueError("recurrence: this is not a cron expression, such as 0 2 * * 6") from None

    def window_at(self, moment: datetime) -> Window | None:
        """The window that holds at a moment; of several, the one that began last, as that ends last."""
        for wall in self._walls_until(moment):
            window = self._window(wall)
            if window.starts_at <= moment:
                return window if moment in window else None
        return None

    def next_window(self, after: datetime) -> Window | None:
        """The first window that begins after a moment."""
        for wall in self._walls_from(after):
            window = self._window(wall)
            if window.starts_at > after:
                return window
        return None

    def _window(self, wall: datetime) -> Window:
        where = zone(self.time_zone)
        start = instant(wall, where)
        end = instant(wall_clock(start, where) + timedelta(minutes=self.duration_minutes), where)
        return Window(start, end)

    def _walls_until(self, moment: datetime) -> Iterator[datetime]:
        """The times of the expression backward from what the clock has shown at a moment."""
        local = moment.astimezone(zone(self.time_zone))
        # While an hour is repeated, the clock has shown later times already.
        shown = local.replace(tzinfo=None, fold=0) + (_repeated(local) if local.fold else timedelta(0))
        # croniter looks strictly before its start.
        times = croniter(self.cron, shown.replace(second=0, microsecond=0) + _MINUTE)
        return _all(lambda: times.get_prev(datetime))

    def _walls_from(self, moment: datetime) -> Iterator[datetime]:
        times = croniter(self.cron, wall_clock(moment, zone(self.time_zone)).replace(second=0, microsecond=0))
        return _all(lambda: times.get_next(datetime))


def _repeated(local: datetime) -> timedelta:
    """How long the repeated hour is that this moment is in the second pass of."""
    first, second = local.replace(fold=0).utcoffset(), local.replace(fold=1).utcoffset()
    return (first or timedelta(0)) - (second or timedelta(0))


def _all(step: Callable[[], datetime]) -> Iterator[datetime]:
    # croniter gives up after 50 years without a time, in milliseconds.
    with suppress(CroniterBadDateError):
        while True:
            yield step()
