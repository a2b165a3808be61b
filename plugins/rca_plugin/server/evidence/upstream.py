"""What became of the tasks right before the failed one in the same run."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from airflow.models.taskinstance import TaskInstance
from airflow.utils.state import TaskInstanceState
from sqlalchemy import func, select

from rca_plugin.core.dag_difference import tasks_of
from rca_plugin.core.evidence import Fact
from rca_plugin.server.evidence.shown import moment, span
from rca_plugin.server.evidence.subject import Subject

_TASKS = 50


def upstream(subject: Subject) -> Iterator[Fact]:
    """The states and durations of the direct upstream tasks, those that did not succeed first."""
    before = _upstream_ids(subject)
    if not before:
        return
    found = _states(subject, before)
    unsuccessful = [name for name in before if set(found[name]) != {TaskInstanceState.SUCCESS}]
    ordered = sorted(before, key=lambda name: name not in unsuccessful)
    lines = [f"{name}: {_outcome(found[name])}" for name in ordered[:_TASKS]]
    first = f"{len(before) - len(unsuccessful)} of {len(before)} upstream tasks succeeded"
    if unsuccessful:
        first += f"; {', '.join(unsuccessful[:5])} did not"
    yield Fact("upstream", "airflow task instances of the run", None, "\n".join([first + ".", *lines]))


def _upstream_ids(subject: Subject) -> list[str]:
    # A serialized task names what comes after it only.
    return [
        name
        for name, task in tasks_of(subject.dag_data).items()
        if subject.task.task_id in (task.get("downstream_task_ids") or [])
    ]


def _states(subject: Subject, names: list[str]) -> dict[str, dict[str, Any]]:
    """By task and state: a mapped task has many instances, in several states."""
    ti = TaskInstance
    statement = (
        select(ti.task_id, ti.state, func.count(), func.max(ti.duration), func.max(ti.end_date))
        .where(ti.dag_id == subject.task.dag_id, ti.run_id == subject.task.run_id, ti.task_id.in_(names))
        .group_by(ti.task_id, ti.state)
    )
    found: dict[str, dict[str, Any]] = defaultdict(dict)
    for task_id, state, count, duration, ended in subject.session.execute(statement):
        found[task_id][state or "no state"] = (count, duration, ended)
    return found


def _outcome(states: dict[str, Any]) -> str:
    if not states:
        return "not in this run"
    return "; ".join(_one_state(state, *of_state) for state, of_state in sorted(states.items()))


def _one_state(state: str, count: int, duration: float | None, ended: Any) -> str:
    text = state if count == 1 else f"{count} instances {state}"
    if duration is not None:
        text += f", ran {'up to ' if count > 1 else ''}{span(duration)}"
    return f"{text}, ended {moment(ended)}" if ended else text
