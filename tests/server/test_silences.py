from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, TypeVar

import pytest
from airflow.utils.session import create_session
from sqlalchemy import event, update
from sqlalchemy.orm import Session

from rca_plugin.core.failure import Failure, Source, TaskRef
from rca_plugin.core.matcher import FACTS, Matchers
from rca_plugin.core.recurrence import Recurrence
from rca_plugin.core.silence import Schedule, State
from rca_plugin.core.silence import Silence as SilenceValue
from rca_plugin.server import facts, incidents, silences
from rca_plugin.server.incidents import IncidentQuery
from rca_plugin.server.models import Silence
from tests.server.rows import NOON, a_failure_row, add, an_incident

pytestmark = pytest.mark.usefixtures("database")
T = TypeVar("T")
HOUR = timedelta(hours=1)
ORDERS = {"source": "airflow", "dag_id": "orders"}


def within(work: Callable[[Session], T]) -> T:
    with create_session(scoped=False) as session:
        return work(session)


def silence(
    *lines: str, start: datetime = NOON, end: datetime | None = NOON + HOUR, weekly: Recurrence | None = None,
    now: datetime = NOON, reason: str = "upgrade",
) -> int:  # fmt: skip
    value = SilenceValue(Matchers.from_text(lines), Schedule(start, end, weekly))
    return within(lambda s: silences.create(s, value, reason, "Europe/Berlin", "ada", now).id)


def held_by(given: dict[str, str], at: datetime = NOON) -> int | None:
    def work(session: Session) -> int | None:
        found = silences.holding(session, given, at)
        return found.id if found else None

    return within(work)


def test_the_first_that_matches_and_holds_keeps_quiet() -> None:
    silence("dag_id=other")
    first = silence("dag_id=orders")
    silence("source=airflow")
    assert held_by(ORDERS) == first
    assert held_by({"source": "adf", "dag_id": "x"}) is None


def test_it_holds_from_its_start_up_to_its_end() -> None:
    number = silence("dag_id=orders", start=NOON + HOUR, end=NOON + 2 * HOUR)
    at = [NOON + HOUR * n / 2 for n in (1, 2, 3, 4)]
    assert [held_by(ORDERS, moment) for moment in at] == [None, number, number, None]


def test_a_recurring_one_holds_in_its_windows() -> None:
    number = silence("dag_id=orders", end=None, weekly=Recurrence("0 13 * * *", 60, "Europe/Berlin"))
    at = [NOON, NOON + HOUR, NOON + 24 * HOUR]
    assert [held_by(ORDERS, moment) for moment in at] == [number, None, number]


def test_what_failed_before_it_was_ended_is_still_quiet() -> None:
    number = silence("dag_id=orders")
    assert within(lambda s: silences.end(s, number, "bob", NOON + HOUR / 2).ended_by) == "bob"
    assert held_by(ORDERS, NOON + HOUR / 4) == number
    assert held_by(ORDERS, NOON + HOUR / 2) is None


def test_ending_keeps_the_row_with_who_and_when_and_a_second_end_changes_nothing() -> None:
    number = silence("dag_id=orders")
    within(lambda s: silences.end(s, number, "bob", NOON + HOUR / 2).id)
    within(lambda s: silences.end(s, number, "eve", NOON + HOUR * 0.75).id)
    found = within(lambda s: silences.get(s, number, NOON + HOUR))
    assert (found.row.created_by, found.row.ended_by, found.row.ended_at) == ("ada", "bob", NOON + HOUR / 2)
    assert found.state is State.EXPIRED
    over = silence("dag_id=orders")
    assert within(lambda s: silences.end(s, over, "bob", NOON + HOUR).ended_at) is None


def test_an_unknown_silence_is_an_error() -> None:
    for work in (lambda s: silences.end(s, 77, "bob", NOON), lambda s: silences.get(s, 77, NOON)):
        with pytest.raises(silences.UnknownSilenceError, match="77"):
            within(work)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"reason": " \x00 "}, "reason: "),
        ({"reason": "x" * 2001}, "reason: "),
        ({"now": NOON + HOUR}, "ends_at: it would be over"),
        ({"now": NOON + HOUR, "weekly": Recurrence("0 2 * * *", 60, "UTC")}, "ends_at: it would be over"),
    ],
)
def test_what_makes_no_sense_is_refused(change: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValueError, match=f"^{complaint}"):
        silence("dag_id=orders", **change)


