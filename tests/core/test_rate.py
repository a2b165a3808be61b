from __future__ import annotations

import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rca_plugin.core.rate import TokenBucket


def test_a_burst_passes_and_then_the_rate() -> None:
    bucket = TokenBucket(rate=2, burst=3)
    assert [bucket.take(100.0) for _ in range(3)] == [0, 0, 0]
    assert bucket.take(100.0) == pytest.approx(0.5)
    assert bucket.take(100.25) == pytest.approx(0.25)
    assert bucket.take(100.5) == 0
    assert bucket.take(100.5) == pytest.approx(0.5)


def test_a_long_rest_gives_no_more_than_the_burst() -> None:
    bucket = TokenBucket(rate=10, burst=5)
    bucket.take(0.0)
    assert [bucket.take(1e6) == 0 for _ in range(7)] == [True] * 5 + [False] * 2


def test_a_clock_that_goes_back_gives_nothing() -> None:
    bucket = TokenBucket(rate=1, burst=1)
    assert bucket.take(100.0) == 0
    assert bucket.take(50.0) > 0
    assert bucket.take(100.0) > 0


@given(
    st.floats(0.1, 1000),
    st.floats(1, 100),
    st.lists(st.floats(0, 5), min_size=1, max_size=60),
)
def test_never_more_than_burst_and_rate_and_the_wait_is_enough(
    rate: float, burst: float, pauses: list[float]
) -> None:
    bucket, now, taken = TokenBucket(rate, burst), 0.0, 0
    for pause in pauses:
        now += pause
        wait = bucket.take(now)
        if wait:
            now += wait + 1e-6
            assert bucket.take(now) == 0
        taken += 1
    assert taken <= burst + rate * now + 1e-3


@pytest.mark.parametrize(("rate", "burst"), [(0, 1), (-1, 1), (1, 0.5)])
def test_what_would_never_let_anything_pass_is_refused(rate: float, burst: float) -> None:
    with pytest.raises(ValueError, match="rate"):
        TokenBucket(rate, burst)


def test_threads_share_one_exactly() -> None:
    bucket, passed = TokenBucket(rate=1, burst=1000), [0] * 8

    def take(worker: int) -> None:
        passed[worker] = sum(bucket.take(0.0) == 0 for _ in range(500))

    threads = [threading.Thread(target=take, args=(worker,)) for worker in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(passed) == 1000
