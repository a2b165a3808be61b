"""Whether what a model cites stands in the evidence."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from rca_plugin.core.analysis import Quote
from rca_plugin.core.draft import DraftCitation, DraftClaim
from rca_plugin.core.evidence import Evidence
from rca_plugin.core.exhibit import exhibits, is_gap
from rca_plugin.core.text import folded

#: Shorter words stand in too many lines to show anything, unless they are all of one.
_SHORTEST = 8
#: Quotes in a sentence up to this length may be names.
_NAME = 12
_IS_ID = re.compile(r"E\d{1,4}")
# The closing mark may be missing: then all that follows is meant as said.
_QUOTED = re.compile(
    r"`([^`]+)`?|“([^”]+)”?|„([^“”]+)[“”]?|«([^»]+)»?|\u2018([^\u2019]+)\u2019?|\"([^\"]+)\"?"
)
_AROUND = " .,;:!?…"


class UncitedError(ValueError):
    """A statement does not rest on the evidence. The text says why, in our words."""


@dataclass(frozen=True)
class Cited:
    """The evidence that a statement rests on, and the words in it."""

    evidence: tuple[str, ...]
    quotes: tuple[Quote, ...]


class Lines:
    """All lines of the evidence, as a model saw them, each with its white space folded."""

    def __init__(self, evidence: Sequence[Evidence]) -> None:
        self._lines = {item.id: _lines(item.text) for item in exhibits(evidence)}

    def __contains__(self, evidence: object) -> bool:
        return evidence in self._lines

    def has(self, evidence: str, words: str) -> bool:
        """Whether words stand within one line of this evidence."""
        return bool(words) and words in self._lines[evidence]

    def has_line(self, evidence: str, words: str) -> bool:
        """Whether they are all of a line."""
        return any(map(str.isalnum, words)) and f"\n{words}\n" in self._lines[evidence]

    def any_has(self, words: str) -> bool:
        """Whether words stand within one line of any evidence."""
        return any(self.has(evidence, words) for evidence in self._lines)


def resolve(claim: DraftClaim, also: str, lines: Lines) -> Cited:
    """What of a claim's citations stands in the evidence. UncitedError when none does.

    also: more text of the claim, whose quotes have to stand there too.
    """
    if not claim.citations:
        raise UncitedError("cites nothing")
    problems = {citation: _problem(citation, lines) for citation in claim.citations}
    good = [citation for citation, problem in problems.items() if not problem]
    if not good:
        raise UncitedError(next(iter(problems.values())))
    quotes = tuple(dict.fromkeys(Quote(_id(citation), folded(citation.quote)) for citation in good))
    evidence = tuple(dict.fromkeys(quote.evidence for quote in quotes))
    for words in quoted_in(f"{claim.text}\n{also}"):
        if not any(lines.has(item, words) for item in evidence):
            raise UncitedError(f"quotes words that do not stand in {' or '.join(evidence)}")
    return Cited(evidence, quotes)


def quoted_in(text: str) -> list[str]:
    """What a text puts in quotation marks or backticks and is too long to be a name, folded."""
    found = (folded(next(filter(None, quote.groups()))).strip(_AROUND) for quote in _QUOTED.finditer(text))
    return [words for words in found if len(words) > _NAME]


def _lines(text: str) -> str:
    # A line that only says that something is left out is ours.
    lines = (folded(line) for line in text.splitlines() if not is_gap(line))
    return "\n" + "\n".join(lines) + "\n"


def _id(citation: DraftCitation) -> str:
    return citation.evidence.strip(" []()")


def _problem(citation: DraftCitation, lines: Lines) -> str:
    evidence, words = _id(citation), folded(citation.quote)
    if not _IS_ID.fullmatch(evidence):
        return "cites something that is no evidence"
    if evidence not in lines:
        return f"cites {evidence}, which does not exist"
    if len(words) >= _SHORTEST and lines.has(evidence, words):
        return ""
    if lines.has_line(evidence, words):
        return ""
    if lines.has(evidence, words):
        return f"cites too few words of {evidence} to show anything"
    return f"cites words that do not stand in a line of {evidence}"
