"""What the server says of incidents, as it is told in Slack."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from airflow.utils.session import create_session
from sqlalchemy import update

from rca_plugin.core.delivery import Destination
from rca_plugin.server import deliveries, lifecycle
from rca_plugin.server.api_models import IncidentDetail
from rca_plugin.server.findings import record_analysis
from rca_plugin.server.incidents import locked
from rca_plugin.server.models import Delivery, Incident
from rca_plugin.server.settling import settle
from rca_plugin.worker.integrations import slack_posts
from rca_plugin.worker.integrations.slack import Slack
from rca_plugin.worker.operators.delivery import DeliverDueOperator
from rca_plugin.worker.recipient import NotSetUpError
from tests.fakes.slack import CHANNEL, Workspace, slack
from tests.server.made import analysis, rca_runs, store, stored, task_failed
from tests.server.rows import add, an_incident

pytestmark = pytest.mark.usefixtures("database")


@pytest.fixture(autouse=True)
def routed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, options: Callable[..., None]) -> None:
    monkeypatch.setattr(slack_posts, "REST_SECONDS", 0.0)
    (tmp_path / "routing.yaml").write_text(f"channels:\n  - channel: {CHANNEL}\n")
    options(routing_file=tmp_path / "routing.yaml")


def shown(incident_id: int) -> dict[str, Any]:
    with create_session(scoped=False) as session:
        return IncidentDetail.load(session, locked(session, incident_id)).model_dump(mode="json")


def told(service: Workspace, incident_id: int, reference: str | None = None) -> str | None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AIRFLOW_CONN_SLACK_DEFAULT", service.connection)
        try:
            return Slack.connect().deliver(shown(incident_id), reference, time.monotonic() + 30)
        except NotSetUpError:
            return None


def test_an_incident_of_the_server_is_told_and_told_again_when_it_is_resolved() -> None:
    store(task_failed("orders", error="could not connect to server: Connection refused"))
    [incident] = stored(Incident)
    with slack() as service:
        first = told(service, incident.id)
        with create_session(scoped=False) as session:
            record_analysis(session, incident.id, analysis())
        told(service, incident.id, first)
        with create_session(scoped=False) as session:
            lifecycle.resolve(session, locked(session, incident.id), "ada", "The disk was cleared")
        assert told(service, incident.id, first) == first
        [posted] = service.messages()
    assert "The disk was cleared" in str(posted["blocks"])
    assert "The database is down" in str(posted["blocks"])
    assert len(service.replies()) == 1  # nothing was collected that it could cite


def a_storm() -> tuple[Incident, list[Incident], list[Incident]]:
    """It, the first few that opened before it was clear, and those that are attached."""
    for n in range(12):
        store(task_failed(f"dag-{n}", error="could not connect to server: refused"))
    everything = stored(Incident)
    [storm] = [incident for incident in everything if incident.kind == "storm"]
    quiet = [incident for incident in everything if incident.parent_id == storm.id]
    first = [incident for incident in everything if incident not in (storm, *quiet)]
    assert (len(first) + len(quiet), len(rca_runs())) == (12, len(first) + 1)
    return storm, first, quiet


def everything_due_is_told(service: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    """As housekeeping does it, by way of the API."""
    monkeypatch.setenv("AIRFLOW_CONN_SLACK_DEFAULT", service.connection)
    with create_session(scoped=False) as session:
        session.execute(update(Delivery).values(next_try_at=datetime.now(timezone.utc)))
    DeliverDueOperator(task_id="deliver").execute({})
    with create_session(scoped=False) as session:
        assert deliveries.due(session) == []


def headers(service: Workspace) -> list[str]:
    return [posted["blocks"][0]["text"]["text"] for posted in service.messages()]


def test_a_storm_is_one_message(
    api_url: str, options: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    options(api_url=api_url, service_secret="the secret of these tests")
    storm, first, _ = a_storm()
    with create_session(scoped=False) as session:
        for incident in (*first, storm):
            record_analysis(session, incident.id, analysis())
    with slack() as service:
        everything_due_is_told(service, monkeypatch)
        [header] = headers(service)
        assert header.startswith(f"{storm.priority} RCA-{storm.id}: Storm of ")
        # Whoever ends it has dealt with it: what is not over speaks for itself, what is over has been spoken for.
        with create_session(scoped=False) as session:
            lifecycle.resolve(session, locked(session, first[0].id), "ada", "It works again")
            lifecycle.resolve(session, locked(session, storm.id), "ada", "The server is back")
        everything_due_is_told(service, monkeypatch)
        assert len(first) == len(headers(service)) > 3
        assert f"RCA-{first[0].id}:" not in str(headers(service))


def test_many_changes_are_one_change_of_the_message(
    api_url: str, options: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    options(api_url=api_url, service_secret="the secret of these tests")
    [number] = add(an_incident())
    with create_session(scoped=False) as session:
        record_analysis(session, number, analysis())
    with slack() as service:
        everything_due_is_told(service, monkeypatch)
        for n in range(10):
            with create_session(scoped=False) as session:
                lifecycle.assign(session, locked(session, number), "ada", f"person {n}")
            DeliverDueOperator(task_id="deliver").execute({})
        # What follows each other within a minute goes out together.
        assert service.times("chat.update") == 0
        everything_due_is_told(service, monkeypatch)
        assert service.times("chat.update") == 1
        [posted] = service.messages()
    assert "person 9" in str(posted["blocks"])


def test_what_a_storm_that_no_route_takes_cannot_speak_for_is_told(
    api_url: str, options: Callable[..., None], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    options(api_url=api_url, service_secret="the secret of these tests")
    (tmp_path / "routing.yaml").write_text(
        f"channels:\n  - when: ['resource=~\"dag-.*\"']\n    channel: {CHANNEL}\n"
    )
    storm, first, _ = a_storm()
    with create_session(scoped=False) as session:
        for incident in (*first, storm):
            record_analysis(session, incident.id, analysis())
    with slack() as service:
        everything_due_is_told(service, monkeypatch)
        everything_due_is_told(service, monkeypatch)
        assert len(service.messages()) == len(first)
        # Saying so again changes nothing.
        everything_due_is_told(service, monkeypatch)
        assert len(service.messages()) == len(first)


def test_what_was_told_before_it_was_a_storm_is_kept_up_to_date() -> None:
    storm, first, _ = a_storm()
    with slack() as service, pytest.MonkeyPatch.context() as patch:
        alone = shown(first[0].id) | {"storm": None}
        patch.setenv("AIRFLOW_CONN_SLACK_DEFAULT", service.connection)
        link = Slack.connect().deliver(alone, None, time.monotonic() + 30)
        with create_session(scoped=False) as session:
            lifecycle.resolve(session, locked(session, first[0].id), "ada", "It works again")
        assert shown(first[0].id)["storm"] == f"RCA-{storm.id}"
        assert told(service, first[0].id, link) == link
        assert "It works again" in str(service.messages()[0]["blocks"])


def test_nothing_is_due_for_a_message_of_an_incident_that_is_kept_quiet() -> None:
    store(*(task_failed(f"dag-{n}", error="could not connect to server: refused") for n in range(30)))
    quiet = next(incident.id for incident in stored(Incident) if incident.status == "suppressed")
    with create_session(scoped=False) as session:
        lifecycle.resolve(session, locked(session, quiet), "rca", "works again")
        assert deliveries.of_incident(session, quiet) == []
        assert Destination.MESSAGE.value not in {row.destination for row in deliveries.due(session)}


@pytest.mark.parametrize(
    ("minutes_ago", "fails_on", "changes", "again"),
    [
        (11, True, {}, True),
        (9, True, {}, False),
        (11, False, {}, False),
        (11, True, {"status": "acknowledged"}, True),
        (11, True, {"status": "resolved"}, False),
    ],
)
def test_what_fails_on_is_told_again_at_most_every_ten_minutes(
    minutes_ago: int, fails_on: bool, changes: dict[str, Any], again: bool
) -> None:
    now = datetime.now(timezone.utc)
    told_at = now - timedelta(minutes=minutes_ago)
    failed_at = now if fails_on else told_at - timedelta(minutes=1)
    [number] = add(an_incident(last_failure_at=failed_at, failure_count=7, **changes))
    for place in ("message", "archive"):
        add(Delivery(incident_id=number, destination=place, state="delivered", wanted=1, delivered=1, tries=0,
                     next_try_at=told_at, problem="", reference="https://x.example", delivered_at=told_at))  # fmt: skip
    settle()
    waiting = {row.destination for row in stored(Delivery) if row.state == "waiting"}
    assert waiting == ({"message"} if again else set())
    settle()
    assert max(row.wanted for row in stored(Delivery)) == (2 if again else 1)
