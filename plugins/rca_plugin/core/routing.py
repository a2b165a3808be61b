"""Where incidents go: which project of a tracker gets the ticket, which channel the message, which a daily digest."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from rca_plugin.core.digest import Digest
from rca_plugin.core.matcher import Matchers

#: What a ticket's title is made of where a route does not say.
SUMMARY = "[$label] $resource: $cause"
#: What Jira calls priorities unless somebody has renamed them.
PRIORITIES: Mapping[str, str] = {"P1": "Highest", "P2": "High", "P3": "Medium", "P4": "Low"}
# What an incident is called where matchers ask for it, and where the API says it.
_OF_INCIDENT = ("source", "environment", "resource", "owner", "category", "severity", "priority")
_OF_FAILURE = ("dag_id", "task_id", "run_id", "operator", "code", "message")


@dataclass(frozen=True)
class TicketRoute:
    """One project, and how its tickets look.

    priorities: what the project calls P1 to P4. assignees: owner of the task, or Airflow user, to who gets the ticket:
    an account id in Jira Cloud, a user name in Data Center; `*` for everybody else. transitions: the name of the
    transition to take for a status category (`new`, `indeterminate`, `done`), where more than one would do.
    fields: further fields by their id; texts in them have `$blanks`, as `summary` has.
    """

    project: str
    issue_type: str = "Bug"
    summary: str = SUMMARY
    priorities: Mapping[str, str] = field(default_factory=lambda: PRIORITIES)
    labels: tuple[str, ...] = ()
    components: tuple[str, ...] = ()
    assignees: Mapping[str, str] = field(default_factory=dict)
    fields: Mapping[str, Any] = field(default_factory=dict)
    transitions: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Routing:
    """The routes in their order, each with the condition that takes it; None takes all."""

    tickets: tuple[tuple[Matchers | None, TicketRoute], ...] = ()
    channels: tuple[tuple[Matchers | None, str], ...] = ()
    digests: tuple[Digest, ...] = ()

    def ticket(self, incident: Mapping[str, Any]) -> TicketRoute | None:
        """How an incident, as the API shows it, becomes a ticket; None: not at all."""
        facts = facts_of(incident)
        return next((route for when, route in self.tickets if when is None or when.match(facts)), None)

    def channel(self, incident: Mapping[str, Any]) -> str | None:
        """The channel that an incident, as the API shows it, is told in; None: in none."""
        facts = facts_of(incident)
        return next((channel for when, channel in self.channels if when is None or when.match(facts)), None)


def facts_of(incident: Mapping[str, Any]) -> dict[str, str]:
    """The facts of an incident as the API shows it; `core.matcher.FACTS` says what they mean."""
    latest: Mapping[str, Any] = next(iter(incident.get("failures") or ()), {})
    labels = {name: str(text) for name, text in (latest.get("labels") or {}).items()}
    known = {name: incident.get(name) for name in _OF_INCIDENT} | {
        name: latest.get(name) for name in _OF_FAILURE
    }
    return labels | {name: str(text or "") for name, text in known.items()}
