"""The fields of a ticket: those that follow the incident, and those that are only set when it is created."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from string import Template
from typing import Any

from rca_plugin.core.assignee import account_of, is_known
from rca_plugin.core.exhibit import readable
from rca_plugin.core.routing import TicketRoute, facts_of
from rca_plugin.core.text import head
from rca_plugin.core.ticket.block import Link
from rca_plugin.core.ticket.description import description
from rca_plugin.core.ticket.dialect import Dialect
from rca_plugin.core.ticket.label import ticket_label

#: Fields that follow the incident as long as nobody changes them in Jira.
FOLLOWING = ("summary", "description", "priority", "assignee", "duedate")
_SUMMARY_CHARS = 255
_FIELD_CHARS = 1_000
_OF_INCIDENT = (
    "label",
    "title",
    "status",
    "kind",
    "failure_count",
    "first_failure_at",
    "confidence",
    "fingerprint",
)


def following(
    incident: Mapping[str, Any], route: TicketRoute, dialect: Dialect, links: Sequence[Link]
) -> dict[str, Any]:
    """The fields of `FOLLOWING` that the incident has a value for; no assignee where nobody knows the account."""
    priority = route.priorities.get(incident["priority"])
    due = incident.get("resolve_due_at")
    fields = {
        "summary": _filled(route.summary, incident, _SUMMARY_CHARS) or incident["label"],
        "description": dialect.text(description(incident, links)),
        "priority": {"name": priority} if priority else None,
        "duedate": _day(due) if due else None,
    }
    if is_known(route.assignees, incident.get("assignee")):
        fields["assignee"] = _person(incident, route, dialect)
    return {name: value for name, value in fields.items() if value is not None}


def at_first(
    incident: Mapping[str, Any], route: TicketRoute, dialect: Dialect, links: Sequence[Link]
) -> dict[str, Any]:
    """The fields of `FOLLOWING` of a new ticket: where nobody is to have it, the project says who has."""
    fields = following(incident, route, dialect, links) | {"assignee": _person(incident, route, dialect)}
    return {name: value for name, value in fields.items() if dialect.essence(name, value)}


def settled(incident: Mapping[str, Any], route: TicketRoute) -> dict[str, Any]:
    """The fields that are only set when the ticket is created."""
    fields: dict[str, Any] = {name: _blanks_filled(value, incident) for name, value in route.fields.items()}
    fields = {name: value for name, value in fields.items() if value not in ("", None)}
    fields |= {"project": {"key": route.project}, "issuetype": {"name": route.issue_type}}
    if route.components:
        fields["components"] = [{"name": name} for name in route.components]
    return fields | {"labels": list(dict.fromkeys((ticket_label(incident), *route.labels)))}


def _blanks_filled(value: Any, incident: Mapping[str, Any]) -> Any:
    if isinstance(value, dict):
        return {name: _blanks_filled(inner, incident) for name, inner in value.items()}
    if isinstance(value, list):
        return [_blanks_filled(inner, incident) for inner in value]
    return _filled(value, incident, _FIELD_CHARS) if isinstance(value, str) else value


def _filled(template: str, incident: Mapping[str, Any], limit: int) -> str:
    """One line of at most so many characters; a blank that nothing is known about is left out."""
    names = {
        name for found in Template.pattern.finditer(template) if (name := found["named"] or found["braced"])
    }
    text = Template(template).substitute(dict.fromkeys(names, "") | _words(incident))
    return head(" ".join(readable(text).split()), limit)


def _words(incident: Mapping[str, Any]) -> dict[str, str]:
    """What stands for the blanks: the facts that routes ask for too, and more that is known of an incident."""
    analysis = incident.get("analysis")
    known = {name: str(incident[name]) for name in _OF_INCIDENT if incident.get(name) is not None}
    cause = analysis["root_cause"]["text"] if analysis else incident["title"]
    return facts_of(incident) | known | {"cause": cause}


def _person(incident: Mapping[str, Any], route: TicketRoute, dialect: Dialect) -> dict[str, str | None]:
    return dialect.person(account_of(route.assignees, incident.get("assignee"), incident.get("owner")))


def _day(at: str) -> str:
    """Jira knows no time of day for it."""
    return f"{datetime.fromisoformat(at.replace('Z', '+00:00')).astimezone(timezone.utc):%Y-%m-%d}"
