"""The pool and the queue that the try had to pass."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timezone

from airflow.models.dag import DagModel
from airflow.models.pool import Pool
from airflow.models.taskinstance import TaskInstance
from airflow.utils.state import TaskInstanceState
from sqlalchemy import func, select

from rca_plugin.core.evidence import Fact
from rca_plugin.server.evidence.shown import span
from rca_plugin.server.evidence.subject import Subject
from rca_plugin.server.task_instances import Try

_STATES = (
    TaskInstanceState.RUNNING,
    TaskInstanceState.QUEUED,
    TaskInstanceState.SCHEDULED,
    TaskInstanceState.DEFERRED,
)
# Longer than this in the queue, and it is worth knowing what else may have held it back.
_LONG_SECONDS = 60.0


def pool_state(subject: Subject) -> Iterator[Fact]:
    """The slots of the task's pool now, how long the try waited, and the DAG's limits if that was long."""
    ti = subject.ti
    if ti is None:
        return
    waited = _waited(ti)
    lines = [
        f"{_slots(subject, ti)}{'' if waited is None else f' The try waited {span(waited)} in the queue.'}"
    ]
    if waited is not None and waited >= _LONG_SECONDS:
        lines += _limits(subject)
    yield Fact("pool", "airflow pool, now", datetime.now(timezone.utc), "\n".join(lines))


def _waited(ti: Try) -> float | None:
    since = ti.queued_dttm or ti.scheduled_dttm
    until = ti.start_date or ti.end_date
    return max(0.0, (until - since).total_seconds()) if since and until else None


def _slots(subject: Subject, ti: Try) -> str:
    pool = subject.session.scalar(select(Pool).where(Pool.pool == ti.pool))
    if pool is None:
        return f"Pool {ti.pool} does not exist any more."
    used = _used(subject, ti.pool)
    total = "unlimited" if pool.slots == -1 else pool.slots
    text = f"Pool {ti.pool}: {total} slots, now {', '.join(f'{used.get(state, 0)} {state.value}' for state in _STATES)}"
    if pool.slots != -1:
        held = _STATES[:2] + ((TaskInstanceState.DEFERRED,) if pool.include_deferred else ())
        text += f", {pool.slots - sum(used.get(state, 0) for state in held)} open"
    return f"{text}; the task takes {ti.pool_slots}." if ti.pool_slots != 1 else f"{text}."


def _used(subject: Subject, pool: str) -> dict[str, int]:
    ti = TaskInstance
    statement = (
        select(ti.state, func.sum(ti.pool_slots))
        .where(ti.pool == pool, ti.state.in_(_STATES))
        .group_by(ti.state)
    )
    return {state: int(slots or 0) for state, slots in subject.session.execute(statement)}


def _limits(subject: Subject) -> list[str]:
    dag = subject.session.get(DagModel, subject.task.dag_id)
    if dag is None:
        return []
    limits = f"max_active_tasks {dag.max_active_tasks}, max_active_runs {dag.max_active_runs}"
    return [f"Limits of the DAG: {limits}."]
