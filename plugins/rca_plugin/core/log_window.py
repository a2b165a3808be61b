"""Which lines of a log are worth keeping: those around its errors, and its end.

A log may be far longer than what is kept of it, and its last error far from its end: what cleans up after a failure,
or tries again, goes on writing.
"""

from __future__ import annotations

import re
from collections import deque
from dataclasses import dataclass, field
from enum import IntEnum
from itertools import chain
from typing import NamedTuple

_BEFORE = 15
_AFTER = 25
_LOOKED_AT = 500
_NAMES_ERROR = re.compile(
    r"Traceback \(most recent call last\)|^\s{0,40}Caused by:|\b(?:ERROR|FATAL|CRITICAL|SEVERE)\b"
    r"|^[\w.$ ]{0,200}(?:Error|Exception)\b"
)


class Weight(IntEnum):
    """How much a message says about why a task failed."""

    NONE = 0
    LOGGED = 1  #: written with the level of an error, as is all that goes to standard error
    NAMED = 2  #: the text itself names an error
    ENDED = 3  #: Airflow says that this ended the task


class Line(NamedTuple):
    """A line and its number, counted from 0."""

    number: int
    text: str


def names_error(text: str) -> bool:
    """Whether a line of text names an error, whatever the level it was logged with."""
    return bool(_NAMES_ERROR.search(text[:_LOOKED_AT]))


@dataclass
class _Passage:
    """The lines around an error: it begins some lines before, and ends some lines after the last one near it."""

    lines: deque[Line]
    first: int
    last: int

    def is_open(self, number: int) -> bool:
        return number <= self.last + _AFTER

    def nearest_first(self) -> list[Line]:
        # Of the error's own lines the last first: there it is named, in Python and where Java says "Caused by".
        return sorted(self.lines, key=lambda line: (self._distance(line.number), -line.number))

    def _distance(self, number: int) -> int:
        return max(self.first - number, number - self.last, 0)


@dataclass
class LogWindow:
    """Reads a log once, from its beginning, and keeps at most `lines` lines of `chars` characters together."""

    lines: int
    chars: int
    _total: int = 0
    _recent: deque[Line] = field(default_factory=lambda: deque(maxlen=_BEFORE))
    _passages: dict[Weight, _Passage] = field(default_factory=dict)
    _end: deque[Line] = field(init=False)

    def __post_init__(self) -> None:
        self._end = deque(maxlen=self.lines)

    def add(self, texts: list[str], weight: Weight) -> None:
        """Read the lines of one message."""
        if weight and texts:
            self._mark(weight, len(texts))
        for text in texts:
            line = Line(self._total, text)
            self._total += 1
            for passage in self._passages.values():
                if passage.is_open(line.number):
                    passage.lines.append(line)
            self._recent.append(line)
            self._end.append(line)

    def _mark(self, weight: Weight, count: int) -> None:
        passage = self._passages.get(weight)
        # What ended the task is one message. The others go on: a traceback is many.
        if passage is None or weight is Weight.ENDED or not passage.is_open(self._total):
            # What ended the task must not be pushed out by what comes after it.
            most = None if weight is Weight.ENDED else self.lines + _BEFORE + _AFTER
            passage = _Passage(deque(self._recent, maxlen=most), self._total, self._total)
            self._passages[weight] = passage
        passage.last = self._total + count - 1

    def kept(self) -> list[str]:
        """The lines worth keeping, in their order; where lines are left out, a line says how many."""
        chosen = sorted(self._chosen())
        texts: list[str] = []
        expected = 0
        for line in chosen:
            if line.number > expected:
                texts.append(f"… {line.number - expected} lines left out …")
            texts.append(line.text)
            expected = line.number + 1
        return texts

    def _chosen(self) -> set[Line]:
        """First what matters most: what ended the task, the very end, the other errors, then what fits."""
        chosen: set[Line] = set()
        chars = self.chars
        for line in chain(*self._by_importance()):
            if line in chosen:
                continue
            if len(chosen) == self.lines or len(line.text) > chars:
                break
            chosen.add(line)
            chars -= len(line.text) + 1
        return chosen

    def _by_importance(self) -> list[list[Line]]:
        newest_first = list(reversed(self._end))
        ended, named, logged = (
            self._passages[weight].nearest_first() if weight in self._passages else []
            for weight in (Weight.ENDED, Weight.NAMED, Weight.LOGGED)
        )
        part = max(self.lines // 4, 1)
        return [ended[: 2 * part], newest_first[: part // 2], named[:part], logged[:part], newest_first]
