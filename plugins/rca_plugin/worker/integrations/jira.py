"""Jira, where an incident is one ticket that follows it: looked for by a label before one is created."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from rca_plugin.config import airflow_url, routing_file, settings
from rca_plugin.core.incident import OVER, Status
from rca_plugin.core.routing import Routing, TicketRoute
from rca_plugin.core.routing_file import load_routing
from rca_plugin.core.ticket.fields import at_first, settled
from rca_plugin.core.ticket.label import ticket_label
from rca_plugin.core.ticket.link import links
from rca_plugin.core.ticket.record import Record
from rca_plugin.core.ticket.status import standing
from rca_plugin.core.tracker.key import key_of
from rca_plugin.core.yaml_file import RuleError
from rca_plugin.worker.integrations import jira_ticket
from rca_plugin.worker.integrations.jira_keep_up import keep_up
from rca_plugin.worker.integrations.jira_site import Site
from rca_plugin.worker.integrations.jira_ticket import Ticket
from rca_plugin.worker.recipient import DeliveryError, NotSetUpError


@dataclass(frozen=True)
class Jira:
    """One site, Cloud or Data Center. Making one asks nothing."""

    conn_id: str
    routing: Routing

    @classmethod
    def connect(cls) -> Jira:
        """The one of `[rca] jira_conn_id`. Raises DeliveryError for a routing file that cannot be used."""
        try:
            return cls(settings().jira_conn_id, load_routing(routing_file()))
        except RuleError as error:
            raise DeliveryError(str(error)) from None

    def deliver(self, incident: Mapping[str, Any], reference: str | None, deadline: float) -> str:
        """Create the ticket of an incident, or bring it up to date. Answers its page.

        Raises DeliveryError, and NotSetUpError for an incident that gets no ticket: one that no route takes, and
        one that is kept quiet, or is over already, and has none.
        """
        key = key_of(reference or "")
        route = self.routing.ticket(incident)
        if key is None and route is None:
            raise NotSetUpError("no route takes it to a project")
        site = Site.connect(self.conn_id, deadline)
        with closing(site.client):
            there = _there(site, incident, key)
            now = there.key if there else _created(site, incident, route, key)
            try:
                return site.page(keep_up(there or jira_ticket.read_new(site, now), incident, route).key)
            except DeliveryError as error:
                error.reference = site.page(now)
                raise


def _there(site: Site, incident: Mapping[str, Any], key: str | None) -> Ticket | None:
    """By its key, which Jira knows it by after a move too; else by the label."""
    known = jira_ticket.read(site, key) if key else None
    return known or jira_ticket.find(site, ticket_label(incident))


def _created(site: Site, incident: Mapping[str, Any], route: TicketRoute | None, key: str | None) -> str:
    status = Status(incident["status"])
    if key is not None:
        _give_up(key, status)
    if route is None or status in (Status.SUPPRESSED, Status.CLOSED):
        raise NotSetUpError(f"it is {status.value}, and has no ticket")
    record = Record({}, standing(status) if status is Status.OPEN else None, incident["failure_count"])
    fields = at_first(incident, route, site.dialect, links(incident, airflow_url()))
    return jira_ticket.create(site, fields, settled(incident, route), record)


def _give_up(key: str, status: Status) -> None:
    """Whoever deletes a ticket does not want another."""
    gone = f"{key} is not in Jira any more, or may not be seen by the connection's user"
    raise (
        NotSetUpError(gone)
        if status in OVER
        else DeliveryError(f"{gone}: restore it, or resolve the incident")
    )
