"""A ticket of Jira that is there already is brought up to date, and what people made of it is left to them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from typing import Any

from rca_plugin.config import airflow_url
from rca_plugin.core.incident import OVER, Status
from rca_plugin.core.routing import TicketRoute
from rca_plugin.core.ticket.fields import following
from rca_plugin.core.ticket.history import AskHistory
from rca_plugin.core.ticket.link import links
from rca_plugin.core.ticket.record import Record
from rca_plugin.core.ticket.status import categories_for, may_move, standing
from rca_plugin.core.tracker.overruled import Overruled
from rca_plugin.worker.integrations import jira_history, jira_repair
from rca_plugin.worker.integrations.jira_comment import tell
from rca_plugin.worker.integrations.jira_ticket import Ticket
from rca_plugin.worker.integrations.jira_transition import move


def keep_up(ticket: Ticket, incident: Mapping[str, Any], route: TicketRoute | None) -> Ticket:
    """With what is new. The status last: a workflow that does not let it through keeps nothing else back.

    Raises DeliveryError.
    """
    overruled = _overruled(incident)
    # Once at most, and as it was before we change anything.
    history = cache(lambda: jira_history.read(ticket.site, ticket.key))
    written = _written(ticket, incident, route, overruled, history)
    return _moved(_told(written, incident), Status(incident["status"]), route, overruled, history)


def _overruled(incident: Mapping[str, Any]) -> Overruled:
    newest: Mapping[str, Any] = next(iter(incident.get("tickets") or ()), {})
    return Overruled.from_json(newest.get("overruled") or {})


def _written(
    ticket: Ticket,
    incident: Mapping[str, Any],
    route: TicketRoute | None,
    overruled: Overruled,
    history: AskHistory,
) -> Ticket:
    dialect = ticket.site.dialect
    wanted = following(incident, route, dialect, links(incident, airflow_url())) if route else {}
    outdated = ticket.record.outdated(wanted, ticket.fields, dialect, overruled, history)
    return ticket.write(outdated) if outdated else ticket


def _told(ticket: Ticket, incident: Mapping[str, Any]) -> Ticket:
    if Status(incident["status"]) in OVER:
        return ticket
    ticket = _noted(ticket, replace(ticket.record, failures=tell(ticket, incident)))
    return _noted(ticket, replace(ticket.record, repair=jira_repair.tell(ticket, incident)))


def _moved(
    ticket: Ticket, status: Status, route: TicketRoute | None, overruled: Overruled, history: AskHistory
) -> Ticket:
    record = replace(ticket.record, status=standing(status))
    categories = categories_for(status, ticket.category)
    if categories and may_move(status, ticket.status, ticket.record, overruled, history):
        record = replace(record, left=move(ticket, status, categories, route.transitions if route else {}))
    return _noted(ticket, record)


def _noted(ticket: Ticket, record: Record) -> Ticket:
    return ticket.remember(record) if record != ticket.record else ticket
