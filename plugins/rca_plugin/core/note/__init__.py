"""The analysis that needs no model: what the rules, the knowledge base and the evidence say, as a colleague would
note it for whoever is on call.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from rca_plugin.core.analysis import Analysis, Claim
from rca_plugin.core.category import Category
from rca_plugin.core.classification import Classification, Symptom
from rca_plugin.core.evidence import Evidence
from rca_plugin.core.headline import entity, headline
from rca_plugin.core.knowledge import Knowledge
from rca_plugin.core.note.advice import advice
from rca_plugin.core.note.case import Case
from rca_plugin.core.note.gap import gaps
from rca_plugin.core.note.hypothesis import hypotheses
from rca_plugin.core.note.no_failure import nothing_failed
from rca_plugin.core.note.no_fault import no_fault
from rca_plugin.core.note.summary import summary
from rca_plugin.core.text import folded

#: Below this a category is a guess.
_GUESS = 0.3
_MOST_RUNBOOKS = 3


def analyze_from_knowledge(
    symptom: Symptom,
    classification: Classification,
    evidence: Sequence[Evidence],
    knowledge: Mapping[Category, Knowledge],
    resource: str,
) -> Analysis:
    """The note a good colleague would leave. It abstains where nothing failed or too little is known."""
    case = Case(symptom, classification, evidence, knowledge[classification.category], folded(resource))
    if nothing := no_fault(symptom, evidence, classification.category):
        return nothing_failed(replace(case, known=knowledge[Category.UNKNOWN]), nothing)
    if case.confidence < _GUESS and classification.category is not Category.UNKNOWN:
        return _note(replace(case, known=knowledge[Category.UNKNOWN], guess=case.known))
    return _note(case)


def _note(case: Case) -> Analysis:
    return Analysis(
        summary=summary(case),
        root_cause=Claim(headline(case.known.headline, case.line), case.cited),
        hypotheses=hypotheses(case),
        recommendations=advice(case),
        avoid=tuple(case.place.fill(text) for text in case.guide.avoid),
        not_known=gaps(case),
        runbooks=case.guide.runbooks[:_MOST_RUNBOOKS],
        category=case.known.category,
        severity=case.classification.severity,
        confidence=min(case.confidence, _GUESS)
        if case.known.category is Category.UNKNOWN
        else case.confidence,
        affected_entity=entity(case.line) or case.resource,
        suggested_action=_action(case),
        estimated_minutes=case.known.estimated_minutes,
    )


def _action(case: Case) -> str | None:
    if not case.classification.remediable or case.known.category is Category.UNKNOWN:
        return None
    return next((action.name for action in case.known.actions if action.fits(case.symptom.source)), None)
