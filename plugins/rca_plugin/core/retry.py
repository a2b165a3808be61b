"""Whether a failed try is worth repeating, and after how long."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from rca_plugin.core.category import Category
from rca_plugin.core.classification import Classification

#: What a rule has to prove before it may take the remaining tries away: a retry too many costs less than one
#: too few.
SURE = 0.5
# Twice as long each time is beyond every cap long before a float is full.
_MOST_DOUBLINGS = 60


class Verdict(str, Enum):
    """What repeating a try would do."""

    #: It may help.
    RETRY = "retry"
    #: It cannot help.
    STOP = "stop"
    #: Nobody knows.
    UNDECIDED = "undecided"


def verdict_of(found: Classification) -> Verdict:
    """What repeating would do for a failure of this kind."""
    if found.category is Category.UNKNOWN:
        return Verdict.UNDECIDED
    if found.remediable:
        return Verdict.RETRY
    return Verdict.STOP if found.confidence >= SURE else Verdict.UNDECIDED


@dataclass(frozen=True)
class Backoff:
    """Exponential backoff with full jitter: anything up to `base` seconds, then up to twice that, never over `cap`.

    All of it is left to chance, so that many tasks that failed together do not come back together.
    """

    base: float
    cap: float

    def seconds(self, failed_tries: int, chance: float) -> float:
        """How long to wait after this many failed tries; `chance` is from 0.0 to 1.0."""
        doublings = min(max(failed_tries - 1, 0), _MOST_DOUBLINGS)
        return chance * min(self.cap, self.base * 2.0**doublings)
