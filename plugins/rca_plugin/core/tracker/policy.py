"""Who is right when ticket and incident do not agree, and what the words of one are in those of the other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

from rca_plugin.core.assignee import account_of, is_known, person_of
from rca_plugin.core.category import Priority
from rca_plugin.core.tracker.event import Account, Field, StatusCategory, TicketStatus

#: As Jira names them unless somebody has renamed them. What is less than low to Jira is low to us.
PRIORITIES: Mapping[str, Priority] = {
    "highest": Priority.P1, "high": Priority.P2, "medium": Priority.P3, "low": Priority.P4, "lowest": Priority.P4,
}  # fmt: skip
#: In the option, for a status that is to change nothing.
NOTHING = "nothing"


class Wins(str, Enum):
    """Whose change of a field counts."""

    JIRA = "jira"
    INCIDENT = "incident"
    NEWEST = "newest"


@dataclass(frozen=True)
class Policy:
    """wins: for each field. statuses: what a status means, by its name in small letters, where that is not what its
    category says; None: nothing. priorities: by their names in small letters. accounts: those of owners and users.
    """

    wins: Mapping[Field, Wins] = field(default_factory=dict)
    statuses: Mapping[str, StatusCategory | None] = field(default_factory=dict)
    priorities: Mapping[str, Priority] = field(default_factory=lambda: PRIORITIES)
    accounts: Mapping[str, str] = field(default_factory=dict)

    def category(self, status: TicketStatus) -> StatusCategory | None:
        """What a status means; None where it changes nothing."""
        return self.statuses.get(status.name.lower(), status.category)

    def priority(self, name: str | None) -> Priority | None:
        """How urgent that is here; None where nobody knows."""
        return self.priorities.get((name or "").lower())

    def person(self, account: Account | None) -> str | None:
        """Who that is here: a user of Airflow where the routes name one, else the name in the tracker."""
        return (person_of(self.accounts, account.id) or account.name) if account else None

    def is_assigned(self, account: Account | None, assignee: str | None, owner: str | None) -> bool:
        """Whether the ticket of an incident with this assignee and owner is given to whom it belongs."""
        there = account.id if account else None
        return is_known(self.accounts, assignee) and there == account_of(self.accounts, assignee, owner)


def statuses(parts: tuple[str, ...]) -> Mapping[str, StatusCategory | None] | None:
    """What statuses mean, of an option such as `Ready for QA=done`; None where it is not written like that."""
    found: dict[str, StatusCategory | None] = {}
    known = {**{category.value: category for category in StatusCategory}, NOTHING: None}
    for part in parts:
        name, _, meaning = part.rpartition("=")
        if not name.strip() or meaning.strip() not in known:
            return None
        found[name.strip().lower()] = known[meaning.strip()]
    return found


def priorities(of_route: Mapping[str, str]) -> Mapping[str, Priority]:
    """The priorities of a project by their names, of what a route calls ours; the most urgent one of a name."""
    own = {name.lower(): Priority(ours) for ours, name in sorted(of_route.items(), reverse=True)}
    return {**PRIORITIES, **own}
