"""The decision about a failed try, through the functions of Airflow's own task runner."""

from __future__ import annotations

import copy
import json
import re
import subprocess
import sys
import threading
import uuid
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import requests
import structlog
from airflow.sdk import DAG, BaseOperator, BaseSensorOperator, TaskInstanceState, task
from airflow.sdk._shared.secrets_masker import mask_secret, reset_secrets_masker
from airflow.sdk.api.datamodels._generated import DagRun, TIRunContext
from airflow.sdk.definitions.retry_policy import RetryAction, RetryDecision
from airflow.sdk.exceptions import TaskDeferralError
from airflow.sdk.execution_time.comms import RetryTask, TaskState
from airflow.sdk.execution_time.task_runner import RuntimeTaskInstance, _handle_current_task_failed
from airflow.serialization.serialized_objects import DagSerialization

from demo.local_airflow import REPOSITORY
from rca_plugin.core.rule_files import RuleError
from rca_plugin.worker import diagnosis, retry_policy
from rca_plugin.worker.retry_decision import remembered
from rca_plugin.worker.retry_policy import RcaRetryPolicy
from tests.fakes.busy_service import busy_service

SECONDS = timedelta(seconds=1)
HALF = RcaRetryPolicy(base=10 * SECONDS, cap=60 * SECONDS, retry_after_cap=100 * SECONDS, chance=lambda: 0.5)
REFUSED = ConnectionRefusedError(111, "Connection refused")


def failed(
    error: BaseException, policy: Any = HALF, *, try_number: int = 1, retries: int = 3
) -> tuple[RetryTask | TaskState, TaskInstanceState]:
    """What the task runner of Airflow makes of a failed try."""
    ti = RuntimeTaskInstance.model_construct(
        id=uuid.uuid4(), dag_id="orders", run_id="run-1", task_id="load", map_index=-1, try_number=try_number,
        task=BaseOperator(task_id="load", retries=retries, retry_policy=policy), start_date=None,
    )  # fmt: skip
    ti._ti_context_from_server = TIRunContext.model_construct(
        dag_run=DagRun.model_construct(team_name=None), max_tries=retries, should_retry=try_number <= retries
    )  # fmt: skip
    return _handle_current_task_failed(ti, raised(error), structlog.get_logger("task"), None)


def raised(error: BaseException) -> BaseException:
    try:
        raise error
    except BaseException as caught:
        return caught


def decided(error: BaseException, policy: RcaRetryPolicy = HALF, try_number: int = 1) -> RetryDecision:
    decision = policy.evaluate(raised(error), try_number, 3)
    assert remembered(error) == decision.reason
    return decision


def too_many_requests(**headers: str) -> BaseException:
    with busy_service(429, **headers) as url, pytest.raises(requests.HTTPError) as caught:
        requests.get(url, timeout=5).raise_for_status()
    return caught.value


@pytest.mark.parametrize(
    ("error", "category"),
    [
        (PermissionError(13, "Permission denied", "/srv/orders"), "auth_permission"),
        (KeyError("net_amount"), "application_bug"),
        (RuntimeError("column net_amount does not exist"), "schema_validation"),
        (RuntimeError("duplicate key value violates unique constraint"), "data_quality"),
        (RuntimeError("Quota exceeded: resourcesExceeded"), "quota_exceeded"),
        (RuntimeError("certificate verify failed: self signed certificate"), "configuration_error"),
    ],
)
def test_what_cannot_pass_ends_the_task_at_its_first_try(error: BaseException, category: str) -> None:
    message, state = failed(error)
    assert (type(message), state) == (TaskState, TaskInstanceState.FAILED)
    assert f"no retry: {category} (rule " in (remembered(error) or "")


def test_what_may_pass_waits_longer_each_time() -> None:
    delays, reasons = [], []
    for number in (1, 2, 3):
        message, state = failed(REFUSED, try_number=number)
        assert (type(message), state) == (RetryTask, TaskInstanceState.UP_FOR_RETRY)
        delays.append(message.retry_delay_seconds)
        reasons.append(message.retry_reason)
    assert delays == [5, 10, 20]
    decided_by = r"retry in 20\.0 s: connection_error \(rule network\.refused, 0\.\d\d\): Connection"
    assert re.match(decided_by, reasons[2])
    assert failed(REFUSED, RcaRetryPolicy(chance=lambda: 1.0), try_number=3)[0].retry_delay_seconds == 120


def test_the_tries_of_the_task_are_not_extended() -> None:
    error = TimeoutError("no answer")
    message, state = failed(error, try_number=4)
    assert (type(message), state) == (TaskState, TaskInstanceState.FAILED)
    assert (remembered(error) or "").startswith("no tries left: timeout (rule ")


