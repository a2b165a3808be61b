"""Which status a ticket should have, by the three categories that every status of Jira belongs to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rca_plugin.core.incident import Status

NEW, UNDER_WAY, DONE = "new", "indeterminate", "done"
# Where none of these are reached, a ticket stays where it is, and that is reported, but for an acknowledgment:
# many workflows know nothing between new and done.
_AGAIN = {Status.OPEN: (NEW, UNDER_WAY), Status.ACKNOWLEDGED: (UNDER_WAY, NEW)}
# The first of these that a transition allows, where it asks for one.
_RESOLUTIONS = ("Done", "Fixed", "Resolved")


def categories_for(status: Status, now: str) -> tuple[str, ...]:
    """The categories to move a ticket to that is in category `now`, best first; none where it may stay."""
    if status in (Status.RESOLVED, Status.CLOSED):
        return () if now == DONE else (DONE,)
    if now == DONE:
        return _AGAIN.get(status, ())
    return (UNDER_WAY,) if status is Status.ACKNOWLEDGED and now == NEW else ()


def is_needed(status: Status, now: str) -> bool:
    """Whether it is wrong to leave the ticket where it is."""
    return (status in (Status.RESOLVED, Status.CLOSED)) is not (now == DONE)


def resolution_for(field: Mapping[str, Any]) -> dict[str, Any] | None:
    """How it was resolved, of what a transition allows; None where that is for people to say."""
    allowed = field.get("allowedValues")
    named = {v.get("name"): v for v in (allowed if isinstance(allowed, list) else ()) if isinstance(v, dict)}
    return next(({"name": name} for name in _RESOLUTIONS if name in named), None)
