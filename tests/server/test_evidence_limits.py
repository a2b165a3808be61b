"""Collecting stays within its limits: no collector takes the others' time or facts, and the whole is bounded."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from airflow.utils.session import create_session
from sqlalchemy import text

from rca_plugin.core.evidence import Fact
from rca_plugin.server import evidence
from rca_plugin.server.evidence import collect
from rca_plugin.server.evidence.fence import Fence
from rca_plugin.server.evidence.numbering import TEXT_CHARS, TOTAL_CHARS, numbered
from tests.server.orders import FAILED, NOW, failure_of, ran, texts, worked_yesterday

pytestmark = pytest.mark.usefixtures("database")
FOUND = Fact("history", "test", None, "found")


@pytest.fixture
def session() -> Iterator[Any]:
    with create_session(scoped=False) as session:
        yield session


def test_a_statement_that_fails_loses_nothing_but_its_own_facts(session: Any) -> None:
    with Fence(session) as fence:
        [lost] = fence.facts("the pool", lambda: session.execute(text("SELECT hunter2 FROM no_table")))
        assert (lost.kind, lost.source) == ("missing", "rca")
        assert lost.text.startswith("The pool could not be collected: ")
        assert "hunter2" not in lost.text
        assert fence.facts("the log", lambda: [FOUND] * session.scalar(text("SELECT 1"))) == [FOUND]


def test_a_statement_that_takes_too_long_is_ended(session: Any, database: str) -> None:
    if database == "sqlite":
        return  # It has no such limit: the next test is about the time of all together.
    with Fence(session, statement_seconds=0.05) as fence:
        [lost] = fence.facts("the pool", lambda: session.execute(text("SELECT pg_sleep(30)")))
        assert lost.text == "The pool could not be collected: the database took longer than 0.05 s"
        assert fence.facts("the log", lambda: [FOUND] * session.scalar(text("SELECT 1"))) == [FOUND]
    assert session.scalar(text("SHOW statement_timeout")) == "0"


def test_when_the_time_is_up_the_rest_is_noted_as_missing(session: Any) -> None:
    now = [0.0]
    with Fence(session, seconds=10, clock=lambda: now[0]) as fence:
        assert fence.facts("the log", lambda: [FOUND]) == [FOUND]
        now[0] = 10.5
        [lost] = fence.facts("the pool", lambda: pytest.fail("it was asked all the same"))
    assert lost.text == "The pool could not be collected: the time for collecting evidence was used up"


def test_a_collector_that_is_broken_leaves_the_others_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(subject: Any) -> Iterator[Fact]:
        yield from subject.session.execute(text("SELECT 1 FROM no_table"))

    whole = [fact.kind for fact in collected()]
    first, *others = evidence._COLLECTORS
    monkeypatch.setattr(evidence, "_COLLECTORS", (first, ("the stars", broken), *others))
    found = collected()
    assert sorted([*whole, "missing"]) == sorted(fact.kind for fact in found)
    assert [text for text in texts("missing", found) if text.startswith("The stars could not be collected: ")]


def collected(*outside: Fact) -> list[Any]:
    with create_session(scoped=False) as session:
        session.execute(text("DELETE FROM task_instance"))
        session.execute(text("DELETE FROM dag_run"))
    worked_yesterday()
    ran("today", FAILED, at=NOW, conf={"region": "us"})
    with create_session(scoped=False) as session:
        return collect(session, failure_of(), wait=False, outside=outside)


def test_what_was_found_outside_comes_last_redacted_and_numbered() -> None:
    found = collected(Fact("run_output", "databricks run 41", None, "password=hunter2 refused"))
    assert [fact.id for fact in found] == [f"E{number}" for number in range(1, len(found) + 1)]
    assert (found[-1].kind, found[-1].source) == ("run_output", "databricks run 41")
    assert found[-1].text == "password=*** refused"


def test_a_text_too_long_keeps_what_tells_most_of_its_kind() -> None:
    long = "begin\n" + "x\n" * TEXT_CHARS + "end"
    log, change = numbered([Fact("log", "test", None, long), Fact("change", "test", None, long)])
    assert log.text.endswith("end")
    assert change.text.startswith("begin")
    assert max(len(log.text), len(change.text)) <= TEXT_CHARS


def test_all_together_is_bounded_and_says_what_did_not_fit() -> None:
    facts = [Fact("run_output", "test", None, "word " * (TEXT_CHARS // 5))] * 20
    found = numbered(facts)
    assert sum(len(fact.text) for fact in found) <= TOTAL_CHARS + 200
    assert found[-1].kind == "missing"
    assert found[-1].text.startswith(f"{20 - len(found) + 1} more could not be collected: ")
