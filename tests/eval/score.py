"""What an analysis is worth, held against its case."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction

from rca_plugin.core.analysis import KNOWLEDGE_BASE, Analysis
from rca_plugin.core.category import Category
from rca_plugin.core.text import folded
from tests.eval.case import Case

#: A surer answer does not abstain, whatever it calls the category.
LEAST_SURE = 0.5
_CITATION = re.compile(r"(?:“(?P<quote>[^”]*)”)? ?\((?P<ids>E\d+(?:, E\d+)*)\)")


@dataclass(frozen=True)
class Score:
    """One answer to one case.

    category: whether it is a right one. missing: the facts that are not in it. forbidden: what is, and must not be.
    abstained: it names no category, suggests no action and is less than half sure.
    claims, grounded: the claims that rest on evidence or should, and how many of them really do.
    """

    case: Case
    category: bool
    missing: tuple[tuple[str, ...], ...]
    forbidden: tuple[str, ...]
    abstained: bool
    claims: int
    grounded: int

    @property
    def facts(self) -> Fraction:
        """The share of the facts that are in it."""
        return 1 - Fraction(len(self.missing), len(self.case.must))


def score(case: Case, answer: Analysis) -> Score:
    """Hold an answer against its case."""
    everything, asserted = folded(_everything(answer)).casefold(), folded(_asserted(answer)).casefold()
    claims = list(_claims(answer, {item.id: folded(item.text) for item in case.evidence}))
    return Score(
        case=case,
        category=answer.category in case.categories,
        missing=tuple(fact for fact in case.must if not any(text.casefold() in everything for text in fact)),
        forbidden=tuple(text for text in case.must_not if text.casefold() in asserted),
        abstained=abstained(answer),
        claims=len(claims),
        grounded=sum(claims),
    )


def abstained(answer: Analysis) -> bool:
    """Whether it says that it does not know: no category, no action, and less than half sure."""
    return (
        answer.category is Category.UNKNOWN
        and answer.suggested_action is None
        and answer.confidence < LEAST_SURE
    )


def _asserted(answer: Analysis) -> str:
    """What it says is so, and what it wants to be done; a hypothesis may name what turns out to be wrong."""
    cause, action = answer.root_cause.text, answer.suggested_action or ""
    return "\n".join([answer.summary, cause, answer.affected_entity, action, *answer.recommendations])


def _everything(answer: Analysis) -> str:
    hypotheses = [f"{item.text}\n{item.distinguish}" for item in answer.hypotheses]
    return "\n".join([_asserted(answer), *hypotheses, *answer.not_known])


def _claims(answer: Analysis, evidence: Mapping[str, str]) -> Iterator[bool]:
    """For each claim whether it is borne out: every id it cites is there, and its quote stands in one of them, of the
    knowledge base's claims in all.
    """
    enough = all if answer.method == KNOWLEDGE_BASE else any
    if answer.root_cause.evidence or not abstained(answer):
        yield _resolves(answer.root_cause.evidence, evidence, enough)
    for hypothesis in answer.hypotheses:
        if hypothesis.evidence:
            quotes = re.findall(r"“([^”]*)”", hypothesis.text)
            yield _resolves(hypothesis.evidence, evidence, enough, *quotes)
    for text in (answer.summary, *answer.recommendations, *answer.not_known):
        for cited in _CITATION.finditer(text):
            yield _resolves(tuple(cited["ids"].split(", ")), evidence, enough, cited["quote"] or "")
    for said in answer.quotes:
        yield _resolves((said.evidence,), evidence, enough, said.text)


def _resolves(
    ids: tuple[str, ...],
    evidence: Mapping[str, str],
    enough: Callable[[Iterable[object]], bool],
    *quotes: str,
) -> bool:
    there = bool(ids) and all(name in evidence for name in ids)
    return there and all(enough(folded(quote) in evidence[name] for name in ids) for quote in quotes)
