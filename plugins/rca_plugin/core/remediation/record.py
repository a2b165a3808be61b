"""What came of repairs: the numbers that stand beside each step from off to auto."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

from rca_plugin.core.category import Category
from rca_plugin.core.knowledge import ACTIONS
from rca_plugin.core.proportion import Proportion, proportion
from rca_plugin.core.remediation.state import Mode, RemediationState


class Hindsight(str, Enum):
    """What became of a target that a repair was proposed for and not carried out on."""

    WOULD_HAVE_SUCCEEDED = "would_have_succeeded"
    FAILED_AGAIN = "failed_again"
    NOBODY_TRIED = "nobody_tried"


@dataclass(frozen=True)
class Entry:
    """One attempt that has ended. approved: at least one person agreed. hindsight: of those not carried out."""

    category: Category
    action: str
    mode: Mode
    state: RemediationState
    approved: bool = False
    hindsight: Hindsight | None = None


@dataclass(frozen=True)
class Tally:
    """How often, for one category, action and mode.

    would_have_succeeded, failed_again: of what was not carried out, what somebody did by hand.
    unknown: of what was carried out, nobody knows how it ended; of the rest, nobody tried.
    """

    category: Category
    action: str
    mode: Mode
    proposed: int
    approved: int
    succeeded: int
    failed: int
    would_have_succeeded: int
    failed_again: int
    unknown: int

    @property
    def success(self) -> Proportion | None:
        """How many of those whose end is known worked, or would have; None where no end is known."""
        worked = self.succeeded + self.would_have_succeeded
        known = worked + self.failed + self.failed_again
        return proportion(worked, known) if known else None


def tallies(entries: Iterable[Entry]) -> tuple[Tally, ...]:
    """One for each category, action and mode that there is an entry of, in the order of these words."""
    groups: dict[tuple[Category, str, Mode], list[Entry]] = {}
    for entry in entries:
        groups.setdefault((entry.category, entry.action, entry.mode), []).append(entry)
    return tuple(_tally(groups[key]) for key in sorted(groups, key=_place))


def in_words(tally: Tally, days: int) -> str:
    """One sentence, such as: in suggest mode the last 30 days: 41 proposals, 38 would have succeeded."""
    parts = [f"{tally.proposed} proposal{'' if tally.proposed == 1 else 's'}"]
    parts += [f"{tally.approved} approved"] if tally.mode is Mode.APPROVE else []
    counted = {
        "succeeded": tally.succeeded,
        "failed": tally.failed,
        "would have succeeded": tally.would_have_succeeded,
        "failed again": tally.failed_again,
        "unknown": tally.unknown,
    }
    parts += [f"{number} {words}" for words, number in counted.items() if number]
    span = "day" if days == 1 else f"{days} days"
    return f"in {tally.mode} mode the last {span}: {', '.join(parts)}"


def _place(key: tuple[Category, str, Mode]) -> tuple[int, int, int]:
    category, action, mode = key
    # Of an action that there is no more, the record stays.
    known = [*ACTIONS]
    return (
        list(Category).index(category),
        known.index(action) if action in known else len(known),
        list(Mode).index(mode),
    )


def _tally(group: list[Entry]) -> Tally:
    first = group[0]
    states = [entry.state for entry in group]
    hindsight = [entry.hindsight for entry in group]
    return Tally(
        category=first.category,
        action=first.action,
        mode=first.mode,
        proposed=len(group),
        approved=sum(entry.approved for entry in group),
        succeeded=states.count(RemediationState.SUCCEEDED),
        failed=states.count(RemediationState.FAILED),
        would_have_succeeded=hindsight.count(Hindsight.WOULD_HAVE_SUCCEEDED),
        failed_again=hindsight.count(Hindsight.FAILED_AGAIN),
        unknown=states.count(RemediationState.UNKNOWN) + hindsight.count(Hindsight.NOBODY_TRIED),
    )
