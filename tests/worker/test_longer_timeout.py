"""More time for a task whose run is repaired."""

from __future__ import annotations

from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from rca_plugin.worker.longer_timeout import lengthen


def limit_of(conf: Any, limit: timedelta | None = timedelta(seconds=60)) -> timedelta | None:
    task = SimpleNamespace(execution_timeout=limit)
    context = {"dag_run": SimpleNamespace(conf=conf)}
    ti = SimpleNamespace(task_id="load", task=task, get_template_context=lambda: context)
    lengthen(ti)
    return task.execution_timeout  # type: ignore[no-any-return]


def test_the_time_is_that_of_the_run() -> None:
    assert limit_of({"rca_execution_timeout": {"load": 120.5, "other": 500}}) == timedelta(seconds=120.5)


@pytest.mark.parametrize(
    "conf",
    [None, {}, {"rca_execution_timeout": {"other": 120}}, {"rca_execution_timeout": {"load": 59}},
     {"rca_execution_timeout": {"load": "120"}}, {"rca_execution_timeout": {"load": True}},
     {"rca_execution_timeout": {"load": float("nan")}}, {"rca_execution_timeout": 120},
     {"rca_execution_timeout": {"load": -1}}, "text"],
)  # fmt: skip
def test_anything_else_leaves_it_as_it_is(conf: Any) -> None:
    assert limit_of(conf) == timedelta(seconds=60)


def test_a_task_without_a_limit_gets_none() -> None:
    assert limit_of({"rca_execution_timeout": {"load": 120}}, None) is None


@pytest.mark.parametrize("seconds", [1e9, 1e300, float("inf")])
def test_there_is_a_most(seconds: float) -> None:
    assert limit_of({"rca_execution_timeout": {"load": seconds}}) in (
        timedelta(days=7),
        timedelta(seconds=60),
    )


def test_nothing_is_raised() -> None:
    lengthen(object())
