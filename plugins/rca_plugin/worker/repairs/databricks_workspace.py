"""A Databricks workspace in which something is done, through the hook of the provider."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timezone
from typing import Any, TypeVar

from tenacity import RetryError, stop_after_attempt, wait_random_exponential

from rca_plugin.config import connection_id
from rca_plugin.worker.integrations.inquiry import CALL_SECONDS
from rca_plugin.worker.repairs.repair import BusyError, RefusedError, UnclearError, said
from rca_plugin.worker.retry_after import retry_after

#: Of what DatabricksHook can call, where it has no method that answers all (apache-airflow-providers-databricks 7.23).
GET_RUN = ("GET", "2.2/jobs/runs/get")
GET_JOB = ("GET", "2.2/jobs/get")
GET_CLUSTER = ("GET", "2.1/clusters/get")
EDIT_CLUSTER = ("POST", "2.1/clusters/edit")
LIBRARIES = ("GET", "2.0/libraries/cluster-status")
_READ_TRIES = 3
_READ_PAUSE = wait_random_exponential(multiplier=0.5, max=4)
_BUSY_SECONDS = 5.0

Answer = TypeVar("Answer")


class Workspace:
    """One workspace, by the connection that `[rca] databricks_conn_id` names for it."""

    def __init__(self, workspace_id: str | None) -> None:
        """Raises ConfigError when there is no connection for it."""
        self._name = connection_id("databricks_conn_id", workspace_id)

    def ask(self, question: Callable[[Any], Answer]) -> Answer:
        """What the hook answers; asked a few times. Raises what the hook does."""
        return question(self._hook(_READ_TRIES))

    def read(self, endpoint: tuple[str, str], query: Mapping[str, Any]) -> dict[str, Any]:
        """What an endpoint answers; asked a few times. Raises what the hook does."""
        return _object(self.ask(lambda hook: hook._do_api_call(endpoint, dict(query))))

    def check(self, question: Callable[[Any], Any]) -> dict[str, Any]:
        """What the hook answers to a question before anything is begun. Raises RefusedError or BusyError."""
        try:
            return _object(self.ask(question))
        except Exception as error:
            outcome = _outcome(error)
            if isinstance(outcome, UnclearError):
                outcome = BusyError(str(outcome), 0.0)
            raise outcome from error

    def do(self, what: Callable[[Any], Answer]) -> Answer:
        """Have the hook do something, once: left alone, it does again what it was not told is done.

        Raises RefusedError, BusyError or UnclearError.
        """
        try:
            return what(self._hook(1))
        except Exception as error:
            raise _outcome(error) from error

    def _hook(self, tries: int) -> Any:
        from airflow.providers.databricks.hooks.databricks import DatabricksHook

        patience = {"stop": stop_after_attempt(tries), "wait": _READ_PAUSE}
        return DatabricksHook(self._name, timeout_seconds=CALL_SECONDS, retry_args=patience, caller="rca")


def _object(answer: Any) -> dict[str, Any]:
    if not isinstance(answer, dict):
        raise ValueError("Databricks did not answer with an object")
    return answer


def _outcome(error: Exception) -> Exception:
    status, text = _status(error), said(f"Databricks: {error}")
    if status == 429:
        asked = retry_after(error, datetime.now(timezone.utc))
        return BusyError(text, _BUSY_SECONDS if asked is None else asked)
    if status is not None and 400 <= status < 500 and status != 408:
        return RefusedError(text)
    return UnclearError(text)


def _status(error: BaseException | None) -> int | None:
    """The status that Databricks answered with, whatever the hook has wrapped around it."""
    for _ in range(10):
        if error is None:
            break
        if isinstance(error, RetryError):
            error = error.last_attempt.exception()
        status = getattr(getattr(error, "response", None), "status_code", None)
        if isinstance(status, int):
            return status
        error = error.__cause__ if error else None
    return None
