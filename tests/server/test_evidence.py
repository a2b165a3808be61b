"""What is collected about a failure: numbered, without secrets, and honest about what is missing."""

from __future__ import annotations

import pytest
from airflow.models.dagrun import DagRun
from airflow.utils.session import create_session
from sqlalchemy import update

from rca_plugin.core.evidence import Evidence
from rca_plugin.server.findings import collect_evidence
from rca_plugin.server.reconcile import reconcile
from tests.server.test_intake import a_failure, rows, store
from tests.server.test_reconcile import NOW, a_failed_task, a_run

pytestmark = pytest.mark.usefixtures("database")
CONF = {"day": "2026-11-23", "db": {"password": ["hunter2", "hunter3"]}, "url": "ftp://etl:hunter4@files/"}


def all_collected(incident_id: int | None) -> list[Evidence]:
    assert incident_id
    with create_session(scoped=False) as session:
        facts = collect_evidence(session, incident_id, wait=False)
    assert [fact.id for fact in facts] == [f"E{number}" for number in range(1, len(facts) + 1)]
    return facts


def collected(incident_id: int | None) -> dict[str, Evidence]:
    return {fact.kind: fact for fact in all_collected(incident_id)}


def test_what_is_gone_is_noted_as_missing() -> None:
    [receipt] = store(a_failure("run-1"))
    facts = all_collected(receipt.incident_id)
    assert facts[0].kind == "error"
    assert "Connection refused" in facts[0].text
    gone = [fact.text for fact in facts if fact.kind == "missing"]
    assert len(gone) == 3, gone
    assert all("in Airflow's database any more" in text for text in gone), gone


def test_the_conf_of_the_run_is_shown_without_its_secrets() -> None:
    from rca_plugin.server.models import Incident

    a_run("rca_housekeeping", "housekeeping-1", state="success", started=NOW.replace(year=2025))
    a_failed_task("run-1")
    with create_session(scoped=False) as session:
        session.execute(update(DagRun).where(DagRun.run_id == "run-1").values(conf=CONF))
    assert reconcile().taken_in == 1
    [incident] = rows(Incident)
    shown = collected(incident.id)["run"].text
    assert "'day': '2026-11-23'" in shown
    assert "ftp://etl:***@files/" in shown
    assert "hunter" not in shown
