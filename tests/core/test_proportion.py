from __future__ import annotations

import pytest

from rca_plugin.core.proportion import proportion


# From the tables of Newcombe, "Two-sided confidence intervals for the single proportion" (1998), method 3.
@pytest.mark.parametrize(
    ("hits", "of", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_it_is_the_interval_of_wilson(hits: int, of: int, low: float, high: float) -> None:
    found = proportion(hits, of)
    assert found.share == hits / of
    assert (round(found.low, 4), round(found.high, 4)) == (low, high)


def test_all_of_a_few_is_not_certain() -> None:
    assert proportion(3, 3).high == 1.0
    assert proportion(3, 3).low < 0.5


@pytest.mark.parametrize(("hits", "of"), [(0, 0), (3, 2), (-1, 2)])
def test_what_is_no_share_is_refused(hits: int, of: int) -> None:
    with pytest.raises(ValueError, match="is no share"):
        proportion(hits, of)