def test_the_list_is_in_the_order_of_what_matters_with_what_they_keep_quiet() -> None:
    over = silence("a=b", start=NOON - 3 * HOUR, end=NOON - HOUR, now=NOON - 2 * HOUR)
    pending = silence("a=b", start=NOON + HOUR, end=NOON + 2 * HOUR)
    active = silence("a=b")
    ended = silence("a=b")
    within(lambda s: silences.end(s, ended, "bob", NOON).id)
    add(
        *(an_incident(f"orders/{n}", status="suppressed", silence_id=active) for n in range(3)),
        an_incident("orders/over", status="resolved", silence_id=active),
    )
    listed = within(lambda s: silences.listing(s, NOON))
    assert [(one.row.id, one.state.value, one.incidents) for one in listed] == [
        (active, "active", 3), (pending, "pending", 0), (ended, "expired", 0), (over, "expired", 0),
    ]  # fmt: skip
    assert [len(one.windows(NOON, 5)) for one in listed] == [1, 1, 0, 0]


def test_a_thousand_silences_are_cheap() -> None:
    rows = [
        Silence(
            matchers=[{"name": "dag_id", "op": "=~", "value": f"etl_{n}_.*"}], reason="x", starts_at=NOON,
            ends_at=NOON + HOUR, time_zone="UTC", created_at=NOON + timedelta(microseconds=n), created_by="ada",
        )
        for n in range(1_000)
    ]  # fmt: skip
    last = add(*rows)[-1]
    given = {"dag_id": "etl_999_orders", "message": "x" * 2_000}
    assert held_by(given) == last
    queries: list[str] = []

    def measured(session: Session) -> float:
        connection = session.connection()
        event.listen(connection, "before_cursor_execute", lambda *a: queries.append(a[2]))
        start = time.perf_counter()
        found = silences.holding(session, given, NOON)
        taken = time.perf_counter() - start
        assert found is not None
        assert found.id == last
        return taken

    assert min(within(measured) for _ in range(5)) < 0.05
    assert len(queries) == 5 * 2  # the candidates, and the row that was found


def test_the_number_of_a_deleted_silence_may_come_again_with_another_meaning() -> None:
    number = silence("dag_id=orders")
    assert held_by(ORDERS) == number
    within(lambda s: s.delete(s.get(Silence, number)))
    again = silence("dag_id=other", now=NOON + timedelta(seconds=1))
    assert held_by(ORDERS) is None
    assert held_by({"dag_id": "other"}) == again


def test_one_that_cannot_be_read_any_more_is_not_applied_and_stops_nobody(
    caplog: pytest.LogCaptureFixture,
) -> None:
    silences._parsed.cache_clear()  # it is said once
    broken = silence("dag_id=orders", end=None, weekly=Recurrence("* * * * *", 60, "Europe/Berlin"))
    within(lambda s: s.execute(update(Silence).where(Silence.id == broken).values(time_zone="Mars/Base")))
    sound = silence("dag_id=orders")
    assert held_by(ORDERS) == sound
    assert "is not applied: time_zone" in caplog.text
    states = within(lambda s: {one.row.id: one.state.value for one in silences.listing(s, NOON)})
    assert states == {sound: "active", broken: "expired"}


# --- what matchers may ask ---------------------------------------------------------------------------------


def test_the_facts_are_those_that_are_documented_and_the_labels() -> None:
    labels = {"cluster_id": "c-1", "source": "a label takes no name of a fact", "rows": 7}
    incident = an_incident()
    found = facts.facts_of(incident, a_failure_row(1, labels=labels))
    assert set(found) == {*FACTS, "cluster_id", "rows"}
    assert found["source"] == "airflow"
    assert (found["cluster_id"], found["rows"]) == ("c-1", "7")
    assert (found["run_id"], found["task_id"], found["code"]) == ("run-1", "load", "OperationalError")
    assert all(isinstance(text, str) for text in found.values())
    assert set(facts.facts_of(incident, None)) == set(FACTS)


