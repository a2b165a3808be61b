"""The root cause analysis of one failure: its shape, and the one the knowledge base writes.

Every claim cites the evidence it rests on. A claim that quotes cites only evidence that really
contains the quoted text.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rca_plugin.core.category import Category, Severity
from rca_plugin.core.classification import Classification, Symptom
from rca_plugin.core.error_text import error_line
from rca_plugin.core.evidence import Evidence
from rca_plugin.core.headline import entity, headline
from rca_plugin.core.knowledge import Cause, Knowledge

KNOWLEDGE_BASE = "knowledge_base"
_QUOTE_LENGTH = 300
_MAX_HYPOTHESES = 3
_HINT_LENGTH = 20_000
#: A cause that no collected evidence shows is worth less, and never worth acting on alone.
_UNSEEN_PENALTY = 0.3


@dataclass(frozen=True)
class Claim:
    """A statement and the ids of the evidence that shows it."""

    text: str
    evidence: tuple[str, ...]


@dataclass(frozen=True)
class Hypothesis:
    """A possible deeper cause, what hints at it, and how to tell it from the others."""

    text: str
    evidence: tuple[str, ...]
    distinguish: str


@dataclass(frozen=True)
class Analysis:
    """What went wrong, why, and what to do.

    root_cause: one line, at most 160 characters, for tables and ticket titles.
    hypotheses: one to three, the likeliest first.
    confidence: 0.0 to 1.0. estimated_minutes: until it works again, when a person does it.
    suggested_action: the name of an action of the knowledge base, None when repeating cannot help.
    method: which analyst wrote it, such as "knowledge_base".
    """

    summary: str
    root_cause: Claim
    hypotheses: tuple[Hypothesis, ...]
    recommendations: tuple[str, ...]
    category: Category
    severity: Severity
    confidence: float
    affected_entity: str
    suggested_action: str | None
    estimated_minutes: int
    method: str = KNOWLEDGE_BASE

    def __post_init__(self) -> None:
        """Refuse what no page could show: no hypothesis, too many, or a confidence outside 0 to 1."""
        if not 1 <= len(self.hypotheses) <= _MAX_HYPOTHESES:
            raise ValueError(f"an analysis has 1 to {_MAX_HYPOTHESES} hypotheses, got {len(self.hypotheses)}")
        if not 0.0 <= self.confidence <= 1.0:
            raise ValueError(f"confidence must be between 0 and 1, got {self.confidence}")


def analyze_from_knowledge(
    symptom: Symptom,
    classification: Classification,
    evidence: Sequence[Evidence],
    knowledge: Mapping[Category, Knowledge],
    resource: str,
) -> Analysis:
    """The note a good colleague would leave, from the rules and the knowledge base alone."""
    known = knowledge[classification.category]
    line = _decisive_line(symptom, classification)
    cited = _containing(evidence, line)
    return Analysis(
        summary=_summary(known, classification, line, cited, resource),
        root_cause=Claim(headline(known.headline, line), cited),
        hypotheses=_hypotheses(known, evidence),
        recommendations=_recommendations(known, evidence),
        category=classification.category,
        severity=classification.severity,
        confidence=_confidence(classification, cited),
        affected_entity=entity(line) or resource,
        suggested_action=_action(known, classification, symptom.source),
        estimated_minutes=known.estimated_minutes,
    )


def _decisive_line(symptom: Symptom, classification: Classification) -> str:
    """The line that decided the category; the innermost error when a code decided, else the code."""
    matched = classification.matched
    if matched and matched != symptom.code:
        return matched
    return error_line(symptom.message)[:_QUOTE_LENGTH] or matched


def _containing(evidence: Sequence[Evidence], line: str) -> tuple[str, ...]:
    wanted = _folded(line)
    return tuple(item.id for item in evidence if wanted and wanted in _folded(item.text))


def _folded(text: str) -> str:
    return " ".join(text.split())


def _summary(
    known: Knowledge, classification: Classification, line: str, cited: tuple[str, ...], resource: str
) -> str:
    said = _said(line, cited)
    if classification.category is Category.UNKNOWN:
        return f"{resource} failed and we do not know why. {said} {known.description}"
    doubt = "" if classification.confidence >= 0.6 else " The evidence for this is weak: check it first."
    return f"{resource} failed: {known.title}. {said} {known.description}{doubt}"


def _said(line: str, cited: tuple[str, ...]) -> str:
    if not line:
        return "No error text was reported."
    quote = f"“{_folded(line)}”"
    if not cited:
        return f"It reported {quote}, which none of the collected evidence shows."
    return f"The decisive line is {quote} ({', '.join(cited)})."


def _hypotheses(known: Knowledge, evidence: Sequence[Evidence]) -> tuple[Hypothesis, ...]:
    """The causes that something in the evidence hints at come first, and cite it; the others cite nothing."""
    hints = [(cause, _hinting(cause, evidence)) for cause in known.causes]
    ranked = sorted(hints, key=lambda hint: not hint[1])[:_MAX_HYPOTHESES]
    return tuple(Hypothesis(cause.text, cited, cause.tell) for cause, cited in ranked)


def _hinting(cause: Cause, evidence: Sequence[Evidence]) -> tuple[str, ...]:
    return tuple(item.id for item in evidence if _hints(cause, item.text[-_HINT_LENGTH:].lower()))


def _hints(cause: Cause, text: str) -> bool:
    lines = (_folded(line) for line in text.splitlines())
    return any(phrase.find(line) >= 0 for line in lines for phrase in cause.when)


def _recommendations(known: Knowledge, evidence: Sequence[Evidence]) -> tuple[str, ...]:
    changes = [item.id for item in evidence if item.kind == "change"]
    recent = (f"Something changed shortly before: read {', '.join(changes)} first.",) if changes else ()
    return (*recent, *known.first, *known.avoid)


def _confidence(classification: Classification, cited: tuple[str, ...]) -> float:
    penalty = 0.0 if cited else _UNSEEN_PENALTY
    return round(max(0.0, classification.confidence - penalty), 2)


def _action(known: Knowledge, classification: Classification, source: str) -> str | None:
    if not classification.remediable:
        return None
    return next((action.name for action in known.actions if action.fits(source)), None)


def analysis_to_json(analysis: Analysis) -> dict[str, Any]:
    """A plain dict, ready for `json.dumps`."""
    return {
        "summary": analysis.summary,
        "root_cause": {"text": analysis.root_cause.text, "evidence": list(analysis.root_cause.evidence)},
        "hypotheses": [
            {"text": item.text, "evidence": list(item.evidence), "distinguish": item.distinguish}
            for item in analysis.hypotheses
        ],
        "recommendations": list(analysis.recommendations),
        "category": analysis.category.value,
        "severity": analysis.severity.value,
        "confidence": analysis.confidence,
        "affected_entity": analysis.affected_entity,
        "suggested_action": analysis.suggested_action,
        "estimated_minutes": analysis.estimated_minutes,
        "method": analysis.method,
    }


def analysis_from_json(data: Mapping[str, Any]) -> Analysis:
    """The inverse of `analysis_to_json`. Raises KeyError or ValueError on a malformed dict."""
    cause = data["root_cause"]
    return Analysis(
        summary=data["summary"],
        root_cause=Claim(cause["text"], tuple(cause["evidence"])),
        hypotheses=tuple(
            Hypothesis(item["text"], tuple(item["evidence"]), item["distinguish"])
            for item in data["hypotheses"]
        ),
        recommendations=tuple(data["recommendations"]),
        category=Category(data["category"]),
        severity=Severity(data["severity"]),
        confidence=float(data["confidence"]),
        affected_entity=data["affected_entity"],
        suggested_action=data["suggested_action"],
        estimated_minutes=int(data["estimated_minutes"]),
        method=data["method"],
    )
