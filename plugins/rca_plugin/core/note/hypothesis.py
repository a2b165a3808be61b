"""The explanations worth a look: the change, what the evidence speaks for, and what is worth ruling out."""

from __future__ import annotations

from collections.abc import Iterator

from rca_plugin.core.analysis import MOST_HYPOTHESES, Hypothesis
from rca_plugin.core.note.case import Case
from rca_plugin.core.note.circumstance import changes
from rca_plugin.core.note.suspicion import Suspicion


def hypotheses(case: Case) -> tuple[Hypothesis, ...]:
    """One to three, the likeliest first. One that cites nothing has nothing that speaks for it yet."""
    return tuple(_all(case))[:MOST_HYPOTHESES]


def _all(case: Case) -> Iterator[Hypothesis]:
    if case.guess:
        text = f"It may be this: {case.guess.title}. Only a weak sign speaks for it."
        yield Hypothesis(text, case.cited, case.guess.causes[0].tell)
    changed = next(changes(case.evidence), None)
    if changed:
        yield Hypothesis(
            f"What changed shortly before caused it: “{changed.quote}”.",
            changed.evidence,
            "The last good run was before the change, and it works again once that is undone.",
        )
    shown = [suspicion for suspicion in case.suspicions if suspicion.weight]
    others = [suspicion for suspicion in case.suspicions if not suspicion.weight]
    # Where something speaks for a cause, more than one alternative would only hide it.
    yield from (_hypothesis(case, suspicion) for suspicion in (*shown, *others[: 1 if shown else None]))


def _hypothesis(case: Case, suspicion: Suspicion) -> Hypothesis:
    text, tell = case.place.fill(suspicion.cause.text), case.place.fill(suspicion.cause.tell)
    if not suspicion.weight:
        return Hypothesis(text, (), tell)
    return Hypothesis(f"{text} This speaks for it: “{suspicion.quote}”.", suspicion.evidence, tell)
