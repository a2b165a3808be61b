from __future__ import annotations

import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench import fingerprint as bench
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
        ("Task 3 in stage 14.0 failed (TID 99)", "Task 12 in stage 2.0 failed (TID 7)"),
        ("pod load-9bfc5d6f7-x2x7k was evicted", "pod load-5c7d8b9f4d-qzmkp was evicted"),
        ("run manual__2026-11-23T03:00:00+00:00 failed", "run scheduled__2026-11-24T00:00:00+00:00 failed"),
        ("closed by /10.0.0.1:40484", "closed by /10.0.0.2:51234"),
        ("file orders_20261123.csv", "file orders_20261124.csv"),
        ("since Mon, 23 Nov 2026 03:00:01 GMT", "since Tue, 24 Nov 2026 04:10:59 GMT"),
        ("Key (id)=(42) already exists", "Key (id)=(abc) already exists"),
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
        ("ORA-00942: not possible", "ORA-01017: not possible"),
        ("[WinError 10060] no", "[WinError 10061] no"),
        ("Error 40613: no", "Error 40501: no"),
        ("ErrorCode=20771", "ErrorCode=20772"),
        ("failed: 0x80070005", "failed: 0x80070057"),
        ("db:5432 refused", "db:3306 refused"),
        ("db:15432 refused", "db:27017 refused"),
        ("column a is missing", "column b is missing"),
        ("SQLSTATE: 42P01", "SQLSTATE: 42703"),
        ("signal 9", "signal 15"),
        ("python 3.8", "python 3.9"),
        ("pod orders-9bfc5d6f7-x2x7k was evicted", "pod customers-9bfc5d6f7-x2x7k was evicted"),
        ("x " * 1_000 + "KeyError", "x " * 1_000 + "ValueError"),
    ],
)
def test_different_errors_stay_apart(one: str, other: str) -> None:
    assert signature(one) != signature(other)


def test_our_own_templates_are_neither_split_nor_merged() -> None:
    found = bench.score(bench.own_templates())
    assert found.templates > 75
    assert (found.split, found.merged_pairs) == (0, 0)


def test_the_corpus_is_hardly_split_and_hardly_merged(shared: Path) -> None:
    found = bench.score(bench.templates())
    assert found.templates > 1_000
    assert found.merged_pairs <= 2
    assert found.split <= found.templates * 0.02
    assert bench.merged_labels() == 0


@pytest.mark.parametrize(
    "seed",
    ["0", "a0", "0-", "0.", "0:", "a-", "-", "tmp", "/tmp/", "[parameters: ", ")=(", "request id: ", "Mon, ", "0000-",
     "0 ", "job_", "job_0", "manual__", "time data '", "Key (a)=(", "a", "0x", "b2-", "İ"],
)  # fmt: skip
def test_hostile_text_takes_no_longer(seed: str) -> None:
    started = time.process_time()
    signature(seed * (200_000 // len(seed)))
    assert time.process_time() - started < 0.5


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
