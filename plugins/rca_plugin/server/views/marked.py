"""Evidence, taken apart for a page: the words that an analysis rests on, and the rest."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Sequence

from rca_plugin.core.text import visible


def marked(text: str, quotes: Collection[str]) -> Iterator[tuple[bool, str]]:
    """Pairs of whether a piece is quoted and the piece, in order: together they are the text.

    As where a quote is checked, it is looked for in each line by itself, white space counts as one space, and what
    nobody sees does not count. One that is not there marks nothing.
    """
    wanted = [pattern for quote in quotes if (pattern := _pattern(quote))]
    for line in text.splitlines(keepends=True) if wanted else [text]:
        end = 0
        for start, stop in _merged(_spans(line, wanted)):
            yield False, line[end:start]
            yield True, line[start:stop]
            end = stop
        yield False, line[end:]


def _pattern(quote: str) -> re.Pattern[str] | None:
    words = visible(quote).split()
    return re.compile(r"\s+".join(map(re.escape, words))) if words else None


def _spans(line: str, wanted: Iterable[re.Pattern[str]]) -> Iterator[tuple[int, int]]:
    places = _places(line)
    seen = "".join(line[place] for place in places)
    for pattern in wanted:
        for found in pattern.finditer(seen):
            yield places[found.start()], places[found.end() - 1] + 1


def _places(line: str) -> Sequence[int]:
    """Where in a line the characters are that somebody sees."""
    if visible(line) == line:
        return range(len(line))
    return [place for place, character in enumerate(line) if visible(character)]


def _merged(spans: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """In order, and what overlaps as one."""
    merged: list[tuple[int, int]] = []
    for start, stop in sorted(spans):
        if merged and start <= merged[-1][1]:
            merged[-1] = merged[-1][0], max(stop, merged[-1][1])
        else:
            merged.append((start, stop))
    return merged
