from __future__ import annotations

from decimal import Decimal

import pytest

from rca_plugin.core.money import dollars, in_words, micros


@pytest.mark.parametrize(
    ("amount", "whole"),
    [
        (Decimal("0.0000025"), 3),
        (Decimal("0.0000024999"), 2),
        (0.1, 100_000),
        (0.1 + 0.2, 300_000),
        (100_000.0, 100_000_000_000),
        (0, 0),
    ],
)
def test_money_is_kept_in_whole_millionths(amount: Decimal | float, whole: int) -> None:
    assert micros(amount) == whole


def test_and_told_in_dollars() -> None:
    assert dollars(1_234_567) == 1.234567
    assert [in_words(m) for m in (5_000_000, 250_000, 3_100, 0)] == ["$5.00", "$0.25", "$0.0031", "$0.00"]
