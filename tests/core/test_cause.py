from __future__ import annotations

import time

import pytest

from rca_plugin.core.category import Category
from rca_plugin.core.cause import cause_of, target_of
from rca_plugin.core.data import data_folder
from rca_plugin.core.fingerprint import signature
from rca_plugin.core.rule_files import load_rules

RULES = load_rules(data_folder())


@pytest.mark.parametrize(
    ("message", "target"),
    [
        ('connection to server at "db-1", port 5432 failed: Connection refused', "db-1"),
        ('connection to server at "db-1" (10.0.0.7), port 5432 failed: timeout expired', "db-1"),
        ("OperationalError: connection to server at orders-db port 5432 failed", "orders-db"),
        ("[Errno 111] Connection refused: warehouse.internal:5432", "warehouse.internal"),
        ("HTTPSConnectionPool(host='api.rates.example', port=443): Max retries exceeded", "api.rates.example"),
        ("503 Server Error for url: https://user@API.Rates.example/v1?x=1", "api.rates.example"),
        ("could not translate host name \"db-2.prod\" to address: Name or service not known", None),
        ("Can't connect to MySQL server on 'mysql-1' (110)", None),
        ("could not connect to server: Connection timed out", None),
        ("server closed the connection unexpectedly", None),
        ("Connection reset by peer", None),
        ('File "load.py:1203" raised at 12:30:45', None),
        ("HTTP 503: Service Unavailable", None),
    ],
)  # fmt: skip
def test_the_host_that_an_error_names(message: str, target: str | None) -> None:
    assert target_of(signature(message)) == target


def cause(category: Category, message: str) -> str:
    return cause_of(category, signature(message), RULES)


def test_the_same_outage_said_in_two_ways_has_one_cause() -> None:
    refused = cause(Category.CONNECTION_ERROR, 'connection to server at "db-1", port 5432 failed: refused')
    expired = cause(Category.CONNECTION_ERROR, "db-1:5432 does not answer")
    assert refused == expired == "connection_error@db-1"
    assert cause(Category.CONNECTION_ERROR, "Connection reset by peer") == "connection_error"


def test_another_host_and_another_category_are_other_causes() -> None:
    causes = {
        cause(Category.CONNECTION_ERROR, "db-1:5432 refused"),
        cause(Category.CONNECTION_ERROR, "db-2:5432 refused"),
        cause(Category.TIMEOUT, "db-1:5432 timed out"),
    }
    assert len(causes) == 3


def test_of_what_is_no_outage_only_the_very_same_error_counts() -> None:
    assert cause(Category.APPLICATION_BUG, "KeyError: 'a'") == cause(
        Category.APPLICATION_BUG, "KeyError: 'a'"
    )
    assert cause(Category.APPLICATION_BUG, "KeyError: 'a'") != cause(
        Category.APPLICATION_BUG, "KeyError: 'b'"
    )


def test_a_cause_fits_its_column_and_hostile_text_takes_no_time() -> None:
    assert len(cause(Category.CONNECTION_ERROR, f"https://{'a' * 60}.{'b' * 60}.example refused")) == 64
    started = time.process_time()
    for text in (
        "a." * 250,
        "host " * 100,
        "x://" * 125,
        "a" * 500,
        ("a-" * 30 + ".") * 8,
        "host=" + "'" * 490,
    ):
        target_of(text)
    assert time.process_time() - started < 2
