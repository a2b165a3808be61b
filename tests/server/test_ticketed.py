"""What the server says of incidents, as it stands in tickets; and what people make of these meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from airflow.utils.session import create_session
from sqlalchemy import update

from rca_plugin.core.category import Priority
from rca_plugin.core.delivery import DeliveryState, Destination
from rca_plugin.server import lifecycle
from rca_plugin.server.database import transaction
from rca_plugin.server.findings import record_analysis
from rca_plugin.server.incidents import locked
from rca_plugin.server.models import Delivery, Incident, Ticket
from rca_plugin.worker.client import RcaClient
from rca_plugin.worker.deliveries import Outcome, deliver
from rca_plugin.worker.integrations import jira_site
from tests.fakes.jira import Site, jira
from tests.server.made import analysis, store, stored, task_failed

pytestmark = pytest.mark.usefixtures("database")
AT_ONCE = timedelta(minutes=2, seconds=5)


@pytest.fixture
def site(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, options: Callable[..., None], api_url: str
) -> Iterator[Site]:
    (tmp_path / "routing.yaml").write_text("tickets:\n  - project: DATA\n    assignees: {ada: acc-ada}\n")
    options(
        api_url=api_url, service_secret="the secret of these tests", routing_file=tmp_path / "routing.yaml"
    )
    monkeypatch.setattr(jira_site, "CALL_SECONDS", (5.0, 1.0))
    store(task_failed("orders", error="could not connect to server: Connection refused"))
    with jira() as running:
        monkeypatch.setenv("AIRFLOW_CONN_JIRA_DEFAULT", running.connection())
        yield running


def the_incident() -> Incident:
    [row] = stored(Incident)
    return row


def change(how: Any, *more: Any) -> None:
    transaction(lambda session: how(session, locked(session, the_incident().id), *more))


def bring(**more: Any) -> Outcome:
    with RcaClient("tests") as client:
        return deliver(client, the_incident().id, Destination.TICKET, **more)


def later(by: timedelta) -> None:
    """As if so much time had gone by."""
    with create_session(scoped=False) as session:
        for row in session.query(Delivery).filter(Delivery.destination == "ticket"):
            for name in ("next_try_at", "left_alone_until", "leased_until"):
                at = getattr(row, name)
                session.execute(update(Delivery).where(Delivery.id == row.id).values({name: at and at - by}))


def test_an_incident_of_the_server_becomes_a_ticket_that_is_closed_with_it(site: Site) -> None:
    assert bring().state is DeliveryState.DELIVERED
    incident = the_incident()
    assert site.issue().fields["duedate"] == f"{incident.resolve_due_at:%Y-%m-%d}"
    transaction(lambda session: record_analysis(session, incident.id, analysis()))
    change(lifecycle.resolve, "ada", "The disk was cleared")
    assert bring().reference == f"{site.url}/browse/DATA-1"
    assert site.issue().status == "Done"
    assert analysis().root_cause.text in str(site.issue().fields["description"])


@pytest.mark.parametrize("trouble", [500, 503, "stall", "reset", "invalid", "wrong", "truncated"])
def test_a_ticket_whose_answer_was_lost_is_waited_for_until_a_search_finds_it(
    site: Site, trouble: Any
) -> None:
    site.lags, site.troubles = True, {"create": [trouble, None]}
    assert bring().state is DeliveryState.WAITING
    # Nobody may try before that, not even who starts the step once more.
    for due_only in (False, True):
        assert bring(due_only=due_only).state is None
    later(timedelta(seconds=100))
    assert bring().state is None
    site.index()
    later(timedelta(seconds=25))
    assert bring(due_only=True).reference == f"{site.url}/browse/DATA-1"
    assert (len(site.issues), site.calls.count("create")) == (1, 1)


def test_a_ticket_whose_worker_never_came_back_is_waited_for_too(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The time for it is over while Jira still is at it."""
    site.lags, site.troubles = True, {"create": ["stall", None]}
    monkeypatch.setattr(jira_site, "CALL_SECONDS", (5.0, 5.0))
    assert bring(seconds=0.5).problem == "no answer within 1 seconds"
    assert bring().state is None
    site.index()
    later(AT_ONCE)
    assert bring().reference == f"{site.url}/browse/DATA-1"
    assert len(site.issues) == 1


def test_a_ticket_that_jira_refused_is_tried_again_as_soon_as_somebody_asks(site: Site) -> None:
    site.lacks = {"labels"}
    assert bring().state is DeliveryState.WAITING
    site.lacks = set()
    assert bring().state is DeliveryState.DELIVERED


def test_a_ticket_that_cannot_be_closed_is_known_all_the_same(site: Site) -> None:
    site.transitions = []
    change(lifecycle.resolve, "ada", "The disk was cleared")
    assert bring().state is DeliveryState.WAITING
    assert [ticket.key for ticket in stored(Ticket)] == ["DATA-1"]


@pytest.mark.parametrize(
    ("wins", "when", "priority", "assignee", "status"),
    [
        ("incident", timedelta(minutes=1), "Highest", "acc-ada", "In Progress"),
        ("newest", timedelta(minutes=-1), "Highest", "acc-ada", "In Progress"),
        ("newest", timedelta(minutes=1), "Low", "acc-zoe", "Done"),
        ("jira", timedelta(minutes=1), "Low", "acc-zoe", "Done"),
        # It was not heard of here yet.
        ("jira", timedelta(seconds=10), "Low", "acc-zoe", "Done"),
    ],
)
def test_of_changes_on_both_sides_that_one_stays_in_the_ticket_that_counts(
    site: Site,
    options: Callable[..., None],
    wins: str,
    when: timedelta,
    priority: str,
    assignee: str,
    status: str,
) -> None:
    options(jira_status_wins=wins, jira_assignee_wins=wins, jira_priority_wins=wins)
    bring()
    change(lifecycle.acknowledge, "grace")
    change(lifecycle.assign, "grace", "ada")
    change(lifecycle.prioritize, "grace", Priority.P1)
    at = datetime.now(timezone.utc) + when
    for values in ({"priority": {"name": "Low"}}, {"assignee": {"accountId": "acc-zoe"}}, {"status": "Done"}):
        site.change(at, **values)
    before = len(site.calls)
    bring()
    fields = site.issue().fields
    found = (fields["priority"]["name"], fields["assignee"]["accountId"], site.issue().status)
    assert found == (priority, assignee, status)
    assert len(site.calls) - before <= 6


def test_where_the_incident_counts_the_next_delivery_puts_everything_right(
    site: Site, options: Callable[..., None]
) -> None:
    """Also where nobody told us of it."""
    options(jira_status_wins="incident", jira_assignee_wins="incident", jira_priority_wins="incident")
    change(lifecycle.assign, "grace", "ada")
    bring()
    before = site.issue().fields["priority"]
    site.change(priority={"name": "Trivial"})
    site.change(assignee={"accountId": "acc-zoe"})
    site.change(status="Done")
    transaction(lambda session: record_analysis(session, the_incident().id, analysis()))
    bring()
    fields = site.issue().fields
    assert (fields["priority"], fields["assignee"]["accountId"]) == (before, "acc-ada")
    assert site.issue().status == "To Do"
