from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta, timezone

import pytest
from airflow.utils.session import create_session
from sqlalchemy import update

from rca_plugin.core.failure import Failure
from rca_plugin.server.findings import collect_evidence
from rca_plugin.server.incidents import failures_of
from rca_plugin.server.models import FailureRow, Incident
from rca_plugin.server.settling import settle
from tests.server.made import alerted, rca_runs, recovered, store, stored, task_failed

pytestmark = pytest.mark.usefixtures("database")

# The same broken database, as different clients put it.
OUTAGE = (
    'connection to server at "db-1", port 5432 failed: Connection refused',
    "could not connect to server: Connection timed out",
    "(psycopg2.OperationalError) server closed the connection unexpectedly",
    "Connection reset by peer",
)


def one_by_one(*failures: Failure) -> list[str]:
    return [store(failure)[0].result for failure in failures]


def by_kind() -> dict[tuple[str, str], int]:
    return dict(Counter((incident.kind, incident.status) for incident in stored(Incident)))


def test_an_outage_of_2000_tasks_is_a_handful_of_incidents_that_name_the_cause() -> None:
    tasks = [(f"dag-{n // 10}", f"task-{n % 10}") for n in range(2000)]
    for start in range(0, 2000, 100):
        store(*(
            task_failed(dag, task, error=OUTAGE[number % len(OUTAGE)])
            for number, (dag, task) in enumerate(tasks[start : start + 100])
        ))  # fmt: skip
    everything = stored(Incident)
    visible = [incident for incident in everything if incident.status == "open"]
    storms = [incident for incident in visible if incident.kind == "storm"]
    assert len(visible) <= 15
    assert len(rca_runs()) == len(visible)
    assert {incident.category for incident in storms} <= {"connection_error", "network_transient", "timeout"}
    assert all(
        "Storm of" in storm.title and storm.category.replace("_", " ") in storm.title for storm in storms
    )
    assert sum(storm.failure_count for storm in storms) == 2000 - (len(visible) - len(storms))
    assert len([i for i in everything if i.kind == "failure"]) == 2000
    assert len(stored(FailureRow)) == 2000


def test_unrelated_errors_of_one_minute_are_no_storm() -> None:
    store(*(alerted(f"service-{n}", error=f"widget {chr(97 + n)} is broken") for n in range(20)))
    assert by_kind() == {("failure", "open"): 20}


def test_the_very_same_error_everywhere_is_a_storm_whatever_its_category() -> None:
    results = one_by_one(
        *(alerted(f"service-{n}", error="licence key of acme.so has run out") for n in range(8))
    )
    assert by_kind() == {("failure", "open"): 5, ("failure", "suppressed"): 3, ("storm", "open"): 1}
    assert results == ["opened"] * 5 + ["suppressed"] * 3
    storm = stored(Incident)[-3]
    assert (storm.kind, storm.failure_count) == ("storm", 3)
    assert "licence key of acme.so has run out" in storm.title
    for attached in stored(Incident):
        if attached.status == "suppressed":
            assert (attached.suppressed_by, attached.parent_id) == ("storm", storm.id)
            assert f"RCA-{storm.id}" in attached.suppressed_why


def test_what_comes_at_once_is_a_storm_at_once() -> None:
    results = [
        receipt.result for receipt in store(*(alerted(f"s-{n}", error="no licence") for n in range(8)))
    ]
    assert results == ["suppressed"] * 8
    assert by_kind() == {("failure", "suppressed"): 8, ("storm", "open"): 1}
    assert len(rca_runs()) == 1


def test_a_storm_has_the_failures_of_its_incidents_and_is_analyzed_by_them() -> None:
    one_by_one(*(alerted(f"service-{n}", error="licence has run out") for n in range(7)))
    [storm] = [incident for incident in stored(Incident) if incident.kind == "storm"]
    with create_session(scoped=False) as session:
        assert [f.resource for f in failures_of(session, storm.id)] == ["service-6", "service-5"]
    with create_session(scoped=False) as session:
        facts = collect_evidence(session, storm.id, wait=True)
    assert [fact.text for fact in facts if fact.kind == "error"] == ["licence has run out"]


def test_a_storm_goes_on_below_the_threshold_and_ends_when_its_incidents_do() -> None:
    one_by_one(*(alerted(f"service-{n}", error="licence has run out", alert=f"a{n}") for n in range(6)))
    store(alerted("service-late", error="licence has run out", alert="late"))
    assert by_kind()["failure", "suppressed"] == 2
    assert settle().resolved == 0
    store(*(recovered(f"{n}", alert=alert, minutes=5) for n, alert in enumerate(["a5", "late"])))
    assert settle().resolved == 1
    [storm] = [incident for incident in stored(Incident) if incident.kind == "storm"]
    assert storm.status == "resolved"
    with create_session(scoped=False) as session:
        assert len(failures_of(session, storm.id)) == 2


def test_the_next_storm_of_the_same_cause_is_another_incident() -> None:
    one_by_one(*(alerted(f"service-{n}", error="licence has run out", alert=f"a{n}") for n in range(6)))
    store(recovered(alert="a5", minutes=5))
    settle()
    store(*(alerted(f"other-{n}", error="licence has run out", minutes=10) for n in range(6)))
    storms = [incident for incident in stored(Incident) if incident.kind == "storm"]
    assert [storm.status for storm in storms] == ["closed", "open"]


def test_a_minute_later_the_same_error_is_news_again() -> None:
    store(*(alerted(f"service-{n}", error="licence has run out") for n in range(5)))
    with create_session(scoped=False) as session:
        opened = datetime.now(timezone.utc) - timedelta(seconds=61)
        session.execute(update(Incident).values(opened_at=opened))
    store(alerted("service-late", error="licence has run out"))
    assert by_kind() == {("failure", "open"): 6}


def test_a_source_that_floods_is_a_storm(monkeypatch: pytest.MonkeyPatch) -> None:
    from rca_plugin.config import settings

    monkeypatch.setenv("AIRFLOW__RCA__SOURCE_STORM_THRESHOLD", "10")
    settings.cache_clear()
    try:
        words = [chr(97 + n // 26) + chr(97 + n % 26) for n in range(30)]
        one_by_one(*(alerted(f"service-{word}", error=f"widget {word} is broken") for word in words))
        assert by_kind() == {("failure", "open"): 10, ("failure", "suppressed"): 20, ("storm", "open"): 1}
        store(task_failed("orders"))
        assert by_kind()["failure", "open"] == 11
    finally:
        settings.cache_clear()


def test_a_storm_waits_for_the_rca_dag_like_any_incident(monkeypatch: pytest.MonkeyPatch) -> None:
    from airflow.models.dag import DagModel

    from rca_plugin.server.waiting import hand_off_waiting

    def paused(state: bool) -> None:
        with create_session(scoped=False) as session:
            session.execute(update(DagModel).where(DagModel.dag_id == "rca_incident").values(is_paused=state))

    paused(True)
    one_by_one(*(alerted(f"service-{n}", error="licence has run out") for n in range(8)))
    paused(False)
    assert hand_off_waiting().handed_off == 6
    assert len(rca_runs()) == 6
