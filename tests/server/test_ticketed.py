"""What the server says of incidents, as it stands in tickets."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest
from airflow.utils.session import create_session

from rca_plugin.server import lifecycle
from rca_plugin.server.api_models import IncidentDetail
from rca_plugin.server.findings import record_analysis
from rca_plugin.server.incidents import locked
from rca_plugin.server.models import Incident
from rca_plugin.worker.integrations.jira import Jira
from tests.fakes.jira import jira
from tests.server.made import analysis, store, stored, task_failed

pytestmark = pytest.mark.usefixtures("database")


def test_an_incident_of_the_server_becomes_a_ticket_that_is_closed_with_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, options: Callable[..., None]
) -> None:
    (tmp_path / "routing.yaml").write_text("tickets:\n  - project: DATA\n")
    options(routing_file=tmp_path / "routing.yaml")
    store(task_failed("orders", error="could not connect to server: Connection refused"))
    [incident] = stored(Incident)

    def ticketed(reference: str | None) -> str:
        with create_session(scoped=False) as session:
            shown = IncidentDetail.load(session, locked(session, incident.id)).model_dump(mode="json")
        return Jira.connect().deliver(shown, reference, time.monotonic() + 30)

    with jira() as site:
        monkeypatch.setenv("AIRFLOW_CONN_JIRA_DEFAULT", site.connection())
        reference = ticketed(None)
        assert site.issue().fields["duedate"] == f"{incident.resolve_due_at:%Y-%m-%d}"
        with create_session(scoped=False) as session:
            record_analysis(session, incident.id, analysis())
            lifecycle.resolve(session, locked(session, incident.id), "ada", "The disk was cleared")
        assert ticketed(reference) == reference
        assert site.issue().status == "Done"
        assert analysis().root_cause.text in str(site.issue().fields["description"])
