"""What is not known, said plainly."""

from __future__ import annotations

from collections.abc import Iterator

from rca_plugin.core.note.case import Case
from rca_plugin.core.note.circumstance import missing
from rca_plugin.core.note.quote import cited, head_of

_MOST = 5


def gaps(case: Case) -> tuple[str, ...]:
    """What could not be had, and what the evidence leaves open."""
    return tuple(_gaps(case))[:_MOST]


def _gaps(case: Case) -> Iterator[str]:
    if case.guess:
        yield "What kind of failure it is: too little was collected to say."
    yield from missed(case)
    if not case.line:
        yield "The error: no text was reported."
    elif not case.cited:
        yield "The error at its place: it was reported, but nothing that was collected contains it."
    if not any(suspicion.weight for suspicion in case.suspicions):
        yield "Which of the explanations holds: nothing that was collected speaks for one of them."


def missed(case: Case) -> Iterator[str]:
    """What the evidence itself says that it could not have."""
    for item in missing(case.evidence):
        for line in item.text.splitlines():
            if line.strip():
                yield f"{head_of(line).removesuffix('.')}{cited([item.id])}."
