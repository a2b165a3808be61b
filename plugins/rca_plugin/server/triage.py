"""What a report alone tells of a failure; the RCA run looks again with the evidence."""

from __future__ import annotations

from functools import cache
from typing import Any

from rca_plugin.core.category import Category, Priority, Severity, priority_of
from rca_plugin.core.cause import cause_of
from rca_plugin.core.classification import Classification, Symptom, classify
from rca_plugin.core.failure import Failure
from rca_plugin.core.rules import Rule, Rules
from rca_plugin.rules_in_force import rules_in_force


def triage(failure: Failure) -> Classification:
    """Classify a failure by its message and traceback."""
    return classify(
        symptom_of_text(failure.source.value, failure.code, failure.message, failure.detail), _rules()
    )


def symptom_of_text(source: str, code: str | None, message: str, detail: str) -> Symptom:
    """What is looked at: the traceback first, then the message, which says last what came of it."""
    return Symptom(source, code, f"{detail}\n{message}" if detail else message)


def cause(found: Classification, signature: str) -> str:
    """What a failure has in common with others that the same thing broke."""
    return cause_of(found.category, signature, _rules())


def said_by_model(category: Category, confidence: float) -> Classification:
    """What a model said it is; how bad that is, and whether repeating may help, is known here."""
    default = _rules().defaults[category]
    return Classification(category, None, "", confidence, default.severity, default.remediable)


def remediable_by(rule: str | None) -> bool | None:
    """Whether repeating may help, as far as the rule says so by which an incident was classified."""
    said = _rule(rule)
    if said is None:
        return None
    return False if said.normal else said.remediable


def priority(category: Category, rule: str | None) -> Priority:
    """How urgent that is by the rules alone, whatever a sender or a person says."""
    said = _rule(rule)
    return priority_of((said and said.severity) or _rules().defaults[category].severity)


def columns(found: Classification, reported: Severity | None) -> dict[str, Any]:
    """The columns of an incident that a classification decides; a sender who says how bad it is knows better."""
    severity = reported or found.severity
    return {
        "category": found.category.value,
        "severity": severity.value,
        "priority": priority_of(severity).value,
        "rule": found.rule,
        "confidence": found.confidence,
    }


def _rule(name: str | None) -> Rule | None:
    return next((rule for rule in _rules().rules if rule.name == name), None)


@cache
def _rules() -> Rules:
    return rules_in_force()
