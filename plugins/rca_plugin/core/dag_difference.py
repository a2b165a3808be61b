"""What differs between two serialized versions of a DAG (the format of Airflow 3), and between their sources."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from itertools import chain, islice
from typing import Any

from rca_plugin.core.difference import difference
from rca_plugin.core.storable import Redacts

_NAMES_SHOWN = 10
_FIELDS_SHOWN = 20
_FIELDS_COMPARED = 500
_SOURCE_LINES = 60
# `difflib` takes quadratic time on long files that have little in common.
_MOST_SOURCE_LINES = 3_000
# Of a DAG: where its file is, and what is compared by itself or only repeats the tasks.
_NOT_OF_THE_DAG = {
    "fileloc",
    "relative_fileloc",
    "_processor_dags_folder",
    "tasks",
    "task_group",
    "edge_info",
}
# Of a task: how it looks, and what it has from its DAG.
_NOT_OF_A_TASK = {"params", "ui_color", "ui_fgcolor", "template_fields_renderers", "template_ext", "label"}


def tasks_of(data: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """The serialized tasks of a DAG by their ids."""
    tasks = (task.get("__var", task) for task in (data.get("dag") or {}).get("tasks") or [])
    return {str(task.get("task_id")): task for task in tasks}


def params_of(data: Mapping[str, Any]) -> dict[str, Any]:
    """The DAG's params with their defaults."""
    params = (data.get("dag") or {}).get("params") or []
    pairs = params.items() if isinstance(params, Mapping) else params
    return {str(name): value.get("default") if isinstance(value, Mapping) else value for name, value in pairs}


def dag_difference(
    before: Mapping[str, Any], after: Mapping[str, Any], task_id: str | None, redact: Redacts
) -> list[str]:
    """Lines that say what differs, the task that failed first."""
    old, new = tasks_of(before), tasks_of(after)
    lines = [
        *_named("Tasks added", [name for name in new if name not in old]),
        *_named("Tasks removed", [name for name in old if name not in new]),
    ]
    common = sorted((name for name in new if name in old), key=lambda name: name != task_id)
    of_tasks = chain.from_iterable(_task_difference(name, old[name], new[name], redact) for name in common)
    of_dag = difference(_dag_fields(before), _dag_fields(after), redact, name="DAG")
    return lines + _at_most(_FIELDS_SHOWN, [*islice(of_tasks, _FIELDS_COMPARED), *of_dag])


def source_difference(before: str, after: str) -> list[str]:
    """The changed lines of a DAG file with a line around them, not redacted."""
    old, new = before.splitlines(), after.splitlines()
    if max(len(old), len(new)) > _MOST_SOURCE_LINES:
        return ["(the file is too long to compare)"]
    changed = list(difflib.unified_diff(old, new, "before", "after", n=1, lineterm=""))
    return _at_most(_SOURCE_LINES, changed[2:])


def _task_difference(name: str, old: dict[str, Any], new: dict[str, Any], redact: Redacts) -> list[str]:
    return difference(
        _without(old, _NOT_OF_A_TASK), _without(new, _NOT_OF_A_TASK), redact, name=f"Task {name}"
    )


def _dag_fields(data: Mapping[str, Any]) -> dict[str, Any]:
    return {**_without(data.get("dag") or {}, _NOT_OF_THE_DAG), "params": params_of(data)}


def _without(fields: Mapping[str, Any], names: set[str]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if name not in names}


def _named(what: str, names: list[str]) -> list[str]:
    more = f" and {len(names) - _NAMES_SHOWN} more" if len(names) > _NAMES_SHOWN else ""
    return [f"{what}: {', '.join(names[:_NAMES_SHOWN])}{more}"] if names else []


def _at_most(count: int, lines: Iterable[str]) -> list[str]:
    lines = list(lines)
    return lines if len(lines) <= count else [*lines[:count], f"… {len(lines) - count} more"]