@pytest.mark.parametrize(
    "error", [RuntimeError("hm"), ValueError("abc"), SystemExit(3), TaskDeferralError("Trigger failure")]
)
def test_what_nobody_knows_is_left_to_the_task(error: BaseException) -> None:
    message, state = failed(error)
    assert (type(message), state) == (RetryTask, TaskInstanceState.UP_FOR_RETRY)
    assert (message.retry_delay_seconds, message.retry_reason) == (None, None)
    assert (remembered(error) or "").startswith("left to the task's settings: ")


def test_a_service_that_says_how_long_is_left_alone_that_long() -> None:
    decision = decided(too_many_requests(Retry_After="2"))
    assert decision.retry_delay == timedelta(seconds=2.1)
    assert (decision.reason or "").startswith(
        "retry in 2.1 s (Retry-After: 2.0 s): api_error (rule http.server"
    )


def test_but_not_longer_than_the_cap_and_never_for_nothing() -> None:
    assert decided(too_many_requests(Retry_After="86400")).retry_delay == 100 * SECONDS
    assert decided(too_many_requests(Retry_After="0")).retry_delay == 5 * SECONDS


class ToldToWaitError(Exception):
    def __init__(self, *args: str) -> None:
        super().__init__(*args)
        self.headers = {"retry-after": "2"}


class ForbiddenError(ToldToWaitError):
    def __str__(self) -> str:
        return "403 Client Error: Forbidden"


def test_an_unknown_error_of_a_service_that_says_how_long_is_repeated() -> None:
    assert decided(ToldToWaitError("hm")).action is RetryAction.RETRY
    assert decided(ForbiddenError()).action is RetryAction.FAIL


class WarehouseIsDown(ConnectionError):  # noqa: N818
    pass


class NoSuchRight(PermissionError):  # noqa: N818
    pass


def test_a_class_of_the_author_is_what_it_inherits_from() -> None:
    assert "connection_error" in (decided(WarehouseIsDown("at noon")).reason or "")
    assert decided(NoSuchRight("to read")).action is RetryAction.FAIL


def test_the_innermost_cause_decides_and_not_what_wraps_it() -> None:
    wrapped = RuntimeError("could not load")
    wrapped.__cause__ = raised(NoSuchRight("to read"))
    assert decided(wrapped).action is RetryAction.FAIL
    handled = RuntimeError("could not load")
    handled.__context__ = raised(WarehouseIsDown("at noon"))
    assert decided(handled).action is RetryAction.RETRY


class EmptyError(ConnectionResetError):
    """Of no items, and so false, as exceptions that collect others may be."""

    def __len__(self) -> int:
        return 0


def test_a_cause_that_is_false_is_a_cause() -> None:
    wrapped = RuntimeError("could not load")
    wrapped.__cause__ = raised(EmptyError("at noon"))
    assert "network_transient" in (decided(wrapped).reason or "")


def test_the_reason_is_short_and_without_secrets() -> None:
    secret = "hunter2" * 3
    reason = (
        decided(RuntimeError(f"access denied for postgresql://etl:{secret}@db/x " + "y" * 1000)).reason or ""
    )
    assert "access denied" in reason
    assert "hunter2" not in reason
    assert len(reason) <= 500


def test_what_airflow_knows_to_be_secret_is_not_in_the_reason() -> None:
    mask_secret("correct" + " horse")
    try:
        reason = decided(PermissionError("correct horse is wrong")).reason or ""
    finally:
        reset_secrets_masker()
    assert "PermissionError: *** is wrong" in reason


class SilentError(PermissionError):
    def __str__(self) -> str:
        raise ZeroDivisionError


class ExitingError(Exception):
    def __str__(self) -> str:
        raise SystemExit(1)


class StubbornError(ConnectionRefusedError):
    """Refuses to be assigned to, as a frozen dataclass does."""

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(name)


@pytest.mark.parametrize(
    "error",
    [
        ExitingError(),
        ValueError("x" * 1_000_000),
        ValueError("\ud800\x00"),
        KeyboardInterrupt(),
    ],
    ids=lambda error: type(error).__name__,
)
def test_whatever_was_raised_nothing_is_raised(error: BaseException) -> None:
    assert decided(error).action is RetryAction.DEFAULT


def test_an_error_that_cannot_say_what_it_is_is_of_its_class() -> None:
    assert decided(SilentError()).action is RetryAction.FAIL


def test_a_megabyte_of_errors_is_decided_about() -> None:
    assert decided(RuntimeError("Error: connection refused\n" * 40_000)).action is RetryAction.RETRY
    assert decided(StubbornError(111, "Connection refused")).action is RetryAction.RETRY


