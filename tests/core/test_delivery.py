"""When a delivery is tried again, and how tries are counted in words."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from rca_plugin.core.delivery import ordinal, pause_after


@given(st.integers(0, 10**9), st.floats(0, allow_nan=False, allow_infinity=True))
def test_the_pause_is_never_shorter_than_asked_for_nor_endless(tries: int, asked: float) -> None:
    pause = pause_after(tries, asked)
    assert timedelta(minutes=1) <= pause <= timedelta(days=1)
    assert pause >= timedelta(seconds=min(asked, 3_600))


def test_it_doubles_up_to_an_hour() -> None:
    minutes = [pause_after(tries, 0.0) / timedelta(minutes=1) for tries in range(1, 10)]
    assert minutes == [1, 2, 4, 8, 16, 32, 60, 60, 60]


def test_ordinals() -> None:
    words = [ordinal(number) for number in (1, 2, 3, 4, 11, 12, 21, 113)]
    assert words == ["1st", "2nd", "3rd", "4th", "11th", "12th", "21st", "113th"]
