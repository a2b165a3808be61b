"""The sentences of an analysis, taken apart for a page: plain text, code, and the evidence they cite."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator

# Commands stand in backticks, citations in parentheses behind a claim: (E1, E4).
_CODE_OR_CITATION = re.compile(r"`([^`]{1,2000})`| ?\((E\d{1,4}(?:, E\d{1,4}){0,40})\)")


def pieces(text: str, known: Collection[str]) -> Iterator[tuple[str, str | list[str]]]:
    """Pairs of what a piece is ("text", "code" or "cites") and the piece, in order.

    Only evidence that is `known` is cited: a log may quote anything.
    """
    end = 0
    for found in _CODE_OR_CITATION.finditer(text):
        ids = found[2].split(", ") if found[2] else []
        if ids and not set(ids) <= set(known):
            continue
        yield "text", text[end : found.start()]
        yield ("cites", ids) if ids else ("code", found[1])
        end = found.end()
    yield "text", text[end:]
