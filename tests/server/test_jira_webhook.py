"""What Jira tells, over HTTP and on both databases: who may tell it, and what becomes of the incident."""

from __future__ import annotations

import copy
import hashlib
import hmac
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from airflow.utils.session import create_session
from fastapi.testclient import TestClient
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import delete
from werkzeug.test import TestResponse

from rca_plugin.core.category import Priority
from rca_plugin.core.delivery import DeliveryState, Destination
from rca_plugin.core.tracker.event import SKEW, Field
from rca_plugin.server import audit, deliveries, lifecycle, ticket_store, tickets
from rca_plugin.server.api_models import TicketOut
from rca_plugin.server.database import transaction
from rca_plugin.server.deliveries import Attempt
from rca_plugin.server.incidents import locked
from rca_plugin.server.models import Delivery, Incident, Ticket
from rca_plugin.server.ticket_known import decided_at
from tests.server.made import actions, incident, store, stored, task_failed

pytestmark = pytest.mark.usefixtures("database")
SECRET, PATH = "s3cret-of-jira-webhooks", "/rca/webhooks/jira"
PAGE = "https://acme.atlassian.net/browse/DATA-7"
SAMPLES = Path(__file__).parents[1] / "payloads" / "jira"
TOKEN = "ghp_" + "a1B2c3D4" * 4 + "e5F6"


@pytest.fixture
def client(options: Callable[..., None]) -> FlaskClient:
    from rca_plugin.server import jira_webhook

    options(webhook_secret_jira=SECRET)
    jira_webhook._bucket.cache_clear()
    app = Flask(__name__)
    app.register_blueprint(jira_webhook.blueprint)
    return app.test_client()


@pytest.fixture
def incident_id() -> int:
    store(task_failed("orders"))
    made = incident("orders/load").id
    bring(made)
    return made


def bring(incident_id: int, reference: str = PAGE, **more: Any) -> None:
    claim = transaction(lambda s: deliveries.claim(s, incident_id, Destination.TICKET, due_only=False))
    assert claim.granted
    values: dict[str, Any] = {"state": DeliveryState.DELIVERED, "problem": "", "retry_after": 0.0, **more}
    done = Attempt(str(claim.lease), claim.version, reference=reference, **values)
    transaction(lambda session: deliveries.record(session, incident_id, Destination.TICKET, done))


def change(incident_id: int, how: Any, *more: Any, **options: Any) -> None:
    transaction(lambda session: how(session, locked(session, incident_id), *more, **options))


def sample(name: str, *, later: float = 0, **more: Any) -> dict[str, Any]:
    """As if it happened just now, a minute after what was done here, or so many minutes later."""
    body = json.loads((SAMPLES / f"{name}.json").read_text())
    at = datetime.now(timezone.utc) + timedelta(minutes=later)
    return copy.deepcopy(body) | {"timestamp": int(at.timestamp() * 1000)} | more


def post(client: FlaskClient, body: Any, secret: str = SECRET) -> TestResponse:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    signature = "sha256=" + hmac.new(secret.encode(), data, hashlib.sha256).hexdigest()
    return client.post(PATH, data=data, headers={"X-Hub-Signature": signature})


def tell(client: FlaskClient, body: Any) -> Any:
    answer = post(client, body)
    assert answer.status_code == 200, answer.text
    return answer.get_json().get("changes")


def the_incident() -> Incident:
    [row] = stored(Incident)
    return row


def the_ticket() -> Ticket:
    [row] = stored(Ticket)
    return row


def shown() -> dict[str, Any]:
    """As the API shows it to the tasks."""
    return TicketOut.of(the_ticket()).overruled


def wanted() -> int:
    [row] = [row for row in stored(Delivery) if row.destination == "ticket"]
    return row.wanted


def refused(answer: TestResponse, status: int, code: str) -> None:
    assert (answer.status_code, answer.get_json()["error"]["code"]) == (status, code)


