"""The first thing that is read: at most five sentences that say what, by which line, what it means, what is near."""

from __future__ import annotations

import re
from collections.abc import Iterator

from rca_plugin.core.category import Category
from rca_plugin.core.note.case import Case
from rca_plugin.core.note.circumstance import changes, failed_upstream, has_no_log, told
from rca_plugin.core.note.quote import cited, said

_MOST_SENTENCES = 5
_NEXT_SENTENCE = re.compile(r"[.!?]\s+(?=[A-Z`])")
_WEAK = 0.6


def summary(case: Case) -> str:
    """What failed, the line that says so, what that means where it ran, and what stands around it."""
    sentences = [_what(case), _said(case), case.place.fill(case.guide.means)]
    room = _MOST_SENTENCES - len(sentences) - sentences_after_the_first(case.guide.means)
    return " ".join([*sentences, *list(_around(case))[:room]])


def sentences_after_the_first(text: str) -> int:
    """How many sentences follow the first one."""
    return len(_NEXT_SENTENCE.findall(text))


def _what(case: Case) -> str:
    if case.known.category is Category.UNKNOWN:
        return f"{case.resource} failed and the reason is not known."
    return f"{case.resource} failed: {case.known.title}."


def _said(case: Case) -> str:
    if not case.line:
        return "No error text was reported."
    if not case.cited:
        return f"It reported {said(case.line, ())}, which none of the collected evidence shows."
    which = "most telling" if case.known.category is Category.UNKNOWN else "decisive"
    return f"The {which} line is {said(case.line, case.cited)}."


def _around(case: Case) -> Iterator[str]:
    """What stands around the failure, the most important first."""
    if case.guess:
        yield f"Too little was collected to be sure of more, but it may be this: {case.guess.title}."
    changed = list(changes(case.evidence))
    if changed:
        more = f", with {len(changed) - 1} more" if len(changed) > 1 else ""
        yield f"The first suspect is what changed: {said(changed[0].quote, changed[0].evidence)}{more}."
    if case.confidence < _WEAK and case.known.category is not Category.UNKNOWN:
        yield "The evidence for this is weak: check it before you act on it."
    no_log = has_no_log(case.evidence)
    if no_log:
        yield f"There is no log{cited(no_log)}, so this rests on what others reported about it."
    upstream = failed_upstream(case.evidence)
    if upstream:
        yield f"Before it, this went wrong: {said(upstream.quote, upstream.evidence)}."
    likeliest = next(iter(case.suspicions), None)
    if likeliest and likeliest.weight:
        yield f"Most speaks for this: {likeliest.cause.text.removesuffix('.')}{cited(likeliest.evidence)}."
    yield from told(case.evidence, case.known.telling)
