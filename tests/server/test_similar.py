"""Which past incidents are shown beside a new one, on both databases."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from airflow.utils.session import create_session
from sqlalchemy import delete, func, select

from rca_plugin.core.failure import Source
from rca_plugin.core.fingerprint import fingerprint, signature
from rca_plugin.server import lifecycle, similarity_index
from rca_plugin.server.findings import collect_evidence
from rca_plugin.server.incidents import locked
from rca_plugin.server.models import Incident, SimilarityKey
from rca_plugin.server.settling import settle
from rca_plugin.server.similar import SimilarIncident, facts, find
from rca_plugin.server.similarity_index import file_again, file_incidents
from tests.server.rows import NOON, a_failure_row, add, an_incident

pytestmark = pytest.mark.usefixtures("database")

REFUSED = 'OperationalError: connection to server at "db-1", port 5432 failed: Connection refused'
EVERYBODY: Any = lambda dag_ids: dag_ids  # noqa: E731


def happened(
    resource: str = "orders/load", error: str = REFUSED, *, days: float, how: str | None = None, minutes: float = 42,
    category: str = "connection_error", source: Source = Source.AIRFLOW, **fields: Any,
) -> int:  # fmt: skip
    """An incident `days` before noon, with its failure; resolved if `how` says how."""
    at = NOON - timedelta(days=days)
    masked = signature(error)
    is_airflow = source is Source.AIRFLOW
    values: dict[str, Any] = {
        "fingerprint": fingerprint(source, resource, masked), "source": source.value, "category": category,
        "title": error[:200], "opened_at": at, "first_failure_at": at, "last_failure_at": at,
        "dag_id": resource.partition("/")[0] if is_airflow else None,
    }  # fmt: skip
    if how:
        over = at + timedelta(minutes=minutes)
        values |= {"status": "closed", "open_fingerprint": None, "resolved_at": over, "resolved_how": how}
    [number] = add(an_incident(resource, **(values | fields)))
    add(a_failure_row(number, signature=masked, message=error, occurred_at=at, resource=resource))
    return number


def similar_to(number: int, readable: Any = EVERYBODY) -> list[SimilarIncident]:
    with create_session(scoped=False) as session:
        return find(session, session.get_one(Incident, number), readable)


def ids(found: list[SimilarIncident]) -> list[int]:
    return [each.incident.id for each in found]


def keys_of(number: int) -> int:
    with create_session(scoped=False) as session:
        counted = select(func.count()).where(SimilarityKey.incident_id == number)
        return session.scalar(counted) or 0


def test_of_a_history_what_tells_something_is_shown_and_nothing_else() -> None:
    history = {
        "half a year ago": happened("sales/load", days=180, how="?"),
        "another error of the task": happened(error="KeyError: 'a'", days=1, category="application_bug"),
        "another error elsewhere": happened("hr/sync", "ValueError: bad date", days=1, category="data_quality"),
        "its category elsewhere": happened("hr/pay", "SSL SYSCALL error: EOF detected", days=1, how="?"),
        "in Databricks": happened(
            "dbx/nightly/load", "connection to server db-1 port 5432 failed: refused", days=4, how="new IP",
            source=Source.DATABRICKS,
        ),
        "another host": happened("ledger/close", REFUSED.replace("db-1", "db-2"), days=3, how="failover"),
        "another DAG": happened("stock/load", days=6, how="restarted"),
        "reworded": happened(error="OperationalError: could not connect to db-1: Connection refused", days=5, how="?"),
        "the same": happened(days=2, how="the password was renewed"),
    }  # fmt: skip
    new = happened(days=0)
    file_incidents()
    names = {number: name for name, number in history.items()}
    shown = [names[number] for number in ids(similar_to(new))]
    assert shown == ["the same", "another DAG", "reworded", "another host", "in Databricks"]
    best = similar_to(new)[0]
    assert (best.age, best.resolved_after) == (timedelta(days=2), timedelta(minutes=42))


def test_only_what_opened_before_is_shown_and_never_itself() -> None:
    first, second, third = (happened(f"dag_{n}/load", days=9 - n) for n in range(3))
    file_incidents()
    assert [ids(similar_to(number)) for number in (first, second, third)] == [[], [first], [second, first]]


def test_an_old_incident_shows_its_past_also_when_that_has_come_back_since() -> None:
    past = happened("stock/load", days=5, how="restarted")
    old = happened(days=3)
    happened("stock/load", days=1, how="restarted again")
    file_incidents()
    assert ids(similar_to(old)) == [past]


def test_what_happens_daily_is_one_line_and_hides_nothing() -> None:
    rare = happened("ledger/close", REFUSED.replace("db-1", "db-2"), days=80, how="failover")
    for day in range(75, 5, -1):
        happened("stock/load", days=day, how="restarted")
    not_resolved = happened("stock/load", days=4, status="closed", open_fingerprint=None)
    file_incidents()
    [daily, once] = similar_to(happened(days=0))
    assert (daily.times, once.times) == (71, 1)
    # Of many times the last one that was resolved is shown: that one says what helps.
    assert daily.incident.id == not_resolved - 1
    assert once.incident.id == rare


def test_a_storm_hides_nothing_and_is_found_by_itself() -> None:
    rare = happened("ledger/close", REFUSED.replace("db-1", "db-2"), days=8, how="failover")
    storm = happened(
        "storm/connection_error@db-1", "21 incidents at once: connection error at db-1", days=4.01, how="restarted",
        kind="storm", dag_id=None,
    )  # fmt: skip
    first = [happened(f"a{n}/load", days=4 - n / 1_000, how="it works again") for n in range(20)]
    for n in range(60):
        happened(f"b{n}/load", days=3.9, how="it works again", parent_id=storm)
    file_incidents()
    found = similar_to(happened(days=0))
    assert ids(found) == [first[-1], rare]
    assert found[0].siblings == 19
    assert keys_of(first[0]) == 12
    again = happened(
        "storm/connection_error@db-1", "35 incidents at once: connection error at db-1", days=-1,
        kind="storm", dag_id=None,
    )  # fmt: skip
    assert ids(similar_to(again))[0] == storm


def test_who_resolved_it_is_said() -> None:
    past, new = happened(days=1), happened("stock/load", days=0)
    with create_session(scoped=False) as session:
        at = NOON - timedelta(hours=23)
        lifecycle.resolve(session, locked(session, past), "ada", "the disk was full", at)
    file_incidents()
    [found] = similar_to(new)
    assert (found.resolved_by, found.incident.resolved_how) == ("ada", "the disk was full")
    assert found.resolved_after == timedelta(hours=1)


def test_only_what_the_person_may_read_is_shown() -> None:
    mine, other = happened(days=3), happened("stock/load", days=1)
    outside = happened("dbx/nightly/load", days=0.5, source=Source.DATABRICKS)
    file_incidents()
    new = happened(days=0)
    assert set(ids(similar_to(new))) == {mine, other, outside}
    assert ids(similar_to(new, lambda dag_ids: dag_ids & {"orders"})) == [mine]
    assert ids(similar_to(new, lambda dag_ids: dag_ids & {None, "orders"})) == [mine, outside]


def fact_of(number: int) -> str:
    with create_session(scoped=False) as session:
        return "\n".join(fact.text for fact in facts(session, number))


def test_as_evidence_it_says_what_everybody_may_know_who_reads_the_incident() -> None:
    resolved = happened(days=2, how="the password\nwas renewed")
    open_one = happened("orders/publish", days=1)
    happened("stock/load", days=1, how="restarted")
    elsewhere = happened("dbx/nightly/load", days=1, source=Source.DATABRICKS, how="y" * 5_000)
    file_incidents()
    new = happened(days=0)
    assert fact_of(new) == (
        f"RCA-{resolved} (2 days ago, connection_error, orders/load): resolved after 42 min: the password was renewed\n"
        f"RCA-{open_one} (24 hours ago, connection_error, orders/publish): not resolved, open"
    )
    outside = fact_of(happened("dbx/nightly/clean", days=0, source=Source.DATABRICKS))
    assert outside.startswith(f"RCA-{elsewhere} (24 hours ago")
    assert len(outside) < 600
    with create_session(scoped=False) as session:
        kinds = {fact.kind: fact for fact in collect_evidence(session, new, wait=False)}
    assert kinds["similar"].text == fact_of(new)


def test_without_a_past_there_is_no_evidence_of_it() -> None:
    number = happened(days=0)
    with create_session(scoped=False) as session:
        assert "similar" not in {fact.kind for fact in collect_evidence(session, number, wait=False)}


def test_housekeeping_files() -> None:
    number = happened(days=0)
    assert (settle().filed, settle().filed) == (1, 0)
    assert keys_of(number) == 12


def test_filing_goes_on_where_it_stopped_and_changes_nothing_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(similarity_index, "_BATCH", 3)
    numbers = [happened(f"dag_{n}/load", days=20 - n) for n in range(7)]
    assert file_incidents() == 7
    numbers += [happened(f"dag_{n}/load", days=20 - n) for n in (7, 8)]
    # What was committed late: its number is older than others that are filed already.
    with create_session(scoped=False) as session:
        session.execute(delete(SimilarityKey).where(SimilarityKey.incident_id == numbers[3]))
    assert file_incidents() == 3
    assert file_incidents() == 0
    assert {keys_of(number) for number in numbers} == {12}


def test_what_was_there_before_the_table_is_filed_from_the_newest_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    numbers = [happened(f"dag_{n}/load", days=20 - n) for n in range(7)]
    monkeypatch.setattr(similarity_index, "_BATCH", 3)
    monkeypatch.setattr(similarity_index, "_LATE", 0)
    monkeypatch.setattr(similarity_index, "_SECONDS", 0.0)
    assert file_incidents() == 0
    with create_session(scoped=False) as session:
        similarity_index._file_front(session, similarity_index._newest)
    assert [keys_of(number) for number in numbers] == [0, 0, 0, 0, 12, 12, 12]
    monkeypatch.setattr(similarity_index, "_SECONDS", 10.0)
    assert file_incidents() == 4


def test_the_newest_stands_for_its_fingerprint_in_whatever_order_they_are_filed() -> None:
    old, new = happened(days=5, how="?"), happened(days=1, how="?")
    with create_session(scoped=False) as session:
        similarity_index._file_all(session, [new])
        similarity_index._file_all(session, [old])
    assert (keys_of(old), keys_of(new)) == (1, 12)
    newer = happened(days=0.5, how="?")
    file_incidents()
    assert [keys_of(number) for number in (old, new, newer)] == [1, 1, 12]
    assert similar_to(happened(days=0))[0].times == 3


def test_one_that_was_kept_quiet_is_filed_when_it_comes_up() -> None:
    quiet = happened(days=1, status="suppressed", suppressed_by="silence")
    file_incidents()
    assert keys_of(quiet) == 1
    with create_session(scoped=False) as session:
        lifecycle.release(session, locked(session, quiet), "the silence is over")
        collect_evidence(session, quiet, wait=False)
    assert keys_of(quiet) == 12


def test_new_ones_are_left_to_housekeeping() -> None:
    number = happened(days=0)
    with create_session(scoped=False) as session:
        file_again(session, number)
    assert keys_of(number) == 0


def test_the_keys_go_when_the_incident_goes() -> None:
    number = happened(days=0)
    file_incidents()
    assert keys_of(number) == 12
    with create_session(scoped=False) as session:
        session.execute(delete(Incident).where(Incident.id == number))
    assert keys_of(number) == 0


def test_hostile_texts_are_stored_and_found() -> None:
    for text in (
        "x" * 4_000,
        "\U0001f4a5 " * 900,
        "Ошибка подключения к базе",
        "<number> <time>",
        "%s {0} '; --",
    ):
        first = happened("orders/load", text, days=1, category="unknown")
        file_incidents()
        assert ids(similar_to(happened("stock/load", text, days=0, category="unknown")))[0] == first
