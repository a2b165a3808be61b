"""The rules keep what they learned of failures that were labeled without knowing them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from rca_plugin.core.category import NOT_REMEDIABLE
from rca_plugin.core.classification import Classification, Symptom, classify
from rca_plugin.core.data import data_folder
from rca_plugin.core.rule_files import load_rules

LABELED = Path(__file__).parent.parent / "labeled" / "failures.jsonl"


@pytest.fixture(scope="module")
def answered() -> list[tuple[dict[str, Any], Classification]]:
    rules = load_rules(data_folder())
    rows = [json.loads(line) for line in LABELED.read_text(encoding="utf-8").splitlines()]
    return [(row, classify(Symptom(row["source"], row["code"], row["message"]), rules)) for row in rows]


def test_categories(answered: list[tuple[dict[str, Any], Classification]]) -> None:
    right = sum(found.category.value in (row["category"], row.get("alt")) for row, found in answered)
    assert right / len(answered) >= 0.98


def test_what_nobody_can_know_is_unknown(answered: list[tuple[dict[str, Any], Classification]]) -> None:
    unknown = [found.category.value for row, found in answered if row["category"] == "unknown"]
    assert unknown.count("unknown") / len(unknown) >= 0.9


def test_what_repeating_cannot_help_is_never_called_remediable(
    answered: list[tuple[dict[str, Any], Classification]],
) -> None:
    never = {category.value for category in NOT_REMEDIABLE}
    wrong = [row["id"] for row, found in answered
             if row["category"] in never and not row["remediable"] and found.remediable]  # fmt: skip
    assert not wrong
