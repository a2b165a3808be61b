"""Template fields of the task that came out otherwise than at the last success."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from airflow.models.renderedtifields import RenderedTaskInstanceFields
from sqlalchemy import select

from rca_plugin.core.difference import difference
from rca_plugin.core.evidence import Fact
from rca_plugin.core.failure import TaskRef
from rca_plugin.server.evidence.fence import missing
from rca_plugin.server.evidence.subject import Subject
from rca_plugin.server.masking import redactor
from rca_plugin.server.task_instances import same_task

_SHOWN = 10
_NAMED = 5
# Dates and times as `ds`, `ts` and `ts_nodash` write them: they differ from run to run, that is what they are for.
_MOMENT = re.compile(
    r"\d{4}[-/]\d\d[-/]\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?(?:Z|[+-]\d\d:?\d\d)?)?"
    r"|(?<!\d)20\d{6}(?:T\d{2,6}(?:[+-]\d{4})?)?(?!\d)"
)


def rendered_changes(subject: Subject) -> Iterator[Fact]:
    """The fields that differ, before → after, but for the dates and names of the runs."""
    last, ti = subject.past.last_success, subject.ti
    if last is None or ti is None or last.run_id == subject.task.run_id:
        return
    before, after = _fields(subject, last.run_id), _fields(subject, subject.task.run_id)
    if before is None and after:
        # Airflow keeps them of the newest runs only: `[core] num_dag_runs_to_retain_rendered_fields`.
        yield missing(
            "the template fields of the last success", f"Airflow has none of {last.run_id} any more"
        )
    if before is None or after is None:
        return
    runs = (last.run_id, subject.task.run_id)
    lines = difference(
        before,
        after,
        redactor(),
        name="",
        same=lambda one, other: _timeless(one, runs) == _timeless(other, runs),
    )
    if lines:
        names = list(dict.fromkeys(line.partition(":")[0].partition(".")[0] for line in lines))
        first = f"Template fields differ from the last success ({last.run_id}): {', '.join(names[:_NAMED])}"
        yield Fact("change", "airflow rendered fields", ti.start_date, "\n".join([first, *lines[:_SHOWN]]))


def rendered_fields(subject: Subject) -> dict[str, Any]:
    """The template fields of the failed try; empty when Airflow has none."""
    return _fields(subject, subject.task.run_id) or {}


def _fields(subject: Subject, run_id: str) -> dict[str, Any] | None:
    task, model = subject.task, RenderedTaskInstanceFields
    in_run = TaskRef(task.dag_id, run_id, task.task_id, task.map_index)
    # The column alone: the row comes with its task instance and run.
    fields = subject.session.scalar(select(model.rendered_fields).where(same_task(model, in_run)))
    return fields if isinstance(fields, dict) else None


def _timeless(value: Any, runs: tuple[str, ...]) -> str:
    text = json.dumps(value, default=str)
    for run_id in runs:
        text = text.replace(run_id, "")
    return _MOMENT.sub("", text)
