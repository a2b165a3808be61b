"""What becomes of an incident and its ticket."""

from __future__ import annotations

from dataclasses import dataclass

from rca_plugin.core.category import Priority
from rca_plugin.core.tracker.event import Field, TicketComment


@dataclass(frozen=True)
class Resolve:
    """It is over."""

    how: str


@dataclass(frozen=True)
class Reopen:
    """It is not over."""

    why: str


@dataclass(frozen=True)
class Acknowledge:
    """Somebody looks after it."""


@dataclass(frozen=True)
class Assign:
    """It is given to somebody, or to nobody."""

    assignee: str | None


@dataclass(frozen=True)
class Prioritize:
    """It is more or less urgent."""

    priority: Priority


@dataclass(frozen=True)
class Say:
    """A comment goes onto the timeline; it is known by `key` from then on."""

    comment: TicketComment
    key: str


@dataclass(frozen=True)
class Tell:
    """The incident stays as it is, and the ticket has to become like it."""

    field: Field


@dataclass(frozen=True)
class Delete:
    """The ticket is gone."""


@dataclass(frozen=True)
class Move:
    """The ticket has another key."""

    key: str


Change = Resolve | Reopen | Acknowledge | Assign | Prioritize | Say | Tell | Delete | Move
