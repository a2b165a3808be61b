"""Whatever a body is, a parser answers a Report that can be stored, or refuses it; nothing else comes out."""

from __future__ import annotations

import os
import random
from datetime import datetime, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from rca_plugin.core.failure import Failure, Recovery, Report, Source
from rca_plugin.core.json_body import BodyError
from rca_plugin.core.sources import PARSERS
from tests.fuzz.mutations import mutations, own_samples

RECEIVED = datetime(2026, 12, 24, 12, tzinfo=timezone.utc)
COUNT = int(os.environ.get("RCA_FUZZ_COUNT", "5000"))


def outcome(source: str, body: Any) -> Report | None:
    try:
        report = PARSERS[Source(source)](body, RECEIVED)
    except (ValidationError, BodyError):
        return None
    assert len(report.failures) + len(report.recoveries) <= 1_000
    for failure in report.failures:
        check_failure(failure)
    for recovery in report.recoveries:
        check_recovery(recovery)
    return report


def check_failure(failure: Failure) -> None:
    check_event(failure)
    assert 0 < len(failure.resource) <= 510
    assert (failure.message or failure.source is Source.AIRFLOW) and storable(failure.message)
    assert storable(failure.detail)
    for text, limit in ((failure.code, 200), (failure.run, 250), (failure.owner, 500), (failure.url, 2_000)):
        assert text is None or (text and len(text) <= limit and storable(text)), (text, limit)
    assert failure.url is None or failure.url.startswith(("http://", "https://"))
    assert len(failure.labels) <= 30
    for key, value in failure.labels.items():
        assert 0 < len(key) <= 100 and value and storable(key + value)


def check_recovery(recovery: Recovery) -> None:
    check_event(recovery)
    assert (recovery.alert is None) is not (recovery.resource is None)
    assert recovery.reason and storable(recovery.reason)


def check_event(event: Failure | Recovery) -> None:
    assert len(event.event_key) <= 80
    assert event.alert is None or len(event.alert) <= 80
    assert event.resource is None or storable(event.resource)
    assert event.occurred_at.utcoffset() is not None
    # A worker's clock is our own; another sender's is not.
    assert event.occurred_at <= RECEIVED or event.source is Source.AIRFLOW


def storable(text: str) -> bool:
    text.encode()
    return "\x00" not in text


def test_every_own_sample_is_taken() -> None:
    for source, body in own_samples():
        assert outcome(source, body) is not None


@pytest.mark.timeout(60 + COUNT // 50)
def test_mutated_bodies_are_taken_or_refused() -> None:
    seed = random.randrange(2**32)
    taken = 0
    for number, (source, body) in enumerate(mutations(own_samples(), random.Random(seed), COUNT)):
        try:
            taken += outcome(source, body) is not None
        except Exception as error:
            pytest.fail(f"seed {seed}, mutation {number}, {source}: {error!r}: {str(body)[:500]}")
    # A mutator that breaks everything would test nothing but the first check.
    assert COUNT * 0.3 < taken < COUNT


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters()), inner),
    max_leaves=20,
)


@pytest.mark.parametrize("source", list(Source))
@given(body=JSON)
def test_any_json_is_taken_or_refused(source: Source, body: Any) -> None:
    outcome(source.value, body)


@pytest.mark.parametrize("source", list(Source))
@pytest.mark.parametrize(
    "key", ["error", "data", "run", "labels", "message", "parameters", "alerts", "essentials"]
)
def test_what_is_too_deep_is_refused_or_not_looked_at(source: Source, key: str) -> None:
    deep: Any = "bottom"
    for _ in range(100_000):
        deep = {key: deep}
    for _, body in [
        (source, {key: deep}),
        *((s, {**b, key: deep}) for s, b in own_samples() if isinstance(b, dict)),
    ]:
        outcome(source.value, body)


@pytest.mark.parametrize(("source", "body"), own_samples())
def test_numbers_that_python_refuses_to_write(source: str, body: Any) -> None:
    if isinstance(body, dict):
        for key in body:
            outcome(source, {**body, key: 10**5_000})


@pytest.mark.parametrize(("source", "body"), own_samples())
def test_the_same_post_again_is_the_same_events(source: str, body: Any) -> None:
    parse = PARSERS[Source(source)]
    assert parse(body, RECEIVED) == parse(body, RECEIVED)


@pytest.mark.parametrize(("source", "body"), own_samples())
def test_the_events_of_a_report_have_names_of_their_own(source: str, body: Any) -> None:
    report = PARSERS[Source(source)](body, RECEIVED)
    keys = [event.event_key for event in (*report.failures, *report.recoveries)]
    assert len(set(keys)) == len(keys)
