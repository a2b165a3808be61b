"""The life of an incident: the states it may be in."""

from __future__ import annotations

from enum import Enum


class Status(str, Enum):
    """open → acknowledged → resolved → closed, or suppressed by a silence or another incident."""

    OPEN = "open"
    ACKNOWLEDGED = "acknowledged"
    RESOLVED = "resolved"
    CLOSED = "closed"
    SUPPRESSED = "suppressed"


def incident_label(incident_id: int) -> str:
    """How people call it: RCA-42."""
    return f"RCA-{incident_id}"
