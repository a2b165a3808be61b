"""The report of a failed try, over real sockets: it arrives, or it gives up in time, and never raises."""

from __future__ import annotations

import sys
import time
import uuid
from collections.abc import Callable
from datetime import datetime, timezone
from typing import Any

import pytest
from airflow.sdk import BaseOperator, TaskInstanceState
from airflow.sdk._shared.secrets_masker import mask_secret, reset_secrets_masker
from airflow.sdk.execution_time.task_runner import RuntimeTaskInstance

from rca_plugin import config
from rca_plugin.core.failure import Failure
from rca_plugin.core.service_token import verify
from rca_plugin.core.sources.airflow import parse
from rca_plugin.worker import listener
from rca_plugin.worker.callback import rca_failure_callback
from rca_plugin.worker.report import report_failure
from rca_plugin.worker.retry_policy import RcaRetryPolicy
from tests.fakes.rca_server import rca_server

SECRET = "the secret of these tests"


def a_task_instance(
    state: TaskInstanceState = TaskInstanceState.FAILED, task: Any = None
) -> RuntimeTaskInstance:
    return RuntimeTaskInstance.model_construct(
        id=uuid.uuid4(), dag_id="orders", run_id="run-1", task_id="load", map_index=-1, try_number=2, state=state,
        task=task or BaseOperator(task_id="load", owner="data"), end_date=datetime(2026, 11, 23, tzinfo=timezone.utc),
    )  # fmt: skip


def parsed(body: object) -> tuple[Failure, ...]:
    return parse(body, datetime.now(timezone.utc)).failures


