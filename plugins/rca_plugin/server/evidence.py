"""What Airflow itself knows about a failure, as numbered evidence: redacted, bounded, each with its source."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timezone

from airflow.models.log import Log
from sqlalchemy import select
from sqlalchemy.orm import Session

from rca_plugin.config import settings
from rca_plugin.core.evidence import Evidence, Fact
from rca_plugin.core.failure import TaskRef
from rca_plugin.core.storable import end
from rca_plugin.core.text import head
from rca_plugin.server.masking import redactor
from rca_plugin.server.models import FailureRow
from rca_plugin.server.task_instances import Try, all_tries, find_run, find_try, is_settled
from rca_plugin.server.task_log import read_tail

TEXT_CHARS = 24_000
_TRIES_SHOWN = 10
_NOTES_SHOWN = 10
# What the scheduler of Airflow 3.3 writes into Airflow's own audit log about a task that died.
_NOTED_EVENTS = (
    "state mismatch",
    "heartbeat timeout",
    "fail task",
    "stuck in queued reschedule",
    "stuck in queued tries exceeded",
)


class NotSettledError(Exception):
    """Airflow has not settled the failed try yet, or not uploaded its log: ask again in a moment."""


def collect(
    session: Session, failure: FailureRow, *, wait: bool, outside: Sequence[Fact] = ()
) -> list[Evidence]:
    """Everything known about a failure now, and what was found `outside` of Airflow.

    Raises NotSettledError while more is to come, unless `wait` is False: then what is missing is noted as
    missing.
    """
    facts = list(_reported(failure))
    if failure.dag_id:
        facts += _airflow_facts(session, task_of(failure), wait=wait)
    facts += outside
    return [
        Evidence(f"E{number}", fact.kind, fact.source, fact.observed_at, _bounded(fact.text))
        for number, fact in enumerate(facts, start=1)
    ]


def task_of(failure: FailureRow) -> TaskRef:
    """Which task instance try, or DAG run, a stored failure is of."""
    return TaskRef(
        failure.dag_id or "", failure.run_id or "", failure.task_id, failure.map_index, failure.try_number
    )


def _airflow_facts(session: Session, task: TaskRef, *, wait: bool) -> list[Fact]:
    ti = find_try(session, task) if task.task_id else None
    if wait and not is_settled(ti):
        raise NotSettledError(f"Airflow still says that {task.resource} is {ti and ti.state}")
    return [*_run_facts(session, task), *_task_facts(session, task, ti, wait=wait)]


def _bounded(text: str) -> str:
    return end(text, TEXT_CHARS, redactor())


def _reported(failure: FailureRow) -> Iterator[Fact]:
    yield Fact("error", f"report of the {failure.reported_by}", failure.occurred_at, failure.message)
    if failure.detail:
        yield Fact("traceback", f"report of the {failure.reported_by}", failure.occurred_at, failure.detail)
    if failure.labels:
        named = "\n".join(f"{name}: {value}" for name, value in failure.labels.items())
        yield Fact("labels", f"report of the {failure.reported_by}", failure.occurred_at, named)


def _run_facts(session: Session, task: TaskRef) -> Iterator[Fact]:
    run = find_run(session, task)
    if run is None:
        yield Fact("run", "airflow", None, f"The run {task.run_id} is not in Airflow's database any more.")
        return
    text = f"Run {run.run_id} of DAG {run.dag_id} ({run.run_type}): {run.state}, started {_shown(run.start_date)}"
    if run.end_date:
        text += f", ended {_shown(run.end_date)}"
    if run.conf:
        text += f", conf {head(str(redactor().tree(run.conf)), 500)}"
    yield Fact("run", "airflow dag run", run.start_date, text)


def _task_facts(session: Session, task: TaskRef, ti: Try | None, *, wait: bool) -> Iterator[Fact]:
    if task.task_id is None:
        return
    yield _try_history(session, task)
    yield from _notes(session, task)
    if ti is None:
        yield Fact("log", "airflow task log", None, "The try is not in Airflow's database any more: no log.")
    else:
        yield _log_fact(ti, wait=wait)


def _try_history(session: Session, task: TaskRef) -> Fact:
    tries = all_tries(session, task)[-_TRIES_SHOWN:]
    lines = [f"Try {ti.try_number}: {_outcome(ti)}" for ti in tries]
    return Fact("tries", "airflow task instance", None, "\n".join(lines) or "No try is recorded.")


def _outcome(ti: Try) -> str:
    text = f"{ti.state or 'no state'}, started {_shown(ti.start_date)}"
    if ti.duration is not None:
        text += f", ran {ti.duration:.1f} s"
    if ti.hostname:
        text += f", on {ti.hostname}"
    # What a retry policy decided; Airflow 3.3 keeps it of a try that it repeats.
    reason = getattr(ti, "retry_reason", None)
    return f"{text}; {reason}" if reason else text


def _notes(session: Session, task: TaskRef) -> Iterator[Fact]:
    notes = session.scalars(
        select(Log)
        .where(
            Log.dag_id == task.dag_id,
            Log.run_id == task.run_id,
            Log.task_id == task.task_id,
            Log.event.in_(_NOTED_EVENTS),
            Log.extra.is_not(None),
        )
        .order_by(Log.dttm.desc())
        .limit(_NOTES_SHOWN)
    )
    for note in reversed(list(notes)):
        if note.map_index in (None, task.map_index):
            yield Fact("note", f"airflow audit log: {note.event}", note.dttm, head(note.extra or "", 2_000))


def _log_fact(ti: Try, *, wait: bool) -> Fact:
    log_tail = read_tail(ti, settings().evidence_log_lines)
    if not log_tail.lines and wait:
        raise NotSettledError(f"the log of {ti.task_id} is not there yet")
    text = "\n".join(log_tail.lines) or "Airflow has no log of this try."
    if log_tail.lines and not log_tail.complete:
        text = "(only the beginning of the log could be read in time)\n" + text
    return Fact("log", f"airflow task log, try {ti.try_number}", ti.end_date, text)


def _shown(moment: datetime | None) -> str:
    return moment.astimezone(timezone.utc).strftime("%Y-%m-%d %H:%M:%S UTC") if moment else "unknown"
