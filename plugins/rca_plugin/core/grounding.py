"""What of a model's answer rests on the evidence, as an analysis that people may act on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice

from rca_plugin.core.analysis import GEMINI, Analysis, Claim, Hypothesis
from rca_plugin.core.category import Category
from rca_plugin.core.citation import Lines, quoted_in
from rca_plugin.core.classification import Classification
from rca_plugin.core.draft import Draft
from rca_plugin.core.evidence import Evidence
from rca_plugin.core.knowledge import Knowledge
from rca_plugin.core.model_text import plain
from rca_plugin.core.note.quote import cited
from rca_plugin.core.rules import Default
from rca_plugin.core.statements import Statement, Statements, sift
from rca_plugin.core.text import folded
from rca_plugin.core.verdict import Verdict

#: With fewer of its statements left, an answer was not about this evidence.
LEAST_SHARE = 0.5
_NAME_CHARS = 200
_SENTENCE = 300
_MOST_NOT_KNOWN = 8


class NotGroundedError(ValueError):
    """Too little of an answer rests on the evidence. The text says why, in one sentence of ours."""


def ground(
    draft: Draft,
    evidence: Sequence[Evidence],
    note: Analysis,
    classification: Classification,
    knowledge: Mapping[Category, Knowledge],
    *,
    source: str,
    defaults: Mapping[Category, Default],
) -> Analysis:
    """The analysis that the evidence bears out. NotGroundedError when too little of it does.

    note: the knowledge base's analysis of the same failure. source: where it failed, such as "airflow".
    defaults: how bad each category is, and whether repeating may help (`Rules.defaults`).
    """
    lines = Lines(evidence)
    said = sift(draft, lines)
    cause = _cause(draft, said)
    verdict = Verdict(draft, note, classification, knowledge, defaults, source, evidence)
    return Analysis(
        summary=" ".join(map(_stated, said.summary or [cause])),
        root_cause=Claim(cause.text, cause.cited.evidence),
        hypotheses=_hypotheses(said) or note.hypotheses,
        recommendations=tuple(map(_stated, said.recommendations)) or note.recommendations,
        category=verdict.category,
        severity=verdict.severity,
        confidence=verdict.confidence(said.share),
        affected_entity=_entity(draft, lines) or note.affected_entity,
        suggested_action=verdict.action,
        estimated_minutes=draft.estimated_minutes,
        avoid=verdict.avoid,
        not_known=tuple(islice(_not_known(draft, note, lines), _MOST_NOT_KNOWN)),
        runbooks=verdict.runbooks,
        method=GEMINI,
        category_by=verdict.by,
        opinion=verdict.opinion,
        quotes=said.quotes,
        left_out=tuple(said.left_out),
    )


def _cause(draft: Draft, said: Statements) -> Statement:
    """The root cause of an answer that can be used."""
    if not draft.enough_evidence:
        raise NotGroundedError("The model found too little in the evidence to name a cause.")
    if said.cause is None:
        problem = next(text for text in said.left_out if text.startswith("root cause: "))
        raise NotGroundedError(f"The model's root cause {problem.removeprefix('root cause: ')}.")
    if said.share < LEAST_SHARE:
        raise NotGroundedError(
            f"Only {said.kept} of the model's {said.made} statements rest on the evidence."
        )
    return said.cause


def _stated(statement: Statement) -> str:
    """A sentence with the evidence it rests on behind it, before its period."""
    end = statement.text[-1] if statement.text[-1] in ".!?" else "."
    return f"{statement.text.removesuffix(end)}{cited(statement.cited.evidence)}{end}"


def _hypotheses(said: Statements) -> tuple[Hypothesis, ...]:
    return tuple(Hypothesis(item.text, item.cited.evidence, item.distinguish) for item in said.hypotheses)


def _entity(draft: Draft, lines: Lines) -> str:
    """What it is about, where the evidence names it."""
    name = folded(draft.affected_entity)
    return plain(name, _NAME_CHARS) if lines.any_has(name) else ""


def _not_known(draft: Draft, note: Analysis, lines: Lines) -> Iterator[str]:
    """What the model misses, then what could not be collected. What is not there cites nothing, and quotes nothing
    that is not there.
    """
    honest = (text for text in draft.not_known if all(map(lines.any_has, quoted_in(text))))
    texts = (plain(text, _SENTENCE) for text in honest)
    yield from dict.fromkeys([*filter(None, texts), *note.not_known])
