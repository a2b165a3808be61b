"""Which status a ticket should have, by the three categories that every status of Jira belongs to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rca_plugin.core.incident import OVER, Status
from rca_plugin.core.ticket.history import AskHistory
from rca_plugin.core.ticket.record import Record
from rca_plugin.core.tracker.overruled import Overruled

NEW, UNDER_WAY, DONE = "new", "indeterminate", "done"
# Where none of these are reached, a ticket stays where it is, and that is reported, but for an acknowledgment:
# many workflows know nothing between new and done.
_AGAIN = {Status.OPEN: (NEW, UNDER_WAY), Status.ACKNOWLEDGED: (UNDER_WAY, NEW)}
# The first of these that a transition allows, where it asks for one.
_RESOLUTIONS = ("Done", "Fixed", "Resolved")


def standing(status: Status) -> str:
    """What a ticket knows of a status: whether it is over for good means nothing to it."""
    return (Status.RESOLVED if status in OVER else status).value


def may_move(status: Status, there: str, record: Record, overruled: Overruled, history: AskHistory) -> bool:
    """Whether a ticket in the status `there` may be moved to where the incident's belongs."""
    is_new, is_decided = record.status != standing(status), "status" in overruled
    if not (is_new or is_decided):
        return False
    if is_decided and is_new and status in OVER and there != record.left:
        # Whoever works on a ticket does not know yet that it is over, which is nothing to disagree about.
        return True
    # Where it is as we left it, it may have been moved, and moved back.
    as_left = record.left in (None, there)
    theirs = (history().by_others if as_left else history().changed).get("status")
    return theirs is None or overruled.overrules("status", theirs)


def categories_for(status: Status, now: str) -> tuple[str, ...]:
    """The categories to move a ticket to that is in category `now`, best first; none where it may stay."""
    if status in OVER:
        return () if now == DONE else (DONE,)
    if now == DONE:
        return _AGAIN.get(status, ())
    return (UNDER_WAY,) if status is Status.ACKNOWLEDGED and now == NEW else ()


def is_needed(status: Status, now: str) -> bool:
    """Whether it is wrong to leave the ticket where it is."""
    return (status in OVER) is not (now == DONE)


def resolution_for(field: Mapping[str, Any]) -> dict[str, Any] | None:
    """How it was resolved, of what a transition allows; None where that is for people to say."""
    allowed = field.get("allowedValues")
    named = {v.get("name"): v for v in (allowed if isinstance(allowed, list) else ()) if isinstance(v, dict)}
    return next(({"name": name} for name in _RESOLUTIONS if name in named), None)