def test_only_what_jira_has_signed_is_read(
    client: FlaskClient, incident_id: int, options: Callable[..., None]
) -> None:
    body = json.dumps(sample("cloud-done")).encode()
    good = "sha256=" + hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
    for headers in (
        {},
        {"X-Hub-Signature": ""},
        {"X-Hub-Signature": good[:-1] + "x"},
        {"X-Hub-Signature": "é"},
    ):
        refused(client.post(PATH, data=body, headers=headers), 401, "unauthenticated")
    refused(client.post(PATH, data=body + b" ", headers={"X-Hub-Signature": good}), 401, "unauthenticated")
    refused(post(client, body, "another-secret-entirely"), 401, "unauthenticated")
    refused(client.post(PATH, data=b"{"), 401, "unauthenticated")
    assert the_incident().status == "open"
    options(webhook_secret_jira="")
    for secret in ("", SECRET):
        answer = post(client, body, secret)
        refused(answer, 503, "not_configured")
        assert "[rca] webhook_secret_jira" in answer.get_json()["error"]["message"]
    options(webhook_secret_jira=f"new-secret-of-jira,{SECRET}")
    assert tell(client, body) == ["resolve"]


def test_it_is_not_taken_for_a_source_of_reports(client: FlaskClient) -> None:
    from rca_plugin.server import jira_webhook, webhooks

    app = Flask(__name__)
    for blueprint in (webhooks.blueprint, jira_webhook.blueprint):
        app.register_blueprint(blueprint)
    for path in (PATH, f"{PATH}/"):
        refused(app.test_client().post(path, data=b"{}"), 401, "unauthenticated")


def test_what_cannot_be_read_is_refused_and_never_repeated(client: FlaskClient) -> None:
    refused(post(client, b'{"needle'), 400, "invalid_json")
    refused(post(client, b'["needle"]'), 422, "invalid_fields")
    answer = post(client, {"issue": {"key": "X-1"}, "changelog": {"items": "needle"}, "webhookEvent": "x"})
    refused(answer, 422, "invalid_fields")
    assert "needle" not in answer.text


def test_who_tells_too_much_is_told_when_to_come_back(
    client: FlaskClient, options: Callable[..., None]
) -> None:
    from rca_plugin.server import jira_webhook

    options(rate_limit="1")
    jira_webhook._bucket.cache_clear()
    answers = [post(client, {}).status_code for _ in range(12)]
    assert answers[:10] == [200] * 10
    assert 429 in answers[10:]
    jira_webhook._bucket.cache_clear()


@pytest.mark.parametrize("name", ["cloud-done", "cloud-version-released", "data-center-commented"])
def test_a_ticket_of_nobody_concerns_nobody(client: FlaskClient, name: str) -> None:
    answer = post(client, sample(name))
    assert (answer.status_code, answer.get_json()) == (200, {"result": "ignored"})


def test_work_in_jira_is_followed_from_the_beginning_to_the_end(
    client: FlaskClient, incident_id: int
) -> None:
    assert tell(client, sample("cloud-created")) == []
    assert tell(client, sample("cloud-in-progress")) == ["acknowledge"]
    assert the_incident().acknowledged_by == "jira:Grace Hopper"
    assert tell(client, sample("cloud-assigned")) == ["assign"]
    assert the_incident().assignee == "Grace Hopper"
    assert tell(client, sample("cloud-priority-lowered")) == ["prioritize"]
    assert (the_incident().priority, the_incident().priority_by) == ("P4", "jira:Grace Hopper")
    assert tell(client, sample("cloud-commented")) == ["say"]
    assert tell(client, sample("cloud-done")) == ["resolve"]
    row = the_incident()
    assert (row.status, row.resolved_how) == ("resolved", "Jira: Done by Grace Hopper")
    assert tell(client, sample("cloud-reopened")) == ["reopen"]
    assert (the_incident().status, the_incident().reopened_count) == ("open", 1)
    assert actions(incident_id)[-6:] == [
        "acknowledged", "assigned", "prioritized", "commented", "resolved", "reopened",
    ]  # fmt: skip
    with create_session(scoped=False) as session:
        entries = audit.timeline(session, incident_id)[-6:]
        assert {entry.actor for entry in entries} == {"jira:Grace Hopper"}
        assert entries[3].detail["text"] == "The disk was full."
        assert audit.first_broken_entry(session, incident_id) is None
    ticket = the_ticket()
    assert (ticket.external_status, ticket.external_category, ticket.external_id) == ("To Do", "new", "10007")
    assert (ticket.external_assignee, ticket.external_priority) == ("Grace Hopper", "Low")


def test_what_the_incident_is_already_wants_no_delivery(client: FlaskClient, incident_id: int) -> None:
    change(incident_id, lifecycle.acknowledge, "ada")
    change(incident_id, lifecycle.assign, "ada", "Grace Hopper")
    change(incident_id, lifecycle.prioritize, "ada", Priority.P4)
    before, said = wanted(), actions(incident_id)
    for name in ("cloud-in-progress", "cloud-assigned", "cloud-priority-lowered", "cloud-labels"):
        assert tell(client, sample(name)) == []
    assert (wanted(), actions(incident_id)) == (before, said)


