"""Whether it failed before, and when it last worked."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from sqlalchemy import select

from rca_plugin.core.evidence import Fact
from rca_plugin.server.evidence.past import RUNS, PastRun
from rca_plugin.server.evidence.shown import moment, span
from rca_plugin.server.evidence.subject import Subject
from rca_plugin.server.models import FailureRow

_WINDOW = timedelta(days=30)
_COMPARED = 50


def history(subject: Subject) -> Iterator[Fact]:
    """How often it failed in the last 30 days, with which error, and its last success."""
    past = subject.past
    if not past.runs:
        yield Fact("history", "airflow dag runs", None, "Airflow knows of no earlier run of this task.")
        return
    newest = past.runs[0].ended
    yield Fact("history", "airflow dag runs", newest, f"{_failures(subject)}\n{_last_success(subject)}")


def _failures(subject: Subject) -> str:
    since = subject.failed_at - _WINDOW
    recent = [run for run in subject.past.runs if run.ended >= since]
    failed = [run for run in subject.past.failures if run.ended >= since]
    among = f"its {len(recent)} earlier runs" + (f" (of the newest {RUNS})" if len(recent) >= RUNS else "")
    if not failed:
        return f"Failed in none of {among} in the last 30 days."
    text = f"Failed in {len(failed)} of {among} in the last 30 days, the last time {moment(failed[0].ended)}"
    return f"{text} ({failed[0].run_id}){_compared(subject, failed)}."


def _compared(subject: Subject, failed: list[PastRun]) -> str:
    """Whether those that were recorded had the same error."""
    errors = _signatures(subject, failed)
    same = sum(errors[run.run_id] == subject.failure.signature for run in failed if run.run_id in errors)
    if not errors:
        return ""
    if same == len(errors):
        return " with the same error"
    last = errors.get(failed[0].run_id)
    which = "" if last is None else "the same" if last == subject.failure.signature else "another"
    return f" with {which} error; {same} of {len(errors)} recorded ones had the same" if which else ""


def _signatures(subject: Subject, failed: list[PastRun]) -> dict[str, str]:
    """The errors of earlier failures as they were recorded, by run."""
    row, task = FailureRow, subject.task
    task_id = row.task_id.is_(None) if task.task_id is None else row.task_id == task.task_id
    statement = select(row.run_id, row.signature).where(
        row.dag_id == task.dag_id,
        row.run_id.in_([run.run_id for run in failed[:_COMPARED]]),
        task_id,
        row.map_index == task.map_index,
        row.final.is_(True),
    )
    return {run_id or "": signature for run_id, signature in subject.session.execute(statement)}


def _last_success(subject: Subject) -> str:
    last = subject.past.last_success
    if last is None:
        return f"It succeeded in none of its newest {len(subject.past.runs)} runs."
    ago = span(subject.failed_at - last.ended)
    return f"Last success: {moment(last.ended)}, {ago} before this failure ({last.run_id})."
