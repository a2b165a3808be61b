from __future__ import annotations

from datetime import datetime, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from rca_plugin.core.failure import Failure, Source, TaskRef
from rca_plugin.core.sources import airflow
from rca_plugin.core.sources.airflow import message_line

RECEIVED = datetime(2026, 12, 24, 12, tzinfo=timezone.utc)

REPORT = {
    "dag_id": "orders",
    "run_id": "manual__2026-11-23T03:00:00+00:00",
    "task_id": "load",
    "map_index": 2,
    "try_number": 3,
    "will_retry": False,
    "occurred_at": "2026-11-23T04:00:00+01:00",
    "exception_type": "OperationalError",
    "message": "could not connect: password=hunter2",
    "traceback": "Traceback ...\n\x1b[31mOperationalError\x1b[0m\x00",
    "operator": "PythonOperator",
    "owner": "data",
}


def parse(body: object) -> tuple[Failure, ...]:
    report = airflow.parse(body, RECEIVED)
    assert not report.recoveries
    return report.failures


def test_a_report_is_one_failure() -> None:
    [failure] = parse(REPORT)
    assert failure.source is Source.AIRFLOW
    assert failure.task == TaskRef("orders", "manual__2026-11-23T03:00:00+00:00", "load", 2, 3)
    assert failure.resource == "orders/load"
    assert failure.occurred_at == datetime(2026, 11, 23, 3, tzinfo=timezone.utc)
    assert failure.message == "OperationalError: could not connect: password=hunter2"
    assert failure.detail == "Traceback ...\nOperationalError"
    assert (failure.final, failure.operator, failure.owner) == (True, "PythonOperator", "data")


def test_what_a_retry_policy_decided_is_a_label_and_goes_on_the_timeline() -> None:
    [failure] = parse({**REPORT, "retry_decision": "no retry: auth_permission\x00"})
    assert failure.labels == {"retry_decision": "no retry: auth_permission"}
    assert airflow.retry_decision({**failure.labels, "team": "data"}) == failure.labels
    [undecided] = parse({**REPORT, "retry_decision": None})
    assert undecided.labels == parse(REPORT)[0].labels == {}


def test_the_error_is_written_the_same_from_the_exception_and_from_the_log() -> None:
    assert message_line("psycopg2.OperationalError", " gone ") == message_line("OperationalError", "gone")
    assert message_line("KeyError", "") == "KeyError"
    assert message_line(None, "") == ""


def test_texts_are_complete_because_only_what_is_stored_is_cut() -> None:
    [failure] = parse({**REPORT, "message": "m" * 100_000, "traceback": "t" * 100_000})
    assert len(failure.message) == len("OperationalError: ") + 100_000
    assert len(failure.detail) == 100_000


@pytest.mark.parametrize(
    "changed",
    [
        {"dag_id": ""}, {"dag_id": "x" * 251}, {"dag_id": 5}, {"dag_id": "a\x00b"}, {"dag_id": "a\ud800"},
        {"task_id": None}, {"run_id": ["x"]}, {"try_number": 0}, {"try_number": "1"}, {"try_number": True},
        {"try_number": 2**40}, {"map_index": -2}, {"will_retry": "yes"}, {"occurred_at": "2026-11-23T04:00:00"},
        {"occurred_at": "soon"},
        {"occurred_at": "0001-01-01T00:00:00+14:00"}, {"reported_by": "somebody"},
        {"message": {"a": 1}}, {"surprise": 1}, {"retry_decision": "x" * 501}, {"retry_decision": 5},
    ],
)  # fmt: skip
def test_other_reports_are_refused(changed: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        parse({**REPORT, **changed})


@pytest.mark.parametrize("body", [None, [], "x", 1, {}, [REPORT]])
def test_what_is_not_a_report_is_refused(body: object) -> None:
    with pytest.raises(ValidationError):
        parse(body)


@given(
    st.dictionaries(
        st.sampled_from(sorted(REPORT)), st.none() | st.integers() | st.text() | st.lists(st.text())
    )
)
def test_any_change_is_taken_or_refused_and_nothing_else(changes: dict[str, object]) -> None:
    try:
        [failure] = parse({**REPORT, **changes})
    except ValidationError:
        return
    assert "\x00" not in failure.message + failure.detail


def test_an_empty_owner_or_operator_is_none() -> None:
    [failure] = parse({**REPORT, "owner": "", "operator": "\x00"})
    assert (failure.owner, failure.operator) == (None, None)
