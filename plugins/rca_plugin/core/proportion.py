"""A share of few, and how sure it is."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

# Of a normal distribution, 95 % lies within so many standard deviations.
_Z = 1.959964


@dataclass(frozen=True)
class Proportion:
    """A share, 0 to 1, and the interval that holds the true one in 95 of 100 cases."""

    share: float
    low: float
    high: float


def proportion(hits: int, of: int) -> Proportion:
    """`hits` of `of`, with the interval of Wilson, which also holds for few, for none and for all.

    Raises ValueError when `of` is not positive, or `hits` is not from 0 to `of`.
    """
    if not 0 <= hits <= of or of == 0:
        raise ValueError(f"{hits} of {of} is no share")
    share = hits / of
    around = (share + _Z**2 / (2 * of)) / (1 + _Z**2 / of)
    width = _Z / (1 + _Z**2 / of) * sqrt(share * (1 - share) / of + _Z**2 / (4 * of**2))
    return Proportion(share, max(0.0, around - width), min(1.0, around + width))
