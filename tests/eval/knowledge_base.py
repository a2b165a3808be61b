"""The answers of the knowledge base: the steps of a real analysis, with a case in place of an incident."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from rca_plugin.core.analysis import Analysis
from rca_plugin.core.category import Category
from rca_plugin.core.classification import Classification, Symptom, classify
from rca_plugin.core.data import data_folder
from rca_plugin.core.evidence import evidence_to_json
from rca_plugin.core.knowledge import Knowledge
from rca_plugin.core.knowledge_files import load_knowledge
from rca_plugin.core.note import analyze_from_knowledge
from rca_plugin.core.rule_files import load_rules
from rca_plugin.core.rules import Rules
from rca_plugin.worker.operators.incident import symptom_of
from tests.eval.case import Case


@dataclass(frozen=True)
class Note:
    """What was made of a case on the way to its analysis."""

    symptom: Symptom
    classification: Classification
    analysis: Analysis


class KnowledgeBase:
    """The rules and the knowledge as they ship."""

    @cached_property
    def rules(self) -> Rules:
        return load_rules(data_folder())

    @cached_property
    def knowledge(self) -> Mapping[Category, Knowledge]:
        return load_knowledge(data_folder())

    def note(self, case: Case) -> Note:
        symptom = symptom_of(_incident(case))
        found = classify(symptom, self.rules)
        analysis = analyze_from_knowledge(symptom, found, case.evidence, self.knowledge, case.resource)
        return Note(symptom, found, analysis)


def _incident(case: Case) -> dict[str, Any]:
    failure = {"final": True, "code": case.code, "message": case.message, "detail": case.detail}
    return {
        "source": case.source.value,
        "failures": [failure],
        "evidence": [evidence_to_json(item) for item in case.evidence],
    }
