"""The log of the failed try: the lines around its errors and at its end, and its chain of exceptions."""

from __future__ import annotations

from collections.abc import Iterator

from rca_plugin.config import settings
from rca_plugin.core.evidence import Fact
from rca_plugin.core.storable import beginning
from rca_plugin.server.evidence.settled import NotSettledError
from rca_plugin.server.evidence.subject import Subject
from rca_plugin.server.log_message import LoggedError
from rca_plugin.server.masking import redactor
from rca_plugin.server.task_instances import Try
from rca_plugin.server.task_log import TaskLog, read_log

_ERRORS, _ERROR_CHARS = 10, 2_000


def log_facts(subject: Subject, *, wait: bool) -> Iterator[Fact]:
    """The log. Raises NotSettledError if `wait` is set and there is none yet."""
    if subject.task.task_id is None:
        return
    ti = subject.ti
    if ti is None:
        text = "The try is not in Airflow's database any more: no log."
        yield Fact("missing", "airflow task log", None, text)
        return
    log = read_log(ti, settings().evidence_log_lines)
    if wait and not log.lines:
        raise NotSettledError(f"the log of {ti.task_id} is not there yet")
    yield from _facts(ti, log)


def _facts(ti: Try, log: TaskLog) -> Iterator[Fact]:
    source = f"airflow task log, try {ti.try_number}"
    if len(log.errors) > 1:
        yield Fact("traceback", f"{source}: chain of exceptions", ti.end_date, _chain(log.errors))
    if log.lines:
        yield Fact("log", source, ti.end_date, "\n".join(log.lines))
    if not log.lines:
        yield Fact(
            "missing", source, ti.end_date, "\n".join(["Airflow has no log of this try.", *log.reasons])
        )
    elif not log.complete:
        yield Fact("missing", source, ti.end_date, "Only the beginning of the log could be read in time.")


def _chain(errors: tuple[LoggedError, ...]) -> str:
    """One paragraph each, the innermost cause first."""
    shown = [
        beginning(f"{error.exception_type}: {error.text}", _ERROR_CHARS, redactor())
        for error in errors[:_ERRORS]
    ]
    return "\n".join([shown[0], *(f"which led to {text}" for text in shown[1:])])
