"""The life of an incident: the states it may be in, and how it gets from one to another."""

from __future__ import annotations

from enum import Enum


class Status(str, Enum):
    """open → acknowledged → resolved → closed, or suppressed by a silence or another incident."""

    OPEN = "open"
    ACKNOWLEDGED = "acknowledged"
    RESOLVED = "resolved"
    CLOSED = "closed"
    SUPPRESSED = "suppressed"


class Kind(str, Enum):
    """What an incident stands for: the failures of one resource, or a storm of other incidents."""

    FAILURE = "failure"
    STORM = "storm"


#: Every change of status there is. A closed incident stays closed: the next failure opens a new one.
TRANSITIONS: dict[Status, frozenset[Status]] = {
    Status.OPEN: frozenset({Status.ACKNOWLEDGED, Status.SUPPRESSED, Status.RESOLVED}),
    Status.ACKNOWLEDGED: frozenset({Status.OPEN, Status.RESOLVED}),
    Status.SUPPRESSED: frozenset({Status.OPEN, Status.RESOLVED}),
    Status.RESOLVED: frozenset({Status.OPEN, Status.SUPPRESSED, Status.CLOSED}),
    Status.CLOSED: frozenset(),
}

#: Somebody, or something, has still to deal with these.
UNRESOLVED = (Status.OPEN, Status.ACKNOWLEDGED, Status.SUPPRESSED)
#: Nobody has to deal with these any more.
OVER = (Status.RESOLVED, Status.CLOSED)
#: Of the unresolved ones, those that are not kept quiet: others may be attached to them.
VISIBLE = (Status.OPEN, Status.ACKNOWLEDGED)


def may_become(now: Status, then: Status) -> bool:
    """Whether an incident may go from one status to another."""
    return then in TRANSITIONS[now]


def incident_label(incident_id: int) -> str:
    """How people call it: RCA-42."""
    return f"RCA-{incident_id}"
