"""Report a failed try to the server: from the task process, within a time that is set, never in its way."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from datetime import datetime, timezone
from functools import partial
from typing import Any

from rca_plugin.config import settings
from rca_plugin.core.storable import beginning, end
from rca_plugin.core.text import head
from rca_plugin.worker.exception import TEXT_CHARS, text_of, traceback_of
from rca_plugin.worker.masking import KnownSecrets
from rca_plugin.worker.retry_decision import remembered

log = logging.getLogger(__name__)


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
    decision = remembered(error)
    return {
        "dag_id": ti.dag_id,
        "run_id": ti.run_id,
        "task_id": ti.task_id,
        "map_index": -1 if ti.map_index is None else ti.map_index,
        "try_number": ti.try_number,
        "will_retry": will_retry,
        "occurred_at": (getattr(ti, "end_date", None) or datetime.now(timezone.utc)).isoformat(),
        "exception_type": type(error).__name__ if isinstance(error, BaseException) else None,
        "message": beginning(text_of(error), TEXT_CHARS, KnownSecrets()),
        "traceback": end(traceback_of(error), TEXT_CHARS, KnownSecrets()),
        "operator": type(task).__name__ if task is not None else None,
        "owner": head(str(getattr(task, "owner", "") or ""), 500) or None,
        "reported_by": reported_by,
        **({"retry_decision": decision} if decision else {}),
    }