@pytest.fixture
def configured(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    def configure(url: str, **options: str) -> None:
        for name, value in {
            "api_url": url,
            "service_secret": SECRET,
            "listener_timeout": "1",
            **options,
        }.items():
            monkeypatch.setenv(f"AIRFLOW__RCA__{name.upper()}", value)
        config.settings.cache_clear()

    yield configure
    config.settings.cache_clear()


def error_with_cause() -> BaseException:
    try:
        try:
            raise ConnectionRefusedError(111, "Connection refused")
        except OSError as cause:
            raise RuntimeError("could not load") from cause
    except RuntimeError as error:
        return error


def test_the_listener_reports_what_the_server_takes(configured: Callable[..., None]) -> None:
    with rca_server(202) as server:
        configured(server.url)
        listener.on_task_instance_failed("running", a_task_instance(), error_with_cause())
    [failure] = parsed(server.requests[0])
    assert failure.message == "RuntimeError: could not load"
    assert "ConnectionRefusedError" in failure.detail
    assert (failure.resource, failure.task.try_number, failure.final) == ("orders/load", 2, True)
    assert (failure.operator, failure.owner) == ("BaseOperator", "data")
    assert verify(SECRET, server.tokens[0]).subject == "listener"


def test_a_try_that_will_be_retried_says_so(configured: Callable[..., None]) -> None:
    with rca_server(202) as server:
        configured(server.url)
        listener.on_task_instance_failed(
            "running", a_task_instance(TaskInstanceState.UP_FOR_RETRY), ValueError("x")
        )
    assert server.requests[0]["will_retry"] is True


@pytest.mark.parametrize(
    "error", [PermissionError(13, "Permission denied"), ConnectionRefusedError(111, "refused")]
)
def test_what_the_retry_policy_decided_is_reported(configured: Callable[..., None], error: OSError) -> None:
    decision = RcaRetryPolicy().evaluate(error, try_number=1, max_tries=3)
    with rca_server(202) as server:
        configured(server.url)
        listener.on_task_instance_failed("running", a_task_instance(), error)
        rca_failure_callback({"ti": a_task_instance(), "exception": error})
        listener.on_task_instance_failed("running", a_task_instance(), type(error)("of another try"))
    reported = [parsed(request)[0].labels for request in server.requests]
    assert decision.reason
    assert reported == [{"retry_decision": decision.reason}, {"retry_decision": decision.reason}, {}]


def test_the_callback_names_the_same_event(configured: Callable[..., None]) -> None:
    with rca_server(202) as server:
        configured(server.url)
        listener.on_task_instance_failed("running", a_task_instance(), ValueError("x"))
        rca_failure_callback({"ti": a_task_instance(), "exception": ValueError("x")})
    [one], [other] = (parsed(request) for request in server.requests)
    assert one.event_key == other.event_key
    assert one.message == other.message


@pytest.mark.parametrize("answers", [(503, 202), ("reset", 202), (429, 502, 202)])
def test_it_tries_again_while_that_may_help(
    configured: Callable[..., None], answers: tuple[int | str, ...]
) -> None:
    with rca_server(*answers) as server:
        configured(server.url, listener_timeout="5")
        listener.on_task_instance_failed("running", a_task_instance(), ValueError("x"))
    assert len(server.requests) == len(answers)


@pytest.mark.parametrize("status", [401, 404, 422, 500])
def test_it_does_not_try_again_where_that_cannot_help(configured: Callable[..., None], status: int) -> None:
    with rca_server(status) as server:
        configured(server.url, listener_timeout="5")
        listener.on_task_instance_failed("running", a_task_instance(), ValueError("x"))
    assert len(server.requests) == 1


@pytest.mark.parametrize("answer", ["stall", "trickle", 503, "reset"])
def test_it_gives_up_when_its_time_is_up(
    configured: Callable[..., None], answer: int | str, caplog: pytest.LogCaptureFixture
) -> None:
    with rca_server(answer) as server:
        configured(server.url, listener_timeout="0.5")
        started = time.monotonic()
        listener.on_task_instance_failed("running", a_task_instance(), ValueError("x"))
        assert time.monotonic() - started < 0.5 + 2  # far below the 20 s after which Airflow ends the process
    assert "housekeeping DAG will find this failure" in caplog.text


def test_nobody_listens(configured: Callable[..., None], caplog: pytest.LogCaptureFixture) -> None:
    with rca_server(202) as server:
        pass
    configured(server.url, listener_timeout="0.3")
    listener.on_task_instance_failed("running", a_task_instance(), ValueError("x"))
    assert "unreachable" in caplog.text


class UnprintableError(Exception):
    def __str__(self) -> str:
        raise ZeroDivisionError


@pytest.mark.parametrize(
    "error",
    [
        None,
        "text",
        "\ud800",
        KeyError(),
        UnprintableError(),
        SystemExit(3),
        KeyboardInterrupt(),
        ValueError("\x00" * 9),
    ],
    ids=lambda error: type(error).__name__,
)
def test_whatever_was_raised_can_be_reported(configured: Callable[..., None], error: Any) -> None:
    with rca_server(202) as server:
        configured(server.url)
        report_failure(a_task_instance(), error, will_retry=False, reported_by="listener")
    [failure] = parsed(server.requests[0])
    assert failure.message


def test_what_airflow_knows_to_be_secret_does_not_leave_the_task(configured: Callable[..., None]) -> None:
    secret = "correct" + " horse"
    mask_secret(secret)
    try:
        with rca_server(202) as server:
            configured(server.url)
            for padding in ("", "x" * 19_990 + " "):  # the second is cut in the middle of the secret
                error = ValueError(f"{padding}{secret} is wrong")
                report_failure(a_task_instance(), error, will_retry=False, reported_by="listener")
    finally:
        reset_secrets_masker()
    assert "*** is wrong" in server.requests[0]["message"]
    assert "correct" not in str(server.requests)
    assert len(server.requests) == 2


def test_an_error_of_a_megabyte_makes_a_small_report(configured: Callable[..., None]) -> None:
    with rca_server(202) as server:
        configured(server.url)
        report_failure(
            a_task_instance(), ValueError("x" * 1_000_000), will_retry=False, reported_by="listener"
        )
    assert len(str(server.requests[0])) < 100_000


def test_a_secret_that_is_missing_hurts_no_task(
    configured: Callable[..., None], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    configured("http://127.0.0.1:9", service_secret="")
    monkeypatch.setenv("AIRFLOW__API__SECRET_KEY", "")
    listener.on_task_instance_failed("running", a_task_instance(), ValueError("x"))
    assert "service_secret" in caplog.text


def test_switched_off_it_does_nothing(configured: Callable[..., None]) -> None:
    with rca_server(202) as server:
        configured(server.url, listener_enabled="False")
        listener.on_task_instance_failed("running", a_task_instance(), ValueError("x"))
    assert server.requests == []


def test_in_scheduler_and_api_server_it_does_nothing(configured: Callable[..., None]) -> None:
    """There the hook gets the instance of the database, which is of another module."""
    from airflow.models.taskinstance import TaskInstance

    with rca_server(202) as server:
        configured(server.url)
        for previous in ("running", None):
            listener.on_task_instance_failed(previous, TaskInstance.__new__(TaskInstance), "was set")
    assert server.requests == []


def test_the_callback_of_a_dag_leaves_it_to_others(configured: Callable[..., None]) -> None:
    with rca_server(202) as server:
        configured(server.url)
        rca_failure_callback({"reason": "timed_out", "ti": None})
        rca_failure_callback({})
    assert server.requests == []


def test_a_library_that_ends_the_thread_does_not_end_the_task(
    configured: Callable[..., None], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    configured("http://127.0.0.1:9")
    monkeypatch.setitem(sys.modules, "rca_plugin.worker.client", None)
    listener.on_task_instance_failed("running", a_task_instance(), ValueError("x"))
    assert "not reported" in caplog.text
