"""The statements of a model's answer, without those that do not rest on the evidence."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import chain

from rca_plugin.core.analysis import Quote
from rca_plugin.core.citation import Cited, Lines, UncitedError, resolve
from rca_plugin.core.draft import Draft, DraftClaim, DraftHypothesis
from rca_plugin.core.headline import LENGTH as HEADLINE
from rca_plugin.core.model_text import plain

_SENTENCE = 500


@dataclass(frozen=True)
class Statement:
    """What a model says, as plain text, and what it rests on; of a hypothesis also how to tell it from others."""

    text: str
    cited: Cited
    distinguish: str = ""


@dataclass
class Statements:
    """What is left of an answer.

    cause: the root cause, None when it does not rest on the evidence.
    made, kept: how many statements there were, and how many are left.
    left_out: which fell through, and why.
    """

    summary: list[Statement] = field(default_factory=list)
    cause: Statement | None = None
    hypotheses: list[Statement] = field(default_factory=list)
    recommendations: list[Statement] = field(default_factory=list)
    made: int = 0
    kept: int = 0
    left_out: list[str] = field(default_factory=list)

    @property
    def share(self) -> float:
        """Which part of the statements is left, 0.0 to 1.0."""
        return self.kept / self.made if self.made else 0.0

    @property
    def quotes(self) -> tuple[Quote, ...]:
        """The words that they rest on, each once."""
        said = [*self.summary, *([self.cause] if self.cause else []), *self.hypotheses, *self.recommendations]
        return tuple(dict.fromkeys(chain.from_iterable(item.cited.quotes for item in said)))


def sift(draft: Draft, lines: Lines) -> Statements:
    """The statements of a draft that rest on the evidence."""
    found = Statements()
    found.summary = _all("summary sentence", draft.summary, lines, found)
    found.cause = _kept("root cause", draft.root_cause, lines, found, HEADLINE)
    found.hypotheses = _all("hypothesis", draft.hypotheses, lines, found)
    found.recommendations = _all("recommendation", draft.recommendations, lines, found)
    return found


def _all(name: str, claims: Iterable[DraftClaim], lines: Lines, found: Statements) -> list[Statement]:
    numbered = enumerate(claims, start=1)
    kept = (_kept(f"{name} {number}", claim, lines, found) for number, claim in numbered)
    return [statement for statement in kept if statement]


def _kept(
    name: str, claim: DraftClaim, lines: Lines, found: Statements, limit: int = _SENTENCE
) -> Statement | None:
    found.made += 1
    try:
        statement = _statement(claim, lines, limit)
    except UncitedError as error:
        found.left_out.append(f"{name}: {error}")
        return None
    found.kept += 1
    return statement


def _statement(claim: DraftClaim, lines: Lines, limit: int) -> Statement:
    distinguish = claim.distinguish if isinstance(claim, DraftHypothesis) else ""
    cited = resolve(claim, distinguish, lines)
    text = plain(claim.text, limit)
    if not any(map(str.isalnum, text)):
        raise UncitedError("says nothing")
    return Statement(text, cited, plain(distinguish, _SENTENCE))
