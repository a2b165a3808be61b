"""Read the log of a task instance try, through Airflow's own reader, wherever the log is kept."""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from airflow.models.taskinstance import TaskInstance
from airflow.models.taskinstancehistory import TaskInstanceHistory
from airflow.utils.log.log_reader import TaskLogReader

from rca_plugin.core.storable import beginning
from rca_plugin.core.text import clean
from rca_plugin.server.masking import redactor

log = logging.getLogger(__name__)

LINE_CHARS = 2_000
_READ_SECONDS = 10.0
# What the task runner of Airflow 3.3 says of the exception that ended a task. Others were caught by the task, and
# tell nothing of a process that was killed later.
_ENDED_BY_ERROR = ("Task failed with exception", "Top level error")


@dataclass(frozen=True)
class LoggedError:
    """An exception as the task runner of Airflow 3.3 logs it: type and text, without its traceback's frames."""

    exception_type: str
    text: str


@dataclass(frozen=True)
class LogTail:
    """The last lines of a log, the exception that ended the task if one did, and whether all of it was read."""

    lines: tuple[str, ...]
    error: LoggedError | None
    complete: bool


def read_tail(ti: TaskInstance | TaskInstanceHistory, lines: int) -> LogTail:
    """The end of the log of `ti`'s try; empty where the log cannot be read, which is not an error of ours."""
    try:
        stream, _ = TaskLogReader().read_log_chunks(ti, ti.try_number, {})
        return _tail_of(stream, lines)
    except Exception as error:  # any log handler, remote ones included, may raise anything
        log.warning("The log of %s could not be read: %s", ti.task_id, error)
        return LogTail((), None, complete=False)


def _tail_of(stream: Iterable[Any], limit: int) -> LogTail:
    last_lines: deque[str] = deque(maxlen=limit)
    error: LoggedError | None = None
    deadline = time.monotonic() + _READ_SECONDS
    for message in _after_header(stream):
        error = _logged_error(message) or error
        last_lines.extend(_as_lines(message))
        if time.monotonic() > deadline:
            return LogTail(tuple(last_lines), error, complete=False)
    return LogTail(tuple(last_lines), error, complete=True)


def _after_header(stream: Iterable[Any]) -> Iterator[Any]:
    """Skip the group in which the reader says where the log came from, and the other group markers."""
    in_header = False
    for message in stream:
        event = str(message.event)
        if event.startswith("::group::Log message source"):
            in_header = True
        elif event.startswith("::endgroup::"):
            in_header = False
        elif not in_header and not event.startswith("::group::"):
            yield message


def _as_lines(message: Any) -> list[str]:
    fields = message.model_extra or {}
    level = str(fields.get("level") or "").upper()
    stamp = message.timestamp.strftime("%Y-%m-%d %H:%M:%S ") if message.timestamp else ""
    text = " ".join(part for part in (level, clean(str(message.event))) if part)
    first = _bounded(stamp + text)
    return [first, *_traceback_lines(fields.get("error_detail"))]


def _traceback_lines(error_detail: Any) -> list[str]:
    """Write the exceptions as Python would, the cause first."""
    if not isinstance(error_detail, list):
        return []
    lines: list[str] = []
    for position, error in enumerate(reversed(error_detail)):
        if position:
            lines.append("The above exception was the direct cause of the following exception:")
        lines.append("Traceback (most recent call last):")
        lines.extend(_frame_line(frame) for frame in (error.get("frames") or [])[-10:])
        lines.append(_bounded(f"{error.get('exc_type')}: {clean(str(error.get('exc_value', '')))}"))
    return lines


def _bounded(line: str) -> str:
    # Without its secrets before it is cut: nobody would find a half one.
    return line if len(line) <= LINE_CHARS else beginning(line, LINE_CHARS, redactor())


def _frame_line(frame: Any) -> str:
    return f'  File "{frame.get("filename")}", line {frame.get("lineno")}, in {frame.get("name")}'


def _logged_error(message: Any) -> LoggedError | None:
    error_detail = (message.model_extra or {}).get("error_detail")
    if message.event not in _ENDED_BY_ERROR or not isinstance(error_detail, list) or not error_detail:
        return None
    raised = error_detail[0]
    return LoggedError(str(raised.get("exc_type", "")), str(raised.get("exc_value", "")))
