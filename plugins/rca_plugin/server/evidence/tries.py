"""The tries of the failed task instance, and what Airflow noted about processes that died."""

from __future__ import annotations

from collections.abc import Iterator

from airflow.models.log import Log
from sqlalchemy import select

from rca_plugin.core.evidence import Fact
from rca_plugin.core.text import head
from rca_plugin.server.evidence.shown import moment, span
from rca_plugin.server.evidence.subject import Subject
from rca_plugin.server.task_instances import Try, all_tries

_TRIES_SHOWN = 10
_NOTES_SHOWN = 10
_NOTE_CHARS = 2_000
# What the scheduler of Airflow 3.3 writes into Airflow's own audit log about a task that died.
_NOTED_EVENTS = (
    "state mismatch",
    "heartbeat timeout",
    "fail task",
    "stuck in queued reschedule",
    "stuck in queued tries exceeded",
)


def tries(subject: Subject) -> Iterator[Fact]:
    """How each try came out, where it ran, and when it was last heard of."""
    if subject.task.task_id is None:
        return
    lines = [
        f"Try {ti.try_number}: {_outcome(ti)}"
        for ti in all_tries(subject.session, subject.task)[-_TRIES_SHOWN:]
    ]
    if lines:
        yield Fact("tries", "airflow task instance", None, "\n".join(lines))
    else:
        yield Fact("missing", "airflow", None, "No try of this task is in Airflow's database any more.")


def _outcome(ti: Try) -> str:
    parts = [ti.state or "no state", f"started {moment(ti.start_date)}"]
    if ti.duration is not None:
        parts.append(f"ran {ti.duration:.1f} s")
    if ti.hostname:
        parts.append(f"on {ti.hostname}" + (f" as process {ti.pid}" if ti.pid else ""))
    # The history has none.
    heartbeat = getattr(ti, "last_heartbeat_at", None)
    if heartbeat:
        silent = f", {span(ti.end_date - heartbeat)} before its end" if ti.end_date else ""
        parts.append(f"last heartbeat {moment(heartbeat)}{silent}")
    if ti.retry_reason:
        parts.append(f"retry policy: {ti.retry_reason}")
    return ", ".join(parts)


def notes(subject: Subject) -> Iterator[Fact]:
    """What the scheduler noted about this task instance, the oldest first."""
    task = subject.task
    if task.task_id is None:
        return
    found = subject.session.scalars(
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
    for note in reversed(list(found)):
        if note.map_index in (None, task.map_index):
            yield Fact(
                "note", f"airflow audit log: {note.event}", note.dttm, head(note.extra or "", _NOTE_CHARS)
            )
