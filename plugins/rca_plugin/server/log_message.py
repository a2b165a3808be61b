"""One message of a task's log, as the task runner of Airflow 3.3 writes it and its reader hands it over."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from rca_plugin.core.log_window import Weight, names_error
from rca_plugin.core.storable import beginning
from rca_plugin.core.text import clean
from rca_plugin.server.masking import redactor

LINE_CHARS = 2_000
# What the task runner says of the exception that ended a task. Others were caught by the task, and tell nothing of
# a process that was killed later: that the supervisor says.
_ENDED_BY_ERROR = ("Task failed with exception", "Top level error")
_ENDED_BY_SUPERVISOR = ("Process terminated by signal", "Process exited abnormally")
_ERROR_LEVELS = ("error", "critical", "fatal")
_FRAMES, _EXCEPTIONS, _NOTES = 8, 8, 3


@dataclass(frozen=True)
class LoggedError:
    """An exception as the task runner logs it: type and text, without its traceback's frames."""

    exception_type: str
    text: str


def ending_errors(message: Any) -> tuple[LoggedError, ...]:
    """The exceptions that ended the task, the innermost cause first; empty for any other message."""
    if message.event not in _ENDED_BY_ERROR:
        return ()
    return tuple(
        LoggedError(str(raised.get("exc_type", "")), str(raised.get("exc_value", "")))
        for raised in reversed(_raised(message))
    )


def weight_of(message: Any) -> Weight:
    """How much the message says about why the task failed."""
    event = str(message.event)
    if event in _ENDED_BY_ERROR or event.startswith(_ENDED_BY_SUPERVISOR):
        return Weight.ENDED
    if names_error(event):
        return Weight.NAMED
    level = str((message.model_extra or {}).get("level") or "").lower()
    return Weight.LOGGED if level in _ERROR_LEVELS or _raised(message) else Weight.NONE


def lines_of(message: Any) -> list[str]:
    """The message as lines of text, with what it says of exceptions as Python would write it."""
    fields = message.model_extra or {}
    level = str(fields.get("level") or "").upper()
    stamp = message.timestamp.strftime("%Y-%m-%d %H:%M:%S ") if message.timestamp else ""
    text = " ".join(part for part in (level, clean(str(message.event)), _exit_of(fields)) if part)
    return [_bounded(stamp + text), *_traceback_lines(_raised(message))]


def _exit_of(fields: dict[str, Any]) -> str:
    """How the process ended, where the supervisor says so."""
    names = [name for name in ("signal_name", "signal", "exit_code") if fields.get(name) is not None]
    return " ".join(f"{name}={clean(str(fields[name]))[:50]}" for name in names)


def _raised(message: Any) -> list[dict[str, Any]]:
    """What the message has of exceptions, the outermost first."""
    error_detail = (message.model_extra or {}).get("error_detail")
    return (
        [error for error in error_detail if isinstance(error, dict)] if isinstance(error_detail, list) else []
    )


def _traceback_lines(raised: list[dict[str, Any]]) -> list[str]:
    """Write the exceptions as Python would, the cause first. A long chain loses its middle."""
    lines: list[str] = []
    innermost = list(reversed(raised))
    shown = innermost if len(innermost) <= _EXCEPTIONS else [*innermost[: _EXCEPTIONS - 1], innermost[-1]]
    for position, error in enumerate(shown):
        if position:
            lines.append("The above exception was the direct cause of the following exception:")
        lines.append("Traceback (most recent call last):")
        lines.extend(_frame_line(frame) for frame in (error.get("frames") or [])[-_FRAMES:])
        lines.append(_bounded(f"{error.get('exc_type')}: {clean(str(error.get('exc_value', '')))}"))
        lines.extend(_bounded(clean(str(note))) for note in (error.get("exc_notes") or [])[:_NOTES])
    return lines


def _frame_line(frame: Any) -> str:
    return _bounded(
        clean(f'  File "{frame.get("filename")}", line {frame.get("lineno")}, in {frame.get("name")}')
    )


def _bounded(line: str) -> str:
    # Without its secrets before it is cut: nobody would find a half one.
    return line if len(line) <= LINE_CHARS else beginning(line, LINE_CHARS, redactor())
