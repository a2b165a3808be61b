"""What we brought to a ticket ourselves, and will hear of again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from rca_plugin.core.category import Priority
from rca_plugin.core.incident import OVER, Status
from rca_plugin.core.tracker.event import SKEW, Field, StatusCategory, TicketEvent
from rca_plugin.core.tracker.policy import Policy


@dataclass(frozen=True)
class Brought:
    """What the incident was when it was brought to the ticket, and when that was."""

    since: datetime
    until: datetime
    status: Status
    priority: Priority
    assignee: str | None = None
    owner: str | None = None

    def explains(self, field: Field, event: TicketEvent, policy: Policy, *, from_done: bool) -> bool:
        """Whether a change of the ticket is nothing but this, coming back."""
        if event.by_other or not self.since - SKEW <= event.at <= self.until + SKEW:
            return False
        if field is Field.STATUS:
            category = policy.category(event.status) if event.status else None
            return category is not None and category in self._categories(from_done=from_done)
        if field is Field.ASSIGNEE:
            return policy.is_assigned(event.assignee, self.assignee, self.owner)
        return policy.priority(event.priority) is self.priority

    def _categories(self, *, from_done: bool) -> tuple[StatusCategory, ...]:
        if self.status in OVER:
            return (StatusCategory.DONE,)
        under_way = self.status is Status.ACKNOWLEDGED or from_done
        return (StatusCategory.NEW, *((StatusCategory.INDETERMINATE,) if under_way else ()))
