"""What is known to be broken: which incidents stay quiet, and when."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from rca_plugin.core.matcher import Matchers
from rca_plugin.core.recurrence import Recurrence, Window


class State(str, Enum):
    """Whether a silence holds now, will hold, or never will again."""

    ACTIVE = "active"
    PENDING = "pending"
    EXPIRED = "expired"


@dataclass(frozen=True)
class Schedule:
    """When a silence holds: from one moment to another or, with `recurrence`, in its windows between the two.

    Only a recurring one may go on without an end. Raises ValueError, which names the field.
    """

    starts_at: datetime
    ends_at: datetime | None
    recurrence: Recurrence | None = None

    def __post_init__(self) -> None:
        if self.ends_at is None and self.recurrence is None:
            raise ValueError("ends_at: a silence that does not recur needs an end")
        if self.ends_at is not None and self.ends_at <= self.starts_at:
            raise ValueError("ends_at: must be after starts_at")

    @property
    def limits(self) -> Window:
        """It never holds outside of these."""
        return Window(self.starts_at, self.ends_at)

    def window_at(self, moment: datetime) -> Window | None:
        """The window that holds at a moment."""
        if moment not in self.limits:
            return None
        return self._within(self.recurrence.window_at(moment)) if self.recurrence else self.limits

    def holds_at(self, moment: datetime) -> bool:
        """Whether it holds at a moment."""
        return self.window_at(moment) is not None

    def next_window(self, after: datetime) -> Window | None:
        """The first window that begins after a moment."""
        if after < self.starts_at and (first := self.window_at(self.starts_at)):
            return first
        if self.recurrence is None:
            return None
        return self._within(self.recurrence.next_window(max(after, self.starts_at)))

    def windows(self, after: datetime, count: int) -> list[Window]:
        """The window that holds at a moment, if any, and those that begin after it; at most so many."""
        window = self.window_at(after) or self.next_window(after)
        found: list[Window] = []
        while window is not None and len(found) < count:
            found.append(window)
            window = self.next_window(max(after, window.starts_at))
        return found

    def state(self, now: datetime) -> State:
        """Whether it holds now, will hold, or never will again."""
        if self.holds_at(now):
            return State.ACTIVE
        return State.PENDING if self.next_window(now) else State.EXPIRED

    def _within(self, window: Window | None) -> Window | None:
        if window is None or (self.ends_at is not None and window.starts_at >= self.ends_at):
            return None
        ends = [end for end in (window.ends_at, self.ends_at) if end is not None]
        return Window(max(window.starts_at, self.starts_at), min(ends, default=None))


@dataclass(frozen=True)
class Silence:
    """Which incidents stay quiet, and when."""

    matchers: Matchers
    schedule: Schedule

    def holds(self, facts: Mapping[str, str], moment: datetime) -> bool:
        """Whether it keeps an incident with these facts quiet at a moment."""
        # In this order: the time zone is the expensive half.
        return self.matchers.match(facts) and self.schedule.holds_at(moment)
