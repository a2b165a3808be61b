"""The scores as a table, one line for each kind of case."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from math import isnan

from tests.eval.case import Kind
from tests.eval.score import Score

_LINE = "{:12} {:>5} {:>8} {:>6} {:>9} {:>9} {:>9} {:>9}"


def share(scores: Sequence[Score], of: Callable[[Score], float]) -> float:
    """The mean over some answers, not a number when there are none."""
    return sum(map(of, scores)) / len(scores) if scores else float("nan")


def category(scores: Sequence[Score]) -> float:
    """The share with a right category."""
    return share(scores, lambda s: s.category)


def facts(scores: Sequence[Score]) -> float:
    """The mean share of the facts that had to be in the answer."""
    return share(scores, lambda s: float(s.facts))


def forbidden(scores: Sequence[Score]) -> int:
    """How many answers say what they must not."""
    return sum(bool(s.forbidden) for s in scores)


def abstention(scores: Sequence[Score]) -> float:
    """Of the cases that have no answer, the share in which none was given."""
    return share([s for s in scores if s.case.abstain], lambda s: s.abstained)


def shyness(scores: Sequence[Score]) -> float:
    """Of the cases that have an answer, the share in which none was given."""
    return share([s for s in scores if not s.case.abstain], lambda s: s.abstained)


def groundedness(scores: Sequence[Score]) -> float:
    """The share of all claims that the evidence bears out."""
    claims = sum(s.claims for s in scores)
    return sum(s.grounded for s in scores) / claims if claims else float("nan")


def table(scores: Sequence[Score]) -> Iterator[str]:
    """A line for each kind, and one for all."""
    yield _LINE.format("kind", "cases", "category", "facts", "must-not", "abstains", "too shy", "grounded")
    kinds = {kind.value: [s for s in scores if s.case.kind is kind] for kind in Kind}
    for name, some in {**kinds, "overall": list(scores)}.items():
        shares = [f(some) for f in (category, facts, abstention, shyness, groundedness)]
        cells = ["-" if isnan(value) else f"{value:.3f}" for value in shares]
        yield _LINE.format(name, len(some), *cells[:2], forbidden(some), *cells[2:])


def mistakes(scores: Sequence[Score], said: Callable[[Score], str]) -> Iterator[str]:
    """What is wrong, case by case."""
    for found in scores:
        wrong = [
            *([] if found.category else [f"category {said(found)}, not {'/'.join(found.case.categories)}"]),
            *(f"lacks {' / '.join(fact)}" for fact in found.missing),
            *(f"says {text!r}" for text in found.forbidden),
            *(["does not abstain"] if found.case.abstain and not found.abstained else []),
            *(
                [f"{found.claims - found.grounded} claims not borne out"]
                if found.grounded < found.claims
                else []
            ),
        ]
        if wrong:
            yield f"  {found.case.name}: {'; '.join(wrong)}"
