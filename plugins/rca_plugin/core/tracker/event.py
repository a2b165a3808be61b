"""What happened to a ticket, as its tracker tells it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum

#: As far as the clocks of an incident's side and of a ticket's are believed to differ.
SKEW = timedelta(seconds=5)


class Field(str, Enum):
    """What a ticket and its incident both have."""

    STATUS = "status"
    ASSIGNEE = "assignee"
    PRIORITY = "priority"


class StatusCategory(str, Enum):
    """What every status of every project belongs to."""

    NEW = "new"
    INDETERMINATE = "indeterminate"
    DONE = "done"


@dataclass(frozen=True)
class TicketStatus:
    """The name is the project's own. No category: the tracker does not say, or says one that we do not know."""

    name: str
    category: StatusCategory | None


@dataclass(frozen=True)
class Account:
    """Somebody in the tracker; `id` is an account id in Jira Cloud, a user name in Data Center."""

    id: str
    name: str


class Said(str, Enum):
    """What happened to a comment."""

    ADDED = "commented"
    EDITED = "comment_edited"
    DELETED = "comment_deleted"


@dataclass(frozen=True)
class TicketComment:
    """`version` is another one for each edit."""

    id: str
    version: str
    said: Said
    text: str
    by: str


@dataclass(frozen=True)
class TicketEvent:
    """One thing that happened to a ticket. The values are as they are afterwards; `changed` names those that are new.

    key: None where only the id is told. by: empty where nobody is named. by_other: for certain it was not whoever
    created the ticket, and so none of us. was_done: it says that the ticket was done
    before. moved_from: the key until now, where it was moved to another project.
    """

    key: str | None
    external_id: str | None
    at: datetime
    by: str
    by_other: bool = False
    changed: frozenset[Field] = frozenset()
    status: TicketStatus | None = None
    was_done: bool = False
    assignee: Account | None = None
    priority: str | None = None
    comment: TicketComment | None = None
    deleted: bool = False
    moved_from: str | None = None
