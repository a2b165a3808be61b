"""What a report alone tells of a failure; the RCA run looks again with the evidence."""

from __future__ import annotations

from functools import cache
from typing import Any

from rca_plugin.core.category import priority_of
from rca_plugin.core.classification import Classification, Symptom, classify
from rca_plugin.core.data import data_folder
from rca_plugin.core.failure import Failure
from rca_plugin.core.rule_files import load_rules
from rca_plugin.core.rules import Rules


def triage(failure: Failure) -> Classification:
    """Classify a failure by its message and traceback."""
    text = f"{failure.detail}\n{failure.message}" if failure.detail else failure.message
    return classify(Symptom(failure.source.value, failure.code, text), _rules())


def columns(found: Classification) -> dict[str, Any]:
    """The columns of an incident that a classification decides."""
    return {
        "category": found.category.value,
        "severity": found.severity.value,
        "priority": priority_of(found.severity).value,
        "rule": found.rule,
        "confidence": found.confidence,
    }


@cache
def _rules() -> Rules:
    return load_rules(data_folder())
