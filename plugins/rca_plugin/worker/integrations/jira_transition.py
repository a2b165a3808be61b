"""How a ticket gets from one status to another: by whatever transition of its workflow leads there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rca_plugin.core.incident import Status
from rca_plugin.core.ticket.status import is_needed, resolution_for
from rca_plugin.worker.integrations.jira_ticket import Ticket
from rca_plugin.worker.recipient import DeliveryError


def move(ticket: Ticket, status: Status, categories: Sequence[str], names: Mapping[str, str]) -> str:
    """Take a ticket to the first of these categories that it can get to, for an incident with this status. Answers the
    status that it is in then.

    `names`: of the transition to take to a category, where the route says it. Raises DeliveryError.
    """
    transitions = _transitions(ticket)
    chosen = [t for category in categories for t in _leading_to(transitions, category, names.get(category))]
    if chosen:
        return _take(ticket, next((t for t in chosen if not _missing(t)), chosen[0]))
    if is_needed(status, ticket.category):
        raise DeliveryError(
            f"{ticket.key} is in status {ticket.status!r}, and no transition that the connection's user may take "
            f"leads to one of category {' or '.join(categories)}"
        )
    return ticket.status


def _transitions(ticket: Ticket) -> Sequence[Any]:
    path = f"issue/{ticket.key}/transitions"
    params = {"expand": "transitions.fields"}
    answer = ticket.site.ask(f"the transitions of {ticket.key}", "GET", path, params=params)
    transitions = answer.get("transitions")
    if not isinstance(transitions, list):
        raise DeliveryError(f"Jira's answer to the transitions of {ticket.key} cannot be read")
    return transitions


def _leading_to(transitions: Sequence[Any], category: str, name: str | None) -> list[Mapping[str, Any]]:
    """Those to a category; only those of that name, where there are any."""
    leading = [t for t in transitions if _category(t) == category and t.get("isAvailable", True)]
    named = [t for t in leading if name and str(t.get("name")).casefold() == name.casefold()]
    return named or leading


def _category(transition: Any) -> Any:
    try:
        return transition["to"]["statusCategory"]["key"] if transition["id"] else None
    except (KeyError, TypeError):
        return None


def _take(ticket: Ticket, transition: Mapping[str, Any]) -> str:
    name = transition.get("name")
    if missing := _missing(transition):
        raise DeliveryError(
            f"{ticket.key} cannot be moved by transition {name!r}, which needs {', '.join(missing)}: give these a "
            "default in its workflow, or name another transition in the routing file"
        )
    body: dict[str, Any] = {"transition": {"id": str(transition["id"])}}
    if resolution := _resolution(transition):
        body["fields"] = {"resolution": resolution}
    path = f"issue/{ticket.key}/transitions"
    ticket.site.ask(
        f"transition {name!r} of {ticket.key}", "POST", path, body=body, success=(204,), content=False
    )
    return str(transition["to"].get("name"))


def _missing(transition: Mapping[str, Any]) -> list[str]:
    """The names of required fields that only people can fill in."""
    required = dict(_required(transition))
    if _resolution(transition):
        required.pop("resolution")
    return [f"{field.get('name') or name} ({name})" for name, field in required.items()]


def _resolution(transition: Mapping[str, Any]) -> dict[str, Any] | None:
    return next(
        (resolution_for(field) for name, field in _required(transition) if name == "resolution"), None
    )


def _required(transition: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    fields = transition.get("fields")
    for name, field in (fields if isinstance(fields, dict) else {}).items():
        if isinstance(field, dict) and field.get("required") and not field.get("hasDefaultValue"):
            yield name, field
