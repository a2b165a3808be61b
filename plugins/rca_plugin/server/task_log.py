"""Read the log of a task instance try, through Airflow's own reader, wherever the log is kept."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from airflow.models.taskinstance import TaskInstance
from airflow.models.taskinstancehistory import TaskInstanceHistory
from airflow.utils.log.log_reader import TaskLogReader

from rca_plugin.bounded_call import within
from rca_plugin.core.log_window import LogWindow
from rca_plugin.core.storable import beginning
from rca_plugin.server.log_message import LoggedError, ending_errors, lines_of, weight_of
from rca_plugin.server.masking import redactor

log = logging.getLogger(__name__)

LOG_CHARS = 20_000
_READ_SECONDS = 10.0
# A remote store may not answer at all: then no message comes after which the time could be looked at.
_ANSWER_SECONDS = 15.0
_REASONS, _REASON_CHARS = 5, 500
# How the reader of Airflow 3.3 says that it did not find a log; beside it stands where it did.
_NOT_READ = ("Could not", "Log file not found", "!!!!", "Error")


@dataclass(frozen=True)
class TaskLog:
    """What a log tells: the lines around its last errors and at its end, and the exceptions that ended the task.

    errors: the innermost cause first, the exception that was raised last; empty where none ended the task.
    complete: whether all of the log was read.
    reasons: why there may be less than there should be, in the words of Airflow's reader.
    """

    lines: tuple[str, ...] = ()
    errors: tuple[LoggedError, ...] = ()
    complete: bool = True
    reasons: tuple[str, ...] = ()

    @property
    def error(self) -> LoggedError | None:
        """The exception that ended the task, not its causes."""
        return self.errors[-1] if self.errors else None


def read_log(ti: TaskInstance | TaskInstanceHistory, lines: int) -> TaskLog:
    """At most `lines` lines of the log of `ti`'s try; none where it cannot be read, which is not an error of ours."""
    try:
        return within(_ANSWER_SECONDS, partial(_read, ti, lines))
    except Exception as error:  # any log handler, remote ones included, may raise anything
        log.warning("The log of %s could not be read: %s", ti.task_id, error)
        return TaskLog(complete=False, reasons=(_reason(f"{type(error).__name__}: {error}"),))


def _read(ti: TaskInstance | TaskInstanceHistory, lines: int) -> TaskLog:
    stream, _ = TaskLogReader().read_log_chunks(ti, ti.try_number, {})
    return _log_of(stream, lines)


def _log_of(stream: Iterable[Any], limit: int) -> TaskLog:
    window = LogWindow(limit, LOG_CHARS)
    errors: tuple[LoggedError, ...] = ()
    header = _Header()
    deadline = time.monotonic() + _READ_SECONDS
    complete = True
    for message in header.skipped(stream):
        errors = ending_errors(message) or errors
        window.add(lines_of(message), weight_of(message))
        if time.monotonic() > deadline:
            complete = False
            break
    return TaskLog(tuple(window.kept()), errors, complete, tuple(header.reasons))


@dataclass
class _Header:
    """The group in which the reader says where the log came from, or why it is not there."""

    reasons: list[str] = field(default_factory=list)

    def skipped(self, stream: Iterable[Any]) -> Iterator[Any]:
        """The messages after it, without the markers of other groups."""
        in_header = False
        for message in stream:
            event = str(message.event)
            if event.startswith("::group::Log message source"):
                in_header = True
            elif event.startswith("::endgroup::"):
                in_header = False
            elif in_header:
                self._note(event)
            elif not event.startswith("::group::"):
                yield message

    def _note(self, event: str) -> None:
        if event.startswith(_NOT_READ) and len(self.reasons) < _REASONS:
            self.reasons.append(_reason(event))


def _reason(text: str) -> str:
    # A remote store's address may have a token in it.
    return beginning(text, _REASON_CHARS, redactor())