def test_what_is_said_again_or_too_late_changes_nothing(client: FlaskClient, incident_id: int) -> None:
    done, reopened = sample("cloud-done", later=-2), sample("cloud-reopened", later=-1)
    # It was opened here only now; what matters here is the order in Jira.
    _opened_an_hour_ago(incident_id)
    assert tell(client, reopened) == []
    assert tell(client, done) == []
    assert the_incident().status == "open"
    last = sample("cloud-done")
    assert tell(client, last) == ["resolve"]
    before, said = wanted(), actions(incident_id)
    for body in (last, done, reopened, last):
        assert tell(client, body) == []
    assert (wanted(), actions(incident_id)) == (before, said)


def _opened_an_hour_ago(incident_id: int) -> None:
    from sqlalchemy import update

    from rca_plugin.server.models import AuditRow

    ago = datetime.now(timezone.utc) - timedelta(hours=1)
    with create_session(scoped=False) as session:
        session.execute(update(AuditRow).where(AuditRow.incident_id == incident_id).values(at=ago))


def test_of_one_event_told_many_times_at_once_one_counts(client: FlaskClient, incident_id: int) -> None:
    bodies = [sample("cloud-commented")] * 8
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda body: post(client.application.test_client(), body), bodies))
    assert {answer.status_code for answer in answers} <= {200, 503}
    assert actions(incident_id).count("commented") == 1


def test_a_comment_is_on_the_timeline_once_whoever_tells_it(client: FlaskClient, incident_id: int) -> None:
    tell(client, sample("cloud-labels"))  # now its number is known
    assert tell(client, sample("data-center-commented")) == ["say"]
    assert tell(client, sample("data-center-commented-with-ticket")) == []
    assert tell(client, sample("data-center-old-comment-edited")) == ["say"]
    assert actions(incident_id)[-2:] == ["commented", "comment_edited"]


def test_a_comment_is_kept_without_secrets_and_not_all_of_it(client: FlaskClient, incident_id: int) -> None:
    body = sample("cloud-commented")
    body["comment"]["body"] = f"use {TOKEN} \x1b[31m" + "x" * 50_000
    body["comment"]["author"]["displayName"] = f"Grace {TOKEN} " + "y" * 300
    assert tell(client, body) == ["say"]
    with create_session(scoped=False) as session:
        entry = audit.timeline(session, incident_id)[-1]
    assert TOKEN not in str(entry.detail) + entry.actor
    assert "\x1b" not in entry.detail["text"]
    assert len(entry.detail["text"]) <= 4_000
    assert len(entry.actor) <= 250


def test_our_own_comment_is_not_said_again(client: FlaskClient, incident_id: int) -> None:
    body, row = sample("cloud-commented"), the_incident()
    body["comment"]["body"] = f"It failed again. rca-{row.fingerprint[:12]}-{row.id}"
    assert tell(client, body) == []


def test_the_incident_wins_where_it_is_newer_and_the_ticket_is_put_right(
    client: FlaskClient, incident_id: int
) -> None:
    done = sample("cloud-done")
    change(incident_id, lifecycle.acknowledge, "ada")
    before = wanted()
    assert tell(client, done) == ["tell"]
    assert (the_incident().status, wanted(), list(shown())) == ("acknowledged", before + 1, ["status"])
    bring(incident_id)
    assert shown() == {}


@pytest.mark.parametrize(("wins", "status"), [("jira", "resolved"), ("incident", "open")])
def test_an_option_says_who_wins(
    client: FlaskClient, incident_id: int, options: Callable[..., None], wins: str, status: str
) -> None:
    options(jira_status_wins=wins)
    tell(client, sample("cloud-done"))
    assert the_incident().status == status


def test_an_option_says_what_a_status_means(
    client: FlaskClient, incident_id: int, options: Callable[..., None]
) -> None:
    options(jira_statuses="Done=nothing, In Progress=done")
    assert tell(client, sample("cloud-done")) == []
    assert tell(client, sample("cloud-in-progress")) == ["resolve"]


def test_what_we_brought_ourselves_does_not_come_back(client: FlaskClient, incident_id: int) -> None:
    change(incident_id, lifecycle.resolve, "ada", "It works again.")
    bring(incident_id)
    echo = sample("cloud-done")
    change(incident_id, lifecycle.reopen, "ada")
    assert tell(client, echo) == ["tell"]
    assert the_incident().status == "open"


