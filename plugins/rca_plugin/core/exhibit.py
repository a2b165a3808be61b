"""The evidence as a model gets to see it: nothing invisible in it, and no more of it than fits."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace

from rca_plugin.core.evidence import Evidence
from rca_plugin.core.log_window import LogWindow, Weight, names_error
from rca_plugin.core.redaction import Redactor
from rca_plugin.core.text import visible

#: Characters of all evidence together, some 15,000 to 20,000 tokens.
CHARS = 60_000
MOST_FACTS = 100
_LOGS = ("log", "note", "run_output")
_LINE_CHARS = 100
_FEWEST_LINES = 4
#: Room for the lines that say how much was left out.
_GAPS = 200
_GAP = re.compile(r"… [\d,]{1,15} (?:lines|characters) left out …")


def exhibits(evidence: Sequence[Evidence]) -> tuple[Evidence, ...]:
    """The evidence as it is sent. The longest facts are shortened first; a line says where something is left out.

    Of a log the lines around its errors and its end are kept, of all else the end, where tracebacks name their error.
    """
    shown = [replace(item, text=readable(item.text)) for item in evidence[:MOST_FACTS]]
    limit = _limit([len(item.text) for item in shown])
    return tuple(replace(item, text=_shortened(item, limit)) for item in shown)


def readable(text: str) -> str:
    """The text with nothing invisible in it."""
    shown = visible(text)
    # A secret with something invisible in it was none when the evidence was redacted.
    return text if shown == text else Redactor().text(shown)


def is_gap(line: str) -> bool:
    """Whether a line only says that something was left out."""
    return bool(_GAP.fullmatch(line.strip()))


def _limit(lengths: Iterable[int]) -> int:
    """How long each may be so that all fit together; what the short ones leave goes to the long ones."""
    left, ordered = CHARS, sorted(lengths)
    for place, length in enumerate(ordered):
        share = left // (len(ordered) - place)
        if length > share:
            return share
        left -= length
    return CHARS


def _shortened(item: Evidence, limit: int) -> str:
    if len(item.text) <= limit:
        return item.text
    around = _around_errors(item.text, limit) if item.kind in _LOGS else ""
    return around if 0 < len(around) <= limit else _end(item.text, limit)


def _around_errors(text: str, limit: int) -> str:
    window = LogWindow(lines=max(limit // _LINE_CHARS, _FEWEST_LINES), chars=limit - _GAPS)
    for line in text.splitlines():
        window.add([line], Weight.NAMED if names_error(line) else Weight.NONE)
    kept = window.kept()
    # One line that is longer than all that fits.
    return "\n".join(kept) if any(not is_gap(line) for line in kept) else ""


def _end(text: str, limit: int) -> str:
    kept = text[-(limit - _GAPS) :]
    # From a line on, unless that would leave out most of it.
    first = kept.find("\n", 0, len(kept) // 2)
    kept = kept[first + 1 :]
    return f"… {len(text) - len(kept):,} characters left out …\n{kept}"
