from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rca_plugin.core.failure import Source, TaskRef, event_key, task_event_key
from rca_plugin.core.fingerprint import SIGNATURE_CHARS, fingerprint, signature


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("no answer at 2026-11-23T03:00:01Z", "no answer at 2026-11-24 04:10:59.123"),
        (
            "run 7f1d2c3b-0000-4a4a-9b9b-1234567890ab failed",
            "run 00000000-1111-4222-8333-abcdefabcdef failed",
        ),
        ("<Worker object at 0x7f3a2c>", "<Worker object at 0x55d1>"),
        ("order 1234567 is not there", "order 7654321 is not there"),
        ("connect to 10.0.0.1 refused", "connect to 192.168.7.12 refused"),
        ("timed out after 30.2 seconds", "timed out after 31 seconds"),
        ("cannot open /tmp/tmpab12/x.csv", "cannot open /tmp/tmpzz99/y.csv"),
        ("try 1: no answer", "try 3: no answer"),
        (
            "commit 9fceb02d0ae598e95dc970b74767f19372d61af8",
            "commit 5b1d9fceb02d0ae598e95dc970b74767f1937200",
        ),
    ],
)
def test_variable_parts_do_not_matter(one: str, other: str) -> None:
    assert signature(one) == signature(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("KeyError: 'name'", "KeyError: 'email'"),
        ("HTTP 503 from billing", "HTTP 404 from billing"),
        ("table orders not found", "table customers not found"),
        ("[Errno 111] Connection refused", "[Errno 113] No route to host"),
        ("exit code 1", "exit code 137"),
        ("s3://raw/orders.csv is missing", "s3://raw/customers.csv is missing"),
        ("ORA-00942: table or view does not exist", "ORA-01017: invalid username/password"),
    ],
)
def test_different_errors_stay_apart(one: str, other: str) -> None:
    assert signature(one) != signature(other)


@given(st.text(max_size=3_000))
def test_any_text_has_a_bounded_signature(text: str) -> None:
    found = signature(text)
    assert len(found) <= SIGNATURE_CHARS
    assert found == found.strip()
    assert len(fingerprint(Source.AIRFLOW, "dag/task", found)) == 64


def test_the_parts_of_a_fingerprint_do_not_run_into_each_other() -> None:
    assert fingerprint(Source.AIRFLOW, "a", "bc") != fingerprint(Source.AIRFLOW, "ab", "c")


@given(
    st.tuples(st.text(max_size=20), st.text(max_size=20)),
    st.tuples(st.text(max_size=20), st.text(max_size=20)),
)
def test_event_keys_are_equal_only_for_equal_identities(one: tuple[str, str], other: tuple[str, str]) -> None:
    assert (event_key(Source.AIRFLOW, *one) == event_key(Source.AIRFLOW, *other)) == (one == other)


def test_an_event_key_fits_its_column_whatever_the_identifiers() -> None:
    assert len(task_event_key(TaskRef("d" * 250, "r" * 250, "t" * 250, 2**31 - 1, 99))) <= 80


def test_each_try_and_each_index_is_an_event_of_its_own() -> None:
    keys = {task_event_key(TaskRef("d", "r", "t", index, try_)) for index in (-1, 0, 1) for try_ in (1, 2)}
    assert len(keys) == 6
    assert task_event_key(TaskRef("d", "r")) not in keys
