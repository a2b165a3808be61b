"""The label by which the ticket of an incident is found again, wherever it was moved to."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

_FINGERPRINT_CHARS = 12


def ticket_label(incident: Mapping[str, Any]) -> str:
    """Always the same for one incident, and another for each."""
    return f"rca-{incident['fingerprint'][:_FINGERPRINT_CHARS]}-{incident['id']}"


def marker(incident: Mapping[str, Any]) -> str:
    """What a comment ends with that tells of so many failures."""
    return f"{ticket_label(incident)}, failure {incident['failure_count']}"


def told_of(comment: str, incident: Mapping[str, Any]) -> int | None:
    """How many failures a comment of ours tells of; None for one that is not ours."""
    found = re.search(rf"{re.escape(ticket_label(incident))}, failure ([0-9]{{1,9}})\s*\Z", comment)
    return int(found[1]) if found else None


def repair_marker(incident: Mapping[str, Any], repair: int) -> str:
    """What a comment ends with that tells of the end of a repair."""
    return f"{ticket_label(incident)}, repair {repair}"
