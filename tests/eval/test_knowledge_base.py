"""What the knowledge base makes of the cases, with no network at all."""

from __future__ import annotations

import socket
from collections import Counter
from typing import Any

import pytest

from tests.eval.case import Kind, load_cases
from tests.eval.knowledge_base import KnowledgeBase
from tests.eval.score import Score, score
from tests.eval.table import abstention, category, facts, groundedness, mistakes

_LEAST = 0.8
_SOURCES = {"airflow", "adf", "databricks", "azure_monitor", "generic"}
CASES = load_cases()


def _cut(*_: Any) -> None:
    raise AssertionError("somebody asked the network")


@pytest.fixture(scope="module")
def scores() -> list[Score]:
    base = KnowledgeBase()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", _cut)
        patch.setattr(socket, "getaddrinfo", _cut)
        return [score(case, base.note(case).analysis) for case in CASES]


def test_there_are_enough_cases_of_every_kind_and_source() -> None:
    kinds = Counter(case.kind for case in CASES)
    assert len(CASES) >= 70
    assert kinds[Kind.FAULT] >= 25
    assert min(kinds[kind] for kind in Kind) >= 10
    assert {case.source.value for case in CASES} == _SOURCES
    faults = {case.categories[0] for case in CASES if case.kind is Kind.FAULT}
    assert len(faults) >= 15


@pytest.mark.parametrize("kind", [None, *Kind])
def test_category_and_facts(scores: list[Score], kind: Kind | None) -> None:
    some = [s for s in scores if kind in (None, s.case.kind)]
    wrong = "\n".join(mistakes(some, lambda s: "another"))
    assert category(some) >= _LEAST, wrong
    assert facts(some) >= _LEAST, wrong


def test_it_blames_nothing_where_nothing_failed(scores: list[Score]) -> None:
    assert not [s.case.name for s in scores if s.case.kind is Kind.NO_FAULT and not s.abstained]


def test_it_says_nothing_it_must_not(scores: list[Score]) -> None:
    assert {s.case.name: s.forbidden for s in scores if s.forbidden} == {}


def test_it_abstains_where_too_little_is_known_and_only_there(scores: list[Score]) -> None:
    assert abstention(scores) >= 0.95
    assert not [s.case.name for s in scores if not s.case.abstain and s.abstained]


def test_every_claim_rests_on_what_it_cites(scores: list[Score]) -> None:
    assert sum(s.claims for s in scores) > 2 * len(CASES)
    assert groundedness(scores) == 1.0
