"""What became of one event that a sender reported."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Receipt:
    """Of a failure, `result` is `opened` (a new incident), `reopened` (one that was resolved), `counted` (one
    more failure of an open one), `suppressed` (the same of one that is kept quiet), `recorded` (a try that will
    be retried), `duplicate` (the event was known) or `own` (a failure of an RCA run itself).
    Of a recovery it is `resolved`, `duplicate` or `recorded` (no open incident was concerned).
    """

    result: str
    incident_id: int | None = None