@pytest.fixture
def never_ending() -> Iterator[BaseException]:
    ended = threading.Event()

    class NeverEndingError(Exception):
        def __str__(self) -> str:
            ended.wait()
            return "at last"

    yield NeverEndingError()
    ended.set()


def test_a_text_that_never_ends_holds_no_task(
    never_ending: BaseException, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retry_policy, "_SECONDS", 0.1)
    decision = decided(never_ending)
    assert (decision.action, decision.reason) == (
        RetryAction.DEFAULT, "left to the task's settings: no decision within 0.1 s",
    )  # fmt: skip


def test_rules_that_cannot_be_read_are_airflows_default(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken() -> None:
        raise RuleError("rules/own.yaml:3: rule 'x': unknown key")

    monkeypatch.setattr(diagnosis, "_rules", broken)
    message, state = failed(REFUSED)
    assert (message.retry_delay_seconds, state) == (None, TaskInstanceState.UP_FOR_RETRY)
    assert "rules/own.yaml:3" in caplog.text
    assert remembered(REFUSED) == "left to the task's settings: the policy itself failed with RuleError"


def test_without_a_thread_it_is_airflows_default(monkeypatch: pytest.MonkeyPatch) -> None:
    def none_left(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", none_left)
    assert decided(REFUSED).action is RetryAction.DEFAULT


def test_rules_are_read_once_a_process(monkeypatch: pytest.MonkeyPatch) -> None:
    decided(REFUSED)
    monkeypatch.setattr(diagnosis, "rules_in_force", None)
    assert decided(REFUSED).action is RetryAction.RETRY


@pytest.mark.parametrize(
    "wrong",
    [{"base": 0 * SECONDS}, {"base": 2 * SECONDS, "cap": SECONDS}, {"retry_after_cap": 0 * SECONDS}],
)
def test_waits_that_make_no_sense_are_refused_where_they_are_written(wrong: dict[str, timedelta]) -> None:
    with pytest.raises(ValueError, match="RcaRetryPolicy"):
        RcaRetryPolicy(**wrong)


class Poke(BaseSensorOperator):
    def poke(self, context: Any) -> bool:
        return True


def a_dag(policy: RcaRetryPolicy) -> DAG:
    """Every way to give a policy to a task."""
    with DAG("orders", schedule=None, default_args={"retries": 3, "retry_policy": policy}) as dag:

        @task
        def by_default() -> None: ...

        @task(retries=5, retry_policy=policy)
        def load(number: int) -> None: ...

        by_default()
        load.expand(number=[1, 2])
        BaseOperator(task_id="classic", retry_policy=policy)
        Poke(task_id="sensor", mode="reschedule")
        BaseOperator(task_id="without", retry_policy=None)
    return dag


def test_the_policy_survives_the_serialization_of_its_dag() -> None:
    dag = a_dag(HALF)
    stored = json.loads(json.dumps(DagSerialization.to_dict(dag)))
    restored = DagSerialization.from_dict(stored)
    with_policy = {task_id for task_id, op in restored.task_dict.items() if op.has_retry_policy}
    assert with_policy == {"by_default", "load", "classic", "sensor"}
    # The scheduler needs to know no more; the task process reads the DAG file.
    assert {dag.get_task(task_id).retry_policy for task_id in with_policy} == {HALF}
    assert dag.get_task("load").unmap({"op_kwargs": {"number": 1}}).retry_policy == HALF
    assert copy.deepcopy(dag).get_task("classic").retry_policy == HALF


def test_the_policy_itself_can_be_written_down_and_read() -> None:
    assert RcaRetryPolicy.deserialize(json.loads(json.dumps(HALF.serialize()))) == HALF
    assert RcaRetryPolicy() != HALF


IMPORTED = """
import sys
from airflow.sdk import DAG, task
before = set(sys.modules)
from rca_plugin.worker.retry_policy import RcaRetryPolicy
print(*sorted(set(sys.modules) - before))
"""


def test_a_dag_file_that_imports_it_stays_light() -> None:
    done = subprocess.run(
        [sys.executable, "-c", IMPORTED], cwd=REPOSITORY / "plugins", capture_output=True, text=True, timeout=60
    )  # fmt: skip
    imported = set(done.stdout.splitlines()[-1].split()) - {"airflow.sdk.definitions.retry_policy"}
    assert imported == {
        "rca_plugin", "rca_plugin.core", "rca_plugin.core.text",
        "rca_plugin.worker", "rca_plugin.worker.exception", "rca_plugin.worker.retry_decision",
        "rca_plugin.worker.retry_policy",
    }, done.stderr  # fmt: skip
