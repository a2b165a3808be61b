"""What the server says of incidents, as it is told in Slack."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from airflow.utils.session import create_session

from rca_plugin.core.delivery import Destination
from rca_plugin.server import deliveries, lifecycle
from rca_plugin.server.api_models import IncidentDetail
from rca_plugin.server.findings import record_analysis
from rca_plugin.server.incidents import locked
from rca_plugin.server.models import Incident
from rca_plugin.worker.integrations import slack_posts
from rca_plugin.worker.integrations.slack import Slack
from rca_plugin.worker.recipient import NotSetUpError
from tests.fakes.slack import CHANNEL, Workspace, slack
from tests.server.made import analysis, rca_runs, store, stored, task_failed

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


def test_a_storm_is_one_message() -> None:
    store(*(task_failed(f"dag-{n}", error="could not connect to server: refused") for n in range(30)))
    everything = stored(Incident)
    quiet = [incident.id for incident in everything if incident.status == "suppressed"]
    assert len(quiet) > 20
    # Nobody asks for anything to be told about those that are part of it.
    with create_session(scoped=False) as session:
        due = {row.incident_id for row in deliveries.due(session)}
    assert not due & set(quiet)
    assert len(rca_runs()) == len(everything) - len(quiet)
    with slack() as service:
        links = [told(service, incident.id) for incident in everything]
        assert (
            len([link for link in links if link]) == len(service.messages()) == len(everything) - len(quiet)
        )
    [storm] = [incident for incident in everything if incident.kind == "storm"]
    assert f"{storm.priority} RCA-{storm.id} storm: " in str(
        [posted["blocks"][0] for posted in service.messages()]
    )


def test_nothing_is_due_for_a_message_of_an_incident_that_is_kept_quiet() -> None:
    store(*(task_failed(f"dag-{n}", error="could not connect to server: refused") for n in range(30)))
    quiet = next(incident.id for incident in stored(Incident) if incident.status == "suppressed")
    with create_session(scoped=False) as session:
        lifecycle.resolve(session, locked(session, quiet), "rca", "works again")
        assert deliveries.of_incident(session, quiet) == []
        assert Destination.MESSAGE.value not in {row.destination for row in deliveries.due(session)}
