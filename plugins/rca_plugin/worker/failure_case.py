"""One failure, as an analysis of it reads it from its incident."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from rca_plugin.core.analysis import Analysis
from rca_plugin.core.category import Category, Severity
from rca_plugin.core.classification import Classification, Symptom, classify
from rca_plugin.core.data import data_folder
from rca_plugin.core.evidence import Evidence, evidence_from_json
from rca_plugin.core.knowledge import Knowledge
from rca_plugin.core.knowledge_files import load_knowledge
from rca_plugin.core.note import analyze_from_knowledge
from rca_plugin.core.note.no_fault import no_fault
from rca_plugin.core.rules import Rules
from rca_plugin.rules_in_force import rules_in_force

_LOGS = ("log", "note")
#: What says why; the others say how it stood around it, "missing" only what could not be had.
_ERRORS_OUTSIDE = ("termination", "run_output", "activity")


@dataclass(frozen=True)
class FailureCase:
    """An incident as the server gives it, and what its analysis rests on, each read when it is first needed."""

    incident: Mapping[str, Any]

    @cached_property
    def symptom(self) -> Symptom:
        """What is known of the error."""
        return symptom_of(self.incident)

    @cached_property
    def evidence(self) -> list[Evidence]:
        """What was collected."""
        return [evidence_from_json(fact) for fact in self.incident["evidence"]]

    @cached_property
    def rules(self) -> Rules:
        """Those in force."""
        return rules_in_force()

    @cached_property
    def knowledge(self) -> Mapping[Category, Knowledge]:
        """What is known of each category."""
        return load_knowledge(data_folder())

    @cached_property
    def classification(self) -> Classification:
        """What the rules say; where the incident says something else since, that."""
        found = classify(self.symptom, self.rules)
        if found.category.value == self.incident["category"]:
            return found
        return Classification(
            category=Category(self.incident["category"]),
            rule=self.incident["rule"],
            matched="",
            confidence=self.incident["confidence"],
            severity=Severity(self.incident["severity"]),
            remediable=False,
        )

    @cached_property
    def note(self) -> Analysis:
        """The knowledge base's analysis."""
        return analyze_from_knowledge(
            self.symptom, self.classification, self.evidence, self.knowledge, self.incident["resource"]
        )

    @property
    def nothing_failed(self) -> bool:
        """Whether the note will say that nothing failed. It needs no rules: it is the first question of all."""
        return no_fault(self.symptom, self.evidence, Category(self.incident["category"])) is not None


def failure_of(incident: Mapping[str, Any]) -> dict[str, Any]:
    """The newest failure of an incident that was no try to be repeated."""
    return next(failure for failure in incident["failures"] if failure["final"])


def symptom_of(incident: Mapping[str, Any]) -> Symptom:
    """What is known of the error: the log first, then the report, whose error line is last, then what the service
    said that was asked about it: a report from there may only say that something failed.
    """
    failure = failure_of(incident)
    logs, outside = _texts(incident, _LOGS), _texts(incident, _ERRORS_OUTSIDE)
    text = "\n".join([*logs, failure["detail"], failure["message"], *outside])
    return Symptom(incident["source"], failure["code"], text)


def _texts(incident: Mapping[str, Any], kinds: tuple[str, ...]) -> list[str]:
    return [fact["text"] for fact in incident["evidence"] if fact["kind"] in kinds]