def test_a_ticket_we_closed_may_be_opened_again_there_even_if_nobody_told_that_it_was_closed(
    client: FlaskClient, incident_id: int
) -> None:
    change(incident_id, lifecycle.resolve, "ada", "It works again.")
    bring(incident_id)
    assert the_ticket().external_category == "done"
    back = sample("cloud-in-progress")
    assert tell(client, back) == ["reopen", "acknowledge"]
    assert the_incident().status == "acknowledged"


def test_a_closed_incident_stays_closed(client: FlaskClient, incident_id: int) -> None:
    change(incident_id, lifecycle.resolve, "ada", "It works again.")
    change(incident_id, lifecycle.close)
    assert tell(client, sample("cloud-reopened")) == []
    assert the_incident().status == "closed"


def test_a_ticket_that_is_gone_is_noticed_once(client: FlaskClient, incident_id: int) -> None:
    assert tell(client, sample("cloud-deleted")) == ["delete"]
    assert tell(client, sample("cloud-deleted")) == []
    assert the_ticket().deleted_at is not None
    assert (the_incident().status, actions(incident_id)[-1]) == ("open", "ticket_deleted")
    with create_session(scoped=False) as session:
        assert ticket_store.tracked(session, 0) == []


def test_a_ticket_that_is_moved_is_followed(client: FlaskClient, incident_id: int) -> None:
    assert tell(client, sample("cloud-moved")) == ["move"]
    assert tell(client, sample("cloud-moved")) == []
    there = "https://acme.atlassian.net/browse/OPS-3"
    assert (the_ticket().key, the_ticket().url, actions(incident_id)[-1]) == ("OPS-3", there, "ticket_moved")
    [delivery] = [row for row in stored(Delivery) if row.destination == "ticket"]
    assert delivery.reference == there
    body = sample("cloud-done")
    body["issue"]["key"] = "OPS-3"
    assert tell(client, body) == ["resolve"]


