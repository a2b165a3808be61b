"""Whose an incident is, how urgent and until when, and which ticket it became."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from airflow.utils.session import create_session

from rca_plugin.core.category import Priority
from rca_plugin.core.delivery import DeliveryState, Destination
from rca_plugin.core.sla import due
from rca_plugin.server import audit, deliveries, lifecycle, ticket_store
from rca_plugin.server.api_models import IncidentSummary
from rca_plugin.server.database import transaction
from rca_plugin.server.deliveries import Attempt
from rca_plugin.server.findings import record_analysis, record_classification
from rca_plugin.server.incidents import locked
from rca_plugin.server.models import Delivery, Incident, Ticket
from rca_plugin.server.triage import triage
from tests.server.made import actions, alerted, analysis, incident, store, stored, task_failed

pytestmark = pytest.mark.usefixtures("database")
PAGE = "https://acme.atlassian.net/browse/DATA-7"


@pytest.fixture
def incident_id() -> int:
    store(task_failed("orders"))
    return incident("orders/load").id


def change(incident_id: int, how: Any, *more: Any, **options: Any) -> None:
    transaction(lambda session: how(session, locked(session, incident_id), *more, **options))


def the_incident() -> Incident:
    [row] = stored(Incident)
    return row


def bring(incident_id: int, reference: str, destination: Destination = Destination.TICKET) -> None:
    claim = transaction(lambda s: deliveries.claim(s, incident_id, destination, due_only=False))
    done = Attempt(str(claim.lease), claim.version, DeliveryState.DELIVERED, "", 0.0, reference)
    transaction(lambda session: deliveries.record(session, incident_id, destination, done))


def wanted(incident_id: int) -> int:
    transaction(lambda session: record_analysis(session, incident_id, analysis()))
    return {row.wanted for row in stored(Delivery)}.pop()


def test_a_new_incident_has_due_times_and_nobody_yet(incident_id: int) -> None:
    row = the_incident()
    expected = due(Priority(row.priority), row.opened_at)
    assert (row.response_due_at, row.resolve_due_at) == (expected.response, expected.resolution)
    shown = IncidentSummary.model_validate(row)
    assert (shown.assignee, shown.acknowledged_at, shown.acknowledged_by) == (None, None, None)
    assert (shown.response_due_at, shown.resolve_due_at) == (row.response_due_at, row.resolve_due_at)


def test_who_acknowledges_is_known_until_it_is_open_again(incident_id: int) -> None:
    change(incident_id, lifecycle.acknowledge, "ada")
    row = the_incident()
    assert (row.acknowledged_by, row.acknowledged_at is not None) == ("ada", True)
    change(incident_id, lifecycle.resolve, "ada", "It works again.")
    assert the_incident().acknowledged_by == "ada"
    change(incident_id, lifecycle.reopen, "ada")
    again = the_incident()
    assert (again.acknowledged_by, again.acknowledged_at) == (None, None)
    assert again.response_due_at > row.response_due_at


def test_an_incident_is_given_to_somebody_once(incident_id: int) -> None:
    before = wanted(incident_id)
    for _ in range(2):
        change(incident_id, lifecycle.assign, "ada", "grace")
    assert (the_incident().assignee, wanted(incident_id)) == ("grace", before + 1)
    change(incident_id, lifecycle.assign, "ada", None)
    assert the_incident().assignee is None
    change(incident_id, lifecycle.assign, "ada", "x" * 1_000)
    assert len(the_incident().assignee) == 250
    assert actions(incident_id)[-3:] == ["assigned", "unassigned", "assigned"]
    with create_session(scoped=False) as session:
        assert audit.first_broken_entry(session, incident_id) is None


def test_a_priority_that_somebody_set_stays_and_moves_the_due_times(incident_id: int) -> None:
    before = the_incident()
    for _ in range(2):
        change(incident_id, lifecycle.prioritize, "ada", Priority.P4)
    row = the_incident()
    assert (row.priority, row.priority_by, actions(incident_id).count("prioritized")) == ("P4", "ada", 1)
    assert row.resolve_due_at == before.opened_at + timedelta(hours=72)
    found = triage(task_failed("orders", error="OutOfMemoryError: Java heap space"))
    transaction(lambda session: record_classification(session, incident_id, found))
    classified = the_incident()
    assert (classified.category, classified.priority) == ("out_of_memory", "P4")
    assert classified.resolve_due_at == row.resolve_due_at


def test_another_severity_moves_the_due_times(incident_id: int) -> None:
    before = the_incident()
    found = triage(task_failed("orders", error="OutOfMemoryError: Java heap space"))
    assert found.category.value != before.category
    transaction(lambda session: record_classification(session, incident_id, found))
    row = the_incident()
    expected = due(Priority(row.priority), row.opened_at)
    assert (row.response_due_at, row.resolve_due_at) == (expected.response, expected.resolution)


def test_a_storm_has_due_times(options: Any) -> None:
    options(storm_threshold=1)
    store(*(alerted(f"host-{n}", str(n)) for n in range(3)))
    [storm] = [row for row in stored(Incident) if row.kind == "storm"]
    assert storm.response_due_at == due(Priority(storm.priority), storm.opened_at).response


def test_a_delivered_ticket_is_followed(incident_id: int) -> None:
    bring(incident_id, PAGE)
    [ticket] = stored(Ticket)
    assert (ticket.incident_id, ticket.system, ticket.key, ticket.url) == (
        incident_id,
        "jira",
        "DATA-7",
        PAGE,
    )
    assert (ticket.external_status, ticket.deleted_at, ticket.comments) == (None, None, [])
    change(incident_id, lifecycle.acknowledge, "ada")
    bring(incident_id, PAGE)
    assert len(stored(Ticket)) == 1


def test_a_ticket_is_followed_even_if_not_all_of_it_could_be_brought_there(incident_id: int) -> None:
    claim = transaction(lambda s: deliveries.claim(s, incident_id, Destination.TICKET, due_only=False))
    tried = Attempt(str(claim.lease), claim.version, DeliveryState.WAITING, "No way to Done.", 0.0, PAGE)
    transaction(lambda session: deliveries.record(session, incident_id, Destination.TICKET, tried))
    assert [ticket.key for ticket in stored(Ticket)] == ["DATA-7"]
    again = transaction(lambda s: deliveries.claim(s, incident_id, Destination.TICKET, due_only=False))
    assert (again.granted, again.reference) == (True, PAGE)


def test_a_ticket_that_was_moved_before_we_came_is_the_same(incident_id: int) -> None:
    bring(incident_id, PAGE)
    [before] = stored(Ticket)
    change(incident_id, lifecycle.acknowledge, "ada")
    bring(incident_id, PAGE.replace("DATA-7", "OPS-3"))
    [ticket] = stored(Ticket)
    assert (ticket.id, ticket.key, ticket.url) == (before.id, "OPS-3", PAGE.replace("DATA-7", "OPS-3"))


@pytest.mark.parametrize("reference", ["https://acme.example/tickets/7", "DATA-7", f"{PAGE}?x=1"])
def test_what_is_no_page_of_a_ticket_is_not_followed(incident_id: int, reference: str) -> None:
    bring(incident_id, reference)
    assert stored(Ticket) == []


def test_only_a_ticket_is_followed(incident_id: int) -> None:
    bring(incident_id, PAGE, Destination.MESSAGE)
    assert stored(Ticket) == []


def test_a_ticket_that_serves_the_next_incident_is_followed_for_that_one(incident_id: int) -> None:
    bring(incident_id, PAGE)
    store(task_failed("stock"))
    next_id = incident("stock/load").id
    bring(next_id, PAGE)
    [ticket] = stored(Ticket)
    assert ticket.incident_id == next_id
    with create_session(scoped=False) as session:
        assert [t.key for t in ticket_store.of_incident(session, next_id)] == ["DATA-7"]
        assert [t.key for t in ticket_store.tracked(session, 0)] == ["DATA-7"]
