"""Whether repeating may help, and after how long; the documentation says the same."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from demo.local_airflow import REPOSITORY
from rca_plugin.core.category import Category, Severity
from rca_plugin.core.classification import Classification, Symptom, classify
from rca_plugin.core.data import data_folder
from rca_plugin.core.retry import Backoff, Verdict, verdict_of
from rca_plugin.core.rule_files import load_rules

DECISIONS = {
    "waits, then tries again": Verdict.RETRY,
    "stops at once": Verdict.STOP,
    "left to the task's settings": Verdict.UNDECIDED,
}


def found(category: Category, *, remediable: bool, confidence: float = 0.9) -> Classification:
    return Classification(category, "a.rule", "a line", confidence, Severity.HIGH, remediable)


def test_what_may_pass_is_repeated_however_unsure() -> None:
    assert verdict_of(found(Category.TIMEOUT, remediable=True, confidence=0.1)) is Verdict.RETRY


@pytest.mark.parametrize(("confidence", "verdict"), [(0.5, Verdict.STOP), (0.49, Verdict.UNDECIDED)])
def test_only_what_is_sure_takes_tries_away(confidence: float, verdict: Verdict) -> None:
    assert verdict_of(found(Category.DATA_QUALITY, remediable=False, confidence=confidence)) is verdict


@pytest.mark.parametrize("remediable", [True, False])
def test_the_unknown_is_nobodys_to_decide(remediable: bool) -> None:
    assert verdict_of(found(Category.UNKNOWN, remediable=remediable)) is Verdict.UNDECIDED


def test_the_longest_wait_doubles_up_to_the_cap() -> None:
    backoff = Backoff(base=10, cap=60)
    assert [backoff.seconds(tries, 1.0) for tries in (1, 2, 3, 4, 50)] == [10, 20, 40, 60, 60]
    assert [backoff.seconds(3, chance) for chance in (0.0, 0.25, 0.5)] == [0, 10, 20]


@given(
    st.integers(min_value=-5, max_value=10**9),
    st.floats(0, 1),
    st.floats(0.001, 1e6),
    st.floats(0.001, 1e6),
)
def test_a_wait_is_never_negative_and_never_over_the_cap(
    tries: int, chance: float, base: float, cap: float
) -> None:
    assert 0 <= Backoff(base, cap).seconds(tries, chance) <= cap


def test_few_that_may_pass_are_stopped(shared: Path) -> None:
    """What a stop that is wrong costs is a failed run; among labeled failures of tasks they are rare."""
    rules = load_rules(data_folder())
    rows = [
        json.loads(line)
        for file in (shared / "corpus").glob("*.jsonl")
        for line in file.read_text().splitlines()
    ]
    rows = [row for row in rows if row["source"] in ("airflow", "network")]
    stopped = [
        row["remediable"]
        for row in rows
        if verdict_of(classify(Symptom("airflow", row["code"], row["message"]), rules)) is Verdict.STOP
    ]
    assert len(stopped) > 80
    assert sum(stopped) / sum(row["remediable"] for row in rows) <= 0.03


def test_the_documentation_says_what_becomes_of_each_category() -> None:
    text = (REPOSITORY / "docs" / "retry-policy.md").read_text()
    rows = re.findall(r"^\| (.+?) \| (`.+`) \|$", text, re.MULTILINE)
    said = {
        category: DECISIONS[decision]
        for decision, names in rows
        for category in re.findall(r"`(\w+)`", names)
    }
    defaults = load_rules(data_folder()).defaults
    assert said == {
        category.value: verdict_of(found(category, remediable=default.remediable))
        for category, default in defaults.items()
    }