def test_a_ticket_that_is_forgotten_meanwhile_is_unknown(
    client: FlaskClient, incident_id: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def forgetting(session: Any, number: int) -> Incident:
        found = locked(session, number)
        session.execute(delete(Ticket))
        return found

    monkeypatch.setattr(tickets, "locked", forgetting)
    answer = post(client, sample("cloud-done"))
    assert (answer.status_code, answer.get_json()) == (200, {"result": "ignored"})


def test_what_is_decided_here_is_to_be_put_into_the_ticket(incident_id: int) -> None:
    change(incident_id, lifecycle.assign, "ada", "ada")
    change(incident_id, lifecycle.prioritize, "ada", Priority.P1)
    assert shown().keys() == {"assignee", "priority"}
    bring(incident_id, state=DeliveryState.WAITING, problem="503")
    assert shown() != {}
    bring(incident_id)
    assert shown() == {}
    change(incident_id, lifecycle.resolve, "ada", "It works again.")
    assert shown().keys() == {"status"}
    bring(incident_id)
    # That nothing came back for long says nothing against who opens the ticket again.
    change(incident_id, lifecycle.close)
    assert shown() == {}


def test_until_when_changes_there_do_not_count_is_as_the_options_say(
    client: FlaskClient, incident_id: int, options: Callable[..., None]
) -> None:
    assert tell(client, sample("cloud-priority-lowered", later=-1)) == ["prioritize"]
    heard, before = the_ticket().priority_at, datetime.now(timezone.utc)
    change(incident_id, lifecycle.prioritize, "ada", Priority.P1)
    change(incident_id, lifecycle.assign, "ada", "ada")
    assert before <= shown()["priority"] <= datetime.now(timezone.utc)
    options(jira_priority_wins="jira", jira_assignee_wins="jira")
    # What was heard of is answered; of the assignee nothing was.
    assert heard
    assert shown()["priority"] == heard + SKEW
    assert shown()["assignee"] == the_ticket().recorded_at + SKEW
    options(jira_priority_wins="incident", jira_assignee_wins="incident", jira_status_wins="incident")
    assert shown() == {"status": None, "assignee": None, "priority": None}
    bring(incident_id)
    assert shown() == {"status": None, "assignee": None, "priority": None}


def test_a_decision_ends_with_what_is_heard_later(client: FlaskClient, incident_id: int) -> None:
    change(incident_id, lifecycle.assign, "ada", "ada")
    change(incident_id, lifecycle.prioritize, "ada", Priority.P1)
    for name in ("cloud-priority-lowered", "cloud-assigned"):
        tell(client, sample(name))
    assert (the_incident().priority, the_incident().assignee, shown()) == ("P4", "Grace Hopper", {})
    with create_session(scoped=False) as session:
        assert decided_at(session, incident_id).keys() == {Field.STATUS}


def test_a_ticket_that_is_opened_again_in_two_steps_at_once_is_opened_again(
    client: FlaskClient, incident_id: int
) -> None:
    """When it tells of the first step, it is at the second already."""
    _opened_an_hour_ago(incident_id)
    assert tell(client, sample("cloud-done", later=-3)) == ["resolve"]
    first = sample("cloud-reopened")
    first["issue"]["fields"]["status"] = sample("cloud-in-progress")["issue"]["fields"]["status"]
    assert tell(client, first) == []
    assert tell(client, sample("cloud-in-progress")) == ["reopen", "acknowledge"]


def test_what_somebody_else_did_is_not_taken_for_ours(client: FlaskClient, incident_id: int) -> None:
    change(incident_id, lifecycle.resolve, "ada", "It works again.")
    bring(incident_id)
    change(incident_id, lifecycle.reopen, "ada")
    done = sample("cloud-done")
    done["issue"]["fields"]["creator"] = {"accountId": "the-connection's-user", "displayName": "RCA"}
    assert tell(client, done) == ["resolve"]


# --- where Jira cannot call us -------------------------------------------------------------------------------


@pytest.fixture
def api() -> TestClient:
    from rca_plugin.server.api import create_app

    return TestClient(create_app(), raise_server_exceptions=False)


def service() -> dict[str, str]:
    import time

    from rca_plugin.config import service_secret
    from rca_plugin.core.service_token import sign

    return {"Authorization": f"Bearer {sign(service_secret(), 'test', time.time())}"}


def state(**more: Any) -> dict[str, Any]:
    now = datetime.now(timezone.utc).isoformat()
    return {
        "status": "To Do",
        "category": "new",
        "priority": "High",
        "updated": now,
        "external_id": "10007",
        **more,
    }


def look(api: TestClient, body: dict[str, Any], key: str = "DATA-7") -> Any:
    answer = api.put(f"/api/v1/tickets/{key}/state", json=body, headers=service())
    assert answer.status_code == 200, answer.text
    return answer.json()["changes"]


def test_looking_finds_what_was_not_told(api: TestClient, incident_id: int) -> None:
    tracked = api.get("/api/v1/tickets/tracked", headers=service()).json()["tickets"]
    assert [(ticket["key"], ticket["url"]) for ticket in tracked] == [("DATA-7", PAGE)]
    after = {"after": tracked[-1]["id"]}
    assert api.get("/api/v1/tickets/tracked", params=after, headers=service()).json() == {"tickets": []}
    assert look(api, state()) == []
    assert look(api, state()) == []
    changed = state(
        status="Doing", category="indeterminate", priority="Low", assignee={"id": "1", "name": "Grace Hopper"}
    )
    assert look(api, changed) == ["prioritize", "assign", "acknowledge"]
    assert look(api, changed) == []
    assert look(api, state(status="Done", category="done", priority="Low", assignee=changed["assignee"])) == [
        "resolve"
    ]
    assert the_incident().resolved_how == "Jira: Done by somebody"
    assert look(api, state(priority="Low", assignee=changed["assignee"])) == ["reopen"]


def test_looking_finds_that_it_was_moved_and_that_it_is_gone(api: TestClient, incident_id: int) -> None:
    assert look(api, state(key="OPS-3")) == ["move"]
    assert the_ticket().key == "OPS-3"
    assert look(api, state(deleted=True), "OPS-3") == ["delete"]
    answer = api.put("/api/v1/tickets/DATA-7/state", json=state(external_id=None), headers=service())
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "unknown_ticket")


def test_only_our_tasks_may_look(api: TestClient, incident_id: int) -> None:
    for answer in (
        api.get("/api/v1/tickets/tracked"),
        api.put("/api/v1/tickets/DATA-7/state", json=state(category="done")),
    ):
        assert (answer.status_code, answer.json()["error"]["code"]) == (401, "unauthenticated")
    bad = api.put("/api/v1/tickets/..%2Fx/state", json=state(), headers=service())
    assert bad.status_code in (404, 422)
