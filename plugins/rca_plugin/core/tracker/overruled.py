"""In which fields a ticket is to become like its incident, although somebody may have changed them there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from rca_plugin.core.tracker.event import SKEW, Field
from rca_plugin.core.tracker.policy import Wins


@dataclass(frozen=True)
class Overruled:
    """`until`: for each of these fields, changes there up to then do not count; None: none does at all."""

    until: Mapping[Field, datetime | None] = field(default_factory=dict)

    @classmethod
    def by(
        cls,
        wins: Mapping[Field, Wins],
        decided: Mapping[Field, datetime],
        heard: Mapping[Field, datetime],
        since: datetime,
    ) -> Overruled:
        """By the policy: of what was decided here, and not brought there yet, and of what was heard of the ticket, with
        the times of both. `since`: when it became a ticket.

        Where Jira wins, what the incident has not heard of yet counts: it will follow.
        """
        until: dict[Field, datetime | None] = {}
        for each in Field:
            own = wins.get(each, Wins.NEWEST)
            if own is Wins.INCIDENT:
                until[each] = None
            elif each in decided:
                until[each] = decided[each] if own is Wins.NEWEST else heard.get(each, since) + SKEW
        return cls(until)

    @classmethod
    def from_json(cls, value: Mapping[str, str | None]) -> Overruled:
        """Read what the API says."""
        return cls({Field(name): _moment(at) if at else None for name, at in value.items()})

    def __contains__(self, name: str) -> bool:
        return any(each.value == name for each in self.until)

    def overrules(self, name: str, changed: datetime | None) -> bool:
        """Whether the incident's value counts in a field that was changed there last at this time; None: never."""
        if name not in self:
            return False
        until = self.until[Field(name)]
        return until is None or changed is None or changed <= until


def _moment(text: str) -> datetime:
    # Python 3.10 does not read the Z.
    return datetime.fromisoformat(text.replace("Z", "+00:00"))
