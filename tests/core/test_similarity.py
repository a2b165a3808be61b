from __future__ import annotations

import random
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rca_plugin.core.duration import in_words
from rca_plugin.core.failure import Source
from rca_plugin.core.fingerprint import fingerprint, signature
from rca_plugin.core.minhash import bands, jaccard, words
from rca_plugin.core.similarity import Past, Subject, closest, score, similarity

REFUSED = 'OperationalError: connection to server at "db-1", port 5432 failed: Connection refused'


def a_subject(
    resource: str = "orders/load", text: str = REFUSED, category: str = "connection_error",
    source: Source = Source.AIRFLOW,
) -> Subject:  # fmt: skip
    masked = signature(text)
    return Subject(fingerprint(source, resource, masked), source.value, resource, category, masked)


def past(number: int, subject: Subject | None = None, days: float = 1, *, is_resolved: bool = True) -> Past:
    return Past(number, subject or a_subject(), timedelta(days=days), is_resolved)


def test_words_are_those_that_say_something() -> None:
    text = "ConnectionRefusedError: the server at db-1:5432 is away after <number> tries of load_orders"
    said = "connection refused error server db 1 5432 away after tries load orders"
    assert words(text) == frozenset(said.split())
    assert words("") == words("<time> the --- !!!") == frozenset()


def test_the_same_error_of_the_same_task_is_as_alike_as_it_gets() -> None:
    assert similarity(a_subject(), a_subject()) == pytest.approx(1)
    unknown = a_subject(category="unknown")
    assert similarity(unknown, unknown) == pytest.approx(0.85)


def test_the_nearer_the_more_alike() -> None:
    from_near_to_far = [
        a_subject(),
        a_subject(text='OperationalError: could not connect to "db-1": Connection refused'),
        a_subject("orders/load", "SSL error: certificate has expired"),
        a_subject("orders/publish", "SSL error: certificate has expired"),
        a_subject("ledger/close", "SSL error: certificate has expired"),
        a_subject("ledger/close", "KeyError: 'cost_center'", "application_bug"),
        a_subject("factory/close", "KeyError: 'cost_center'", "application_bug", Source.ADF),
    ]
    scores = [score(a_subject(), past(1, subject)) for subject in from_near_to_far]
    assert scores == sorted(scores, reverse=True)
    assert [value > 0 for value in scores] == [True, True, True, True, False, False, False]


def test_it_tells_half_as_much_after_twenty_days() -> None:
    fresh, old = score(a_subject(), past(1, days=3)), score(a_subject(), past(1, days=23))
    assert old == pytest.approx(fresh / 2)
    assert score(a_subject(), past(1, days=0)) == pytest.approx(1)
    # A clock that is behind makes nothing better than new.
    assert score(a_subject(), past(1, days=-3)) == pytest.approx(1)


def others(text: str = REFUSED, count: int = 9) -> list[Subject]:
    return [a_subject(f"dag_{n}/load", text) for n in range(count)]


def test_of_equal_ones_the_newer_goes_first_and_a_resolved_one_before_one_that_is_not() -> None:
    some = others()
    found = [
        past(4, some[0], days=9),
        past(6, some[1], days=5),
        past(5, some[2], days=5),
        past(7, some[3], days=4.9, is_resolved=False),
    ]
    # Of the same age, but of another error: else they would be one event.
    found[2] = replace(found[2], subject=replace(some[2], text=some[2].text.replace("db-1", "db-7")))
    found[1] = replace(found[1], subject=replace(some[1], text=some[1].text.replace("db-1", "db-8")))
    assert [match.past.id for match in closest(a_subject(), found, 5)] == [4, 7, 6, 5]


def test_the_same_error_at_the_same_time_is_shown_once() -> None:
    storm = [past(n, subject, days=1 + n / 1_000) for n, subject in enumerate(others())]
    again = past(100, a_subject(), days=15)
    matches = closest(a_subject(), [*storm, again], 5)
    assert [(match.past.id, len(match.siblings)) for match in matches] == [(0, 8), (100, 0)]


def test_the_same_incident_is_shown_once_however_often_it_was() -> None:
    daily = [past(n, days=n) for n in range(1, 40)]
    assert [(m.past.id, m.siblings) for m in closest(a_subject(), daily, 5)] == [(1, ())]


def test_similar_texts_share_a_key_and_others_seldom_do() -> None:
    rng = random.Random(20261125)
    vocabulary = [f"word{n}" for n in range(2_000)]

    def shared(common: int, apart: int) -> float:
        """How many of 300 pairs with so many words in common, and so many not, share a band."""
        found = 0
        for _ in range(300):
            chosen = rng.sample(vocabulary, common + 2 * apart)
            both, one, other = chosen[:common], chosen[common : common + apart], chosen[common + apart :]
            found += bool(set(bands(frozenset(both + one))) & set(bands(frozenset(both + other))))
        return found / 300

    assert shared(12, 2) > 0.98  # Jaccard 0.75
    assert shared(12, 6) > 0.82  # 0.5
    assert shared(2, 9) < 0.15  # 0.1


def test_what_is_similar_shares_a_key() -> None:
    subject = a_subject()
    assert a_subject("ledger/close").keys[3:] == subject.keys[3:]
    assert len(set(a_subject("orders/publish", "boom").keys) & set(subject.keys)) == 1
    assert not set(a_subject("ledger/close", "KeyError: 'x'").keys) & set(subject.keys)


HOSTILE = [
    "x" * 1_000_000,
    "word " * 200_000,
    "\ud800\udfff\x00",
    "日本語のエラー " * 9,
    "",
    "<" * 5_000,
    "İß" * 500,
]


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_is_bounded(text: str) -> None:
    raw = Subject("f" * 64, "generic", text, "unknown", text)
    assert 4 <= len(raw.keys) <= 12
    assert all(0 <= key < 2**63 for key in raw.keys)
    assert raw.words == words(text[:1_000])
    assert 0 <= similarity(raw, a_subject()) <= 1


@given(st.text(max_size=80), st.text(max_size=80))
def test_likeness_is_mutual_and_a_share(one: str, other: str) -> None:
    a, b = a_subject(text=one), a_subject("other/one", text=other)
    assert similarity(a, b) == pytest.approx(similarity(b, a))
    assert 0 <= similarity(a, b) <= 1
    assert 0 <= jaccard(a.words, b.words) <= 1


@pytest.mark.parametrize(
    ("span", "said"),
    [
        (timedelta(days=400), "400 days"), (timedelta(hours=47, minutes=59), "47 hours"),
        (timedelta(minutes=119), "119 min"), (timedelta(seconds=61), "1 min"),
        (timedelta(seconds=59), "less than a minute"), (timedelta(days=-1), "less than a minute"),
    ],
)  # fmt: skip
def test_a_span_in_words(span: timedelta, said: str) -> None:
    assert in_words(span) == said
