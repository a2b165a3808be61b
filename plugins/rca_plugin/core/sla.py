"""Until when somebody has to look at an incident, and until when it has to be over."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from rca_plugin.core.category import Priority


@dataclass(frozen=True)
class Allowance:
    """How long it may take."""

    response: timedelta
    resolution: timedelta


@dataclass(frozen=True)
class Due:
    """Until when it has to be acknowledged, and resolved."""

    response: datetime
    resolution: datetime


ALLOWANCES: Mapping[Priority, Allowance] = {
    Priority.P1: Allowance(timedelta(minutes=15), timedelta(hours=4)),
    Priority.P2: Allowance(timedelta(minutes=30), timedelta(hours=8)),
    Priority.P3: Allowance(timedelta(hours=2), timedelta(hours=24)),
    Priority.P4: Allowance(timedelta(hours=24), timedelta(hours=72)),
}


def due(priority: Priority, since: datetime) -> Due:
    """The due times of an incident that is open since then."""
    allowance = ALLOWANCES[priority]
    return Due(since + allowance.response, since + allowance.resolution)


def since(priority: Priority, resolution_due: datetime) -> datetime:
    """When the time of an incident with this due time began: it was opened, or opened again, last."""
    return resolution_due - ALLOWANCES[priority].resolution


def due_again(before: Priority, resolution_due: datetime, priority: Priority) -> Due:
    """The due times with another priority: its time began when that of the one before did."""
    return due(priority, since(before, resolution_due))
