from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from threading import Barrier
from typing import Any

import pytest
from airflow.utils.session import create_session

from rca_plugin.server import spending
from rca_plugin.server.database import transaction

pytestmark = pytest.mark.usefixtures("database")
DAY = date(2026, 11, 24)


def reserved(micros: int, day: date = DAY) -> bool:
    def work(session: Any) -> bool:
        spending.open_day(session, day)
        return spending.reserve(session, day, micros)

    return transaction(work)


def spent(day: date = DAY) -> float:
    with create_session(scoped=False) as session:
        return spending.of_day(session, day).spent


def stopped() -> bool:
    with create_session(scoped=False) as session:
        return spending.of_day(session, DAY).stopped


def test_of_50_that_reserve_a_tenth_of_the_budget_at_once_10_may(options: Callable[..., None]) -> None:
    options(gemini_daily_budget="1.00")
    # Whoever creates the row of the day makes the others wait: here it is there already.
    transaction(lambda session: spending.open_day(session, DAY))
    all_here = Barrier(25)

    def one(_: int) -> bool:
        all_here.wait(timeout=60)
        return reserved(100_000)

    with ThreadPoolExecutor(25) as threads:
        assert sum(threads.map(one, range(50))) == 10
    assert spent() == 1.0


def test_each_day_has_a_budget_of_its_own(options: Callable[..., None]) -> None:
    options(gemini_daily_budget="1")
    assert reserved(1_000_000)
    assert not reserved(1)
    assert reserved(1_000_000, date(2026, 11, 25))


def test_what_was_not_used_is_given_back(options: Callable[..., None]) -> None:
    options(gemini_daily_budget="1")
    assert reserved(900_000)
    assert not reserved(200_000)
    transaction(lambda session: spending.settle(session, DAY, 900_000, 123_456))
    assert spent() == 0.123456
    assert reserved(200_000)


def test_a_day_is_stopped_while_a_refused_call_would_still_be_refused(options: Callable[..., None]) -> None:
    options(gemini_daily_budget="1")
    assert not stopped()
    assert reserved(900_000)
    assert not stopped()
    assert not reserved(200_000)
    assert not reserved(150_000)
    assert stopped()
    options(gemini_daily_budget="1.09")
    assert stopped()
    options(gemini_daily_budget="1.1")
    assert not stopped()
