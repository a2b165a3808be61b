from __future__ import annotations

import json
from dataclasses import asdict, replace
from datetime import datetime, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rca_plugin.core.failure import Failure, Recovery, Source, TaskRef
from rca_plugin.core.redaction import Redactor
from rca_plugin.core.storable import DETAIL_CHARS, MESSAGE_CHARS, RESOURCE_CHARS, storable
from tests.secrets_of_each_kind import planted

AT = datetime(2026, 11, 23, tzinfo=timezone.utc)
REDACTOR = Redactor()
FAILURE = Failure(Source.ADF, "adf:1", "adf-prod/daily/copy", AT, "copy failed", run="5f4d7a9e", code="2108")
PLANTED = planted("q7w8e9rt")


def whole(event: Failure | Recovery) -> str:
    return json.dumps(asdict(event), default=str)


@pytest.mark.parametrize(("text", "secret"), PLANTED.values(), ids=PLANTED)
def test_no_field_keeps_a_secret(text: str, secret: str) -> None:
    failure = replace(
        FAILURE, resource=text, message=text, run=text, alert=text, code=text, detail=text, operator=text, owner=text,
        labels={text: text, "a": text}, url=text,
    )  # fmt: skip
    recovery = Recovery(Source.ADF, "adf:2", AT, text, alert=text, resource=text)
    for event in (storable(failure, REDACTOR), storable(recovery, REDACTOR)):
        assert json.dumps(secret)[1:-1] not in whole(event)
        assert "q7w8e9rt" not in whole(event)
        assert storable(event, REDACTOR) == event


def test_what_identifies_stays() -> None:
    task = TaskRef("token=abc", "manual__2026-11-23T03:00:00+00:00", "load", 3, 2)
    failure = Failure(Source.AIRFLOW, "airflow:1", task.resource, AT, "x", task=task)
    assert storable(failure, REDACTOR) == failure
    assert storable(FAILURE, REDACTOR) == FAILURE


def test_a_label_is_masked_by_its_name() -> None:
    labels = storable(
        replace(FAILURE, labels={"api_key": "abc", "cluster_id": "0923-164208-meows279"}), REDACTOR
    ).labels
    assert labels == {"api_key": "***", "cluster_id": "0923-164208-meows279"}


def test_everything_is_bounded() -> None:
    long = "word " * 300_000
    failure = storable(
        replace(
            FAILURE, resource=long, message=long, run=long, alert=long, code=long, detail=long, operator=long,
            owner=long, labels={f"{n}{long}": long for n in range(40)}, url=long,
        ),
        REDACTOR,
    )  # fmt: skip
    lengths = {name: len(value) for name, value in asdict(failure).items() if isinstance(value, str)}
    assert lengths["message"] <= MESSAGE_CHARS
    assert lengths["detail"] <= DETAIL_CHARS
    assert lengths["resource"] <= RESOURCE_CHARS
    assert lengths["alert"] <= RESOURCE_CHARS
    assert (lengths["run"], lengths["code"], lengths["owner"], lengths["operator"], lengths["url"]) == (
        250, 200, 500, 250, 2_000,
    )  # fmt: skip
    assert len(failure.labels) == 30
    assert all(len(name) <= 100 and len(value) <= 500 for name, value in failure.labels.items())


def test_names_that_differ_at_their_end_stay_different() -> None:
    one, other = (storable(replace(FAILURE, resource="r" * 600 + end), REDACTOR).resource for end in "ab")
    assert one != other
    recovery = Recovery(Source.ADF, "adf:2", AT, "over", resource="r" * 600 + "a")
    assert storable(recovery, REDACTOR).resource == one


def test_the_beginning_of_a_message_and_the_end_of_a_detail_are_kept() -> None:
    text = "first " + "x\n" * 100_000 + " last"
    failure = storable(replace(FAILURE, message=text, detail=text), REDACTOR)
    assert failure.message.startswith("first")
    assert failure.detail.endswith("last")


@given(st.integers(-80, 80), st.sampled_from(sorted(PLANTED)))
def test_no_cut_leaves_half_of_a_secret(shift: int, kind: str) -> None:
    """Where the reading ends, where it begins, and where what is kept ends and begins."""
    text, _ = PLANTED[kind]
    for kept in (MESSAGE_CHARS, MESSAGE_CHARS + 16_000, DETAIL_CHARS, DETAIL_CHARS + 16_000):
        before = "log line\n" * (kept // 9)
        message = before[: max(0, kept - shift)] + "\n" + text + "\n" + "log line\n" * 9_000
        detail = "log line\n" * 9_000 + "\n" + text + "\n" + before[: max(0, kept - shift)]
        failure = storable(replace(FAILURE, message=message, detail=detail), REDACTOR)
        assert "q7w8e9rt" not in failure.message + failure.detail


def test_a_text_that_is_nearly_all_secrets_leaves_none_at_its_edges() -> None:
    text, _ = PLANTED["private key"]
    failure = storable(replace(FAILURE, message=f"{text}\n" * 5_000, detail=f"{text}\n" * 5_000), REDACTOR)
    base64_line = text.splitlines()[3]
    assert base64_line[:30] not in failure.message + failure.detail
    assert base64_line[-30:] not in failure.message + failure.detail


@given(st.text(max_size=200), st.dictionaries(st.text(max_size=20), st.text(max_size=50), max_size=3))
def test_any_text_can_be_stored(text: str, labels: dict[str, str]) -> None:
    failure = storable(replace(FAILURE, message=text, labels=labels), REDACTOR)
    assert "\x00" not in whole(failure)
    whole(failure).encode()
    assert storable(failure, REDACTOR) == failure
