"""How well the shipped rules do on labeled failures, when those are at hand."""

import json
from pathlib import Path
from typing import Any

import pytest

from rca_plugin.core.classification import Symptom, classify, is_normal_termination
from rca_plugin.core.data import data_folder
from rca_plugin.core.rule_files import load_rules

#: Labels of this file come from a rule of thumb and are wrong for every fifth row.
ROUGH = "spark_error_classes.jsonl"


def rows(shared: Path, rough: bool) -> list[dict[str, Any]]:
    files = [file for file in sorted((shared / "corpus").glob("*.jsonl")) if (file.name == ROUGH) is rough]
    return [json.loads(line) for file in files for line in file.read_text().splitlines()]


def symptom(row: dict[str, Any]) -> Symptom:
    return Symptom(row["source"], row["code"], row["message"])


@pytest.mark.parametrize(
    ("rough", "category_floor", "remediable_floor"), [(False, 0.96, 0.95), (True, 0.82, 0.99)]
)
def test_category_and_remediable_are_right(
    shared: Path, rough: bool, category_floor: float, remediable_floor: float
) -> None:
    rules = load_rules(data_folder())
    listed = rows(shared, rough)
    found = [classify(symptom(row), rules) for row in listed]
    pairs = list(zip(found, listed, strict=True))
    assert sum(f.category.value == row["category"] for f, row in pairs) / len(listed) >= category_floor
    assert sum(f.remediable == row["remediable"] for f, row in pairs) / len(listed) >= remediable_floor


def test_normal_terminations_and_only_those_are_recognized(shared: Path) -> None:
    rules = load_rules(data_folder())
    for row in rows(shared, rough=False):
        assert is_normal_termination(symptom(row), rules) is bool(row.get("non_failure")), row["id"]
