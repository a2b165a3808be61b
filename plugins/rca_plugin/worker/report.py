"""Report a failed try to the server: from the task process, within a time that is set, never in its way."""

from __future__ import annotations

import logging
import threading
import time
import traceback
from collections.abc import Callable
from datetime import datetime, timezone
from functools import partial
from typing import Any

from rca_plugin.config import settings
from rca_plugin.core.storable import beginning, end
from rca_plugin.core.text import head
from rca_plugin.worker.masking import Masker

log = logging.getLogger(__name__)

# The server keeps less, but a cut here keeps the request small whatever the task raised.
_TEXT_CHARS = 20_000


def report_failure(ti: Any, error: BaseException | str | None, *, will_retry: bool, reported_by: str) -> None:
    """Send one failed try, and return when it is sent or its time is up.

    The thread is a daemon: whatever happens to it, the task process ends when it wants to. Raises nothing.
    """
    try:
        budget = settings().listener_timeout
        body = partial(_body, ti, error, will_retry=will_retry, reported_by=reported_by)
        sender = threading.Thread(
            target=_send, args=(body, reported_by, budget), name="rca-report", daemon=True
        )
        sender.start()
        sender.join(budget)
        if sender.is_alive():
            log.warning("RCA: no answer in %.1f s; the housekeeping DAG will find this failure", budget)
    except Exception as problem:  # reporting must never add to what already failed
        log.warning("RCA: this failure could not be reported: %s", problem)


def _send(body: Callable[[], dict[str, Any]], reported_by: str, budget: float) -> None:
    deadline = time.monotonic() + budget
    try:
        from rca_plugin.worker.client import RcaClient

        with RcaClient(subject=reported_by) as client:
            client.report_failure(body(), deadline=deadline)
    except BaseException as problem:  # nothing may leave this thread, SystemExit of a library included
        log.warning("RCA: not reported (%s); the housekeeping DAG will find this failure", problem)


def _body(
    ti: Any, error: BaseException | str | None, *, will_retry: bool, reported_by: str
) -> dict[str, Any]:
    task = getattr(ti, "task", None)
    return {
        "dag_id": ti.dag_id,
        "run_id": ti.run_id,
        "task_id": ti.task_id,
        "map_index": -1 if ti.map_index is None else ti.map_index,
        "try_number": ti.try_number,
        "will_retry": will_retry,
        "occurred_at": (getattr(ti, "end_date", None) or datetime.now(timezone.utc)).isoformat(),
        "exception_type": type(error).__name__ if isinstance(error, BaseException) else None,
        "message": beginning(_encodable(_text(error)), _TEXT_CHARS, Masker()),
        "traceback": end(_encodable(_traceback(error)), _TEXT_CHARS, Masker()),
        "operator": type(task).__name__ if task is not None else None,
        "owner": head(str(getattr(task, "owner", "") or ""), 500) or None,
        "reported_by": reported_by,
    }


def _text(error: BaseException | str | None) -> str:
    if error is None:
        return "The task failed without an exception"
    try:
        return str(error)
    except Exception:  # a user's own exception class may fail to describe itself
        return f"(the text of this {type(error).__name__} cannot be read)"


def _traceback(error: BaseException | str | None) -> str:
    if not isinstance(error, BaseException):
        return ""
    try:
        return "".join(traceback.format_exception(type(error), error, error.__traceback__))
    except Exception:
        return ""


def _encodable(text: str) -> str:
    """Lone surrogates, which os.fsdecode makes of odd file names, are not valid in JSON."""
    return text.encode("utf-8", "replace").decode("utf-8")
