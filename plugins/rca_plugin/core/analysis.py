"""The root cause analysis of one failure: its shape.

Every claim cites the evidence it rests on. A claim that quotes cites only evidence that really contains the
quoted text.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rca_plugin.core.category import Category, Severity
from rca_plugin.core.knowledge import Runbook, is_https

#: Who writes analyses (`Analysis.method`).
KNOWLEDGE_BASE = "knowledge_base"
GEMINI = "gemini"
#: Who said which category it is (`Analysis.category_by`).
RULES = "rules"
MODEL = "model"
MOST_HYPOTHESES = 3


@dataclass(frozen=True)
class Claim:
    """A statement and the ids of the evidence that shows it."""

    text: str
    evidence: tuple[str, ...]


@dataclass(frozen=True)
class Hypothesis:
    """A possible deeper cause, the evidence that speaks for it (none: nothing does yet), and how to tell it from
    the others.
    """

    text: str
    evidence: tuple[str, ...]
    distinguish: str


@dataclass(frozen=True)
class Quote:
    """Words that stand in one line of the evidence of this id, and that a claim rests on."""

    evidence: str
    text: str


@dataclass(frozen=True)
class Opinion:
    """What a model took a failure for, where the rules, which decide, say otherwise."""

    category: Category
    severity: Severity


@dataclass(frozen=True)
class Analysis:
    """What went wrong, why, and what to do.

    summary: at most five sentences.
    root_cause: one line, at most 160 characters, for tables and ticket titles.
    hypotheses: one to three, the likeliest first.
    recommendations: at most six, in this order. avoid: what makes it worse; whole sentences: "Do not …".
    not_known: what is missing, and so is not said.
    confidence: 0.0 to 1.0. estimated_minutes: until it works again, when a person does it.
    suggested_action: the name of an action of the knowledge base, None when repeating cannot help.
    method: which analyst wrote it, "knowledge_base" or "gemini".
    category_by: who said which category it is, "rules" or "model"; a model decides only where the rules do not know.
    opinion: what the model would have called it, where it was not followed.
    quotes: the words in the evidence that the model's claims rest on.
    left_out: which of the model's statements are not here, and why; in our words, not in the model's.
    model_problem: why a model that was to be asked did not write this; empty when it did, or none was to be asked.
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
    avoid: tuple[str, ...] = ()
    not_known: tuple[str, ...] = ()
    runbooks: tuple[Runbook, ...] = ()
    method: str = KNOWLEDGE_BASE
    category_by: str = RULES
    opinion: Opinion | None = None
    quotes: tuple[Quote, ...] = ()
    left_out: tuple[str, ...] = ()
    model_problem: str = ""

    def __post_init__(self) -> None:
        """Refuse what no page could show: no hypothesis, too many, or a confidence outside 0 to 1."""
        if not 1 <= len(self.hypotheses) <= MOST_HYPOTHESES:
            raise ValueError(f"an analysis has 1 to {MOST_HYPOTHESES} hypotheses, got {len(self.hypotheses)}")
        if not 0.0 <= self.confidence <= 1.0:
            raise ValueError(f"confidence must be between 0 and 1, got {self.confidence}")


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
        "avoid": list(analysis.avoid),
        "not_known": list(analysis.not_known),
        "runbooks": [{"title": runbook.title, "url": runbook.url} for runbook in analysis.runbooks],
        "category": analysis.category.value,
        "severity": analysis.severity.value,
        "confidence": analysis.confidence,
        "affected_entity": analysis.affected_entity,
        "suggested_action": analysis.suggested_action,
        "estimated_minutes": analysis.estimated_minutes,
        "method": analysis.method,
        "category_by": analysis.category_by,
        "opinion": _opinion_to_json(analysis.opinion),
        "quotes": [{"evidence": quote.evidence, "text": quote.text} for quote in analysis.quotes],
        "left_out": list(analysis.left_out),
        "model_problem": analysis.model_problem,
    }


def analysis_from_json(data: Mapping[str, Any]) -> Analysis:
    """The inverse of `analysis_to_json`, which also reads analyses from before the fields that have a default.

    Raises KeyError or ValueError on a malformed dict.
    """
    cause = data["root_cause"]
    return Analysis(
        summary=data["summary"],
        root_cause=Claim(cause["text"], tuple(cause["evidence"])),
        hypotheses=tuple(
            Hypothesis(item["text"], tuple(item["evidence"]), item["distinguish"])
            for item in data["hypotheses"]
        ),
        recommendations=tuple(data["recommendations"]),
        avoid=tuple(data.get("avoid", ())),
        not_known=tuple(data.get("not_known", ())),
        runbooks=tuple(_runbook(item) for item in data.get("runbooks", ())),
        category=Category(data["category"]),
        severity=Severity(data["severity"]),
        confidence=float(data["confidence"]),
        affected_entity=data["affected_entity"],
        suggested_action=data["suggested_action"],
        estimated_minutes=int(data["estimated_minutes"]),
        method=data["method"],
        category_by=data.get("category_by", RULES),
        opinion=_opinion(data.get("opinion")),
        quotes=tuple(Quote(item["evidence"], item["text"]) for item in data.get("quotes", ())),
        left_out=tuple(data.get("left_out", ())),
        model_problem=data.get("model_problem", ""),
    )


def _runbook(data: Mapping[str, Any]) -> Runbook:
    return Runbook(data["title"], data["url"] if is_https(data["url"]) else None)


def _opinion_to_json(opinion: Opinion | None) -> dict[str, str] | None:
    if opinion is None:
        return None
    return {"category": opinion.category.value, "severity": opinion.severity.value}


def _opinion(data: Mapping[str, Any] | None) -> Opinion | None:
    return Opinion(Category(data["category"]), Severity(data["severity"])) if data else None
