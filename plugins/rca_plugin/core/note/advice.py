"""What to do: what this evidence asks for first, then what the category asks for where it ran."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from rca_plugin.core.evidence import Evidence
from rca_plugin.core.knowledge import Guide
from rca_plugin.core.note.case import Case
from rca_plugin.core.note.circumstance import changes, failed_upstream
from rca_plugin.core.note.quote import head_of, said
from rca_plugin.core.note.suspicion import Suspicion
from rca_plugin.core.text import folded

_MOST = 6
_RESOLVED = re.compile(r"^(RCA-\d{1,12}) \(([^)]{1,300})\): (resolved .{1,2000})$")
_OPEN = re.compile(r"^(RCA-\d{1,12}) \(([^)]{1,300})\): (.{1,2000})$")


def advice(case: Case) -> tuple[str, ...]:
    """At most six things to do, in this order."""
    steps = (case.place.fill(step) for step in _steps(case.suspicions, case.guide))
    return tuple(dict.fromkeys([*_of_evidence(case.evidence), *steps]))[:_MOST]


def _of_evidence(evidence: Sequence[Evidence]) -> Iterator[str]:
    changed = next(changes(evidence), None)
    if changed:
        quote = said(changed.quote, changed.evidence)
        yield f"Look at the change first: {quote}. If it explains the error, have it undone."
    upstream = failed_upstream(evidence)
    if upstream:
        yield f"Start with what went wrong before: {said(upstream.quote, upstream.evidence)}. Rerun from there."
    yield from _earlier(evidence)


def _earlier(evidence: Sequence[Evidence]) -> Iterator[str]:
    """How the last similar incident ended; else that there is one that has not."""
    lines = [
        (folded(line), item.id)
        for item in evidence
        if item.kind == "similar"
        for line in item.text.splitlines()
    ]
    for pattern, words in (
        (_RESOLVED, "See whether what helped last time helps again"),
        (_OPEN, "Compare it with"),
    ):
        for line, fact in lines:
            found = pattern.match(line)
            if found:
                about = head_of(found[2].partition(", ")[0])
                yield f"{words}: {found[1]} ({about}), {said(head_of(found[3]), [fact])}."
                return


def _steps(suspicions: Sequence[Suspicion], guide: Guide) -> Iterator[str]:
    likeliest = suspicions[0] if suspicions else None
    if likeliest and likeliest.weight and likeliest.cause.first:
        yield likeliest.cause.first
    yield from guide.first
