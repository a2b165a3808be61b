"""Money as it is kept: millionths of a US dollar, whole, so that sums are exact on every database."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal

_MICROS = 1_000_000


def micros(dollars: Decimal | float) -> int:
    """The nearest millionth."""
    # By way of the text of a float: 0.1 is meant as 0.1.
    return int((Decimal(str(dollars)) * _MICROS).to_integral_value(ROUND_HALF_UP))


def dollars(micros: int) -> float:
    """The same in US dollars."""
    return micros / _MICROS


def in_words(micros: int) -> str:
    """Such as "$0.25", or "$0.0031" where cents would hide it."""
    amount = Decimal(micros) / _MICROS
    return f"${amount:.2f}" if amount == amount.quantize(Decimal("0.01")) else f"${amount:.4f}"
