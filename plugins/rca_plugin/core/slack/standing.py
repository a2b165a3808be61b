"""How an incident stands, in one line: who has taken it on, what solved it, what keeps it quiet."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from rca_plugin.core.incident import Status


def standing(incident: Mapping[str, Any]) -> str:
    """The status of an incident, as the API shows it."""
    return _SAID[Status(incident["status"])](incident)


def _open(incident: Mapping[str, Any]) -> str:
    return "Open, and it comes back often" if incident["flapping"] else "Open"


def _acknowledged(incident: Mapping[str, Any]) -> str:
    by = incident["acknowledged_by"]
    return f"Acknowledged by {by}" if by else "Acknowledged"


def _resolved(incident: Mapping[str, Any]) -> str:
    how = incident["resolved_how"]
    return f"Resolved: {how}" if how else "Resolved"


def _closed(incident: Mapping[str, Any]) -> str:
    how = incident["resolved_how"]
    return f"Closed. It was resolved: {how}" if how else "Closed"


def _suppressed(incident: Mapping[str, Any]) -> str:
    why = incident["suppressed_why"]
    return f"Kept quiet: {why}" if why else "Kept quiet"


_SAID: Mapping[Status, Callable[[Mapping[str, Any]], str]] = {
    Status.OPEN: _open,
    Status.ACKNOWLEDGED: _acknowledged,
    Status.RESOLVED: _resolved,
    Status.CLOSED: _closed,
    Status.SUPPRESSED: _suppressed,
}
