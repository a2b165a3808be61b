"""Quoting: what a claim repeats word for word, and which evidence contains it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rca_plugin.core.evidence import Evidence
from rca_plugin.core.text import folded

#: Characters of a quote in a sentence.
LENGTH = 300
_BEFORE, _AFTER = 30, 50


def first_line(text: str) -> str:
    """What a fact begins with, short enough to quote."""
    return next((head_of(line) for line in text.splitlines() if line.strip()), "")


def head_of(line: str, length: int = LENGTH) -> str:
    """The beginning of a line, up to the end of a word: still word for word what it says."""
    line = folded(line)
    if len(line) <= length:
        return line
    return line[:length].rpartition(" ")[0] or line[:length]


def around(line: str, at: int) -> str:
    """The words of a folded line around a position."""
    start = line.rfind(" ", 0, max(0, at - _BEFORE)) + 1 if at > _BEFORE else 0
    end = line.find(" ", at + _AFTER)
    return line[start : end if end >= 0 else len(line)][:LENGTH].strip()


def containing(evidence: Sequence[Evidence], text: str) -> tuple[str, ...]:
    """The ids of the evidence in which the text stands."""
    wanted = folded(text)
    return tuple(item.id for item in evidence if wanted and wanted in folded(item.text))


def said(text: str, evidence: Iterable[str]) -> str:
    """The text as a quote, with the evidence to look it up in."""
    return f"“{text}”{cited(evidence)}"


def cited(evidence: Iterable[str]) -> str:
    """The ids as they stand behind a claim; nothing without any."""
    ids = ", ".join(evidence)
    return f" ({ids})" if ids else ""
