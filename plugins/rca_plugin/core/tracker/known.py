"""What is known of an incident and its ticket, before something happens to the ticket."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from rca_plugin.core.category import Priority
from rca_plugin.core.incident import Status
from rca_plugin.core.tracker.brought import Brought
from rca_plugin.core.tracker.event import Field, StatusCategory


@dataclass(frozen=True)
class Known:
    """decided: when a field of the incident was last changed by anybody but the tracker, where it still is like that.
    heard: when a field of the ticket last changed, by the clock of the tracker. category: the last one that it was in
    and that means something. assigned_there, priority_there: how it was last. comments: the keys of those that are on
    the timeline. own_mark: stands in comments of ours.
    """

    key: str
    status: Status
    assignee: str | None
    priority: Priority
    owner: str | None = None
    decided: Mapping[Field, datetime] = field(default_factory=dict)
    heard: Mapping[Field, datetime] = field(default_factory=dict)
    category: StatusCategory | None = None
    assigned_there: str | None = None
    priority_there: str | None = None
    brought: tuple[Brought, ...] = ()
    comments: frozenset[str] = frozenset()
    own_mark: str = ""
    deleted: bool = False
