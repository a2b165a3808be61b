"""Which of the causes that a category can have the evidence speaks for, and what in it does."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rca_plugin.core.error_text import passages_of
from rca_plugin.core.evidence import Evidence
from rca_plugin.core.knowledge import Cause
from rca_plugin.core.note.quote import around, containing
from rca_plugin.core.phrase import Phrase
from rca_plugin.core.text import folded

#: A line of a log that is further than this from the error says nothing about its cause.
_NEAR = 10
_LOGS = frozenset({"error", "traceback", "log", "run_output"})
#: What these say is no symptom: other incidents, what changed, which run it was, what could not be had.
_SILENT = frozenset({"similar", "change", "run", "missing"})
#: The decisive line against all others.
_DECISIVE = 1_000


@dataclass(frozen=True)
class Suspicion:
    """A cause, and the words in the evidence that speak for it; empty when none do.

    weight: how much speaks for it; 0 when nothing does.
    """

    cause: Cause
    quote: str
    evidence: tuple[str, ...]
    weight: int


def suspicions(causes: Sequence[Cause], decisive: str, evidence: Sequence[Evidence]) -> list[Suspicion]:
    """All causes, those that most speaks for first; of equals in the order of the knowledge base."""
    lines = [line for item in evidence if item.kind not in _SILENT for line in _telling(item)]
    found = [_suspicion(cause, folded(decisive), lines, evidence) for cause in causes]
    return sorted(found, key=lambda suspicion: -suspicion.weight)


def _telling(item: Evidence) -> Iterator[str]:
    if item.kind in _LOGS:
        return (folded(passage.line) for passage in passages_of(item.text) if passage.loss <= _NEAR)
    return (folded(line) for line in item.text.splitlines())


def _suspicion(cause: Cause, decisive: str, lines: Sequence[str], evidence: Sequence[Evidence]) -> Suspicion:
    """What speaks for a cause: the longest of its phrases says most, and in the decisive line more than elsewhere."""
    found = [
        (len("".join(phrase.fragments)) * factor, quote)
        for factor, where in ((_DECISIVE, [decisive]), (1, lines))
        for phrase in cause.when
        if (quote := _found(phrase, where))
    ]
    for weight, quote in sorted(found, reverse=True):
        shown = containing(evidence, quote)
        if shown:
            return Suspicion(cause, quote, shown, weight)
    return Suspicion(cause, "", (), 0)


def _found(phrase: Phrase, lines: Sequence[str]) -> str:
    """The words around the first place where the phrase stands; empty when it stands nowhere."""
    for line in lines:
        at = phrase.find(line.lower())
        if at >= 0:
            return around(line, min(at, len(line)))
    return ""