@pytest.mark.parametrize(
    ("more", "run", "task"),
    [
        ({"task": TaskRef("orders", "run-1", "load", -1, 1)}, "run-1", "load"),
        ({"run": "pipeline-run-7"}, "pipeline-run-7", ""),
        ({}, "", ""),
    ],
)
def test_a_failure_on_its_way_in_has_the_same_facts(more: dict[str, Any], run: str, task: str) -> None:
    failure = Failure(Source.ADF, "adf:1", "factory/pipeline", NOON, "boom", labels={"pipeline": "p"}, **more)
    found = facts.facts_of(an_incident(dag_id=None), failure)
    assert set(found) == {*FACTS, "pipeline"}
    assert (found["run_id"], found["task_id"], found["dag_id"], found["message"]) == (run, task, "", "boom")


def test_matching_looks_at_the_latest_failure_of_what_is_unresolved_and_readable() -> None:
    one, two, theirs, *_ = add(
        an_incident("orders/load"), an_incident("orders/send", status="suppressed"), an_incident("secret/load"),
        an_incident("orders/old", status="resolved"), an_incident("orders/none"),
    )  # fmt: skip
    add(*(a_failure_row(number, labels={"cluster_id": "old"}) for number in (one, two, theirs)))
    add(*(a_failure_row(number, labels={"cluster_id": "c-1"}) for number in (one, two, theirs)))

    def matching(line: str) -> tuple[int, set[int]]:
        def work(session: Session) -> tuple[int, set[int]]:
            found = facts.matching(session, Matchers.from_text([line]), lambda dags: dags - {"secret"})
            return found.total, {incident.id for incident in found.incidents}

        return within(work)

    assert matching("cluster_id=c-1") == (2, {one, two})
    assert matching("cluster_id=old") == (0, set())
    assert matching('dag_id="orders"')[0] == 3


def test_many_are_counted_and_the_newest_shown() -> None:
    add(*(an_incident(f"orders/{n}", last_failure_at=NOON + n * HOUR) for n in range(30)))
    found = within(lambda s: facts.matching(s, Matchers.from_text(["source=airflow"]), lambda dags: dags))
    assert found.total == 30
    assert [i.resource for i in found.incidents] == [f"orders/{n}" for n in range(29, 9, -1)]


# --- filters of the list -----------------------------------------------------------------------------------


def test_incidents_are_found_by_group_of_status_parent_silence_and_kind() -> None:
    quiet = silence("dag_id=orders")
    [storm] = add(an_incident("storm", kind="storm"))
    add(
        an_incident("a", status="acknowledged"), an_incident("b", status="suppressed", parent_id=storm),
        an_incident("c", status="suppressed", silence_id=quiet), an_incident("d", status="resolved"),
        an_incident("e", status="closed", open_fingerprint=None),
    )  # fmt: skip

    def found(**query: Any) -> str:
        asked = IncidentQuery(sort="resource", descending=False, **query)
        page = within(lambda s: incidents.find(s, asked, lambda dags: dags))
        assert page.total == len(page.incidents)
        return " ".join(incident.resource for incident in page.incidents)

    assert found() == "a b c d e storm"
    assert found(status="active") == "a storm"
    assert found(status="unresolved") == "a b c storm"
    assert found(status="resolved") == "d"
    assert found(parent=storm) == "b"
    assert found(silence=quiet) == "c"
    assert found(kind="storm") == "storm"
    counted = within(
        lambda s: incidents.count_by_status(s, IncidentQuery(status="active"), lambda dags: dags)
    )
    assert counted == {"open": 1, "acknowledged": 1, "resolved": 1, "closed": 1, "suppressed": 2}
    hidden = within(lambda s: incidents.count_by_status(s, IncidentQuery(), lambda dags: dags - {"b", "c"}))
    assert "suppressed" not in hidden
