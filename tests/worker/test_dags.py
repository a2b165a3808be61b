"""The DAGs of the plugin: what follows what, and what happens when something on the way fails."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise
from runpy import run_path
from typing import Any

import pytest

from demo.local_airflow import REPOSITORY


def dag_of(name: str) -> Any:
    from airflow.sdk import BaseOperator

    parts = run_path(str(REPOSITORY / "dags" / f"{name}.py")).values()
    return next(part.dag for part in parts if isinstance(part, BaseOperator))


@pytest.mark.parametrize("name", ["rca_incident", "rca_remediation"])
def test_what_runs_once_for_each_has_an_end_and_is_tried_again(name: str) -> None:
    dag = dag_of(name)
    assert "rca" in dag.tags
    assert dag.dagrun_timeout
    assert all(task.retries >= 3 for task in dag.tasks)


def test_a_repair_reads_like_the_process() -> None:
    dag = dag_of("rca_remediation")
    steps = ["approve", "approve_again", "act", "verify", "conclude"]
    assert [task.task_id for task in dag.topological_sort()] == steps
    for before, after in pairwise(steps):
        assert dag.get_task(before).downstream_task_ids == {after}
    assert [dag.get_task(name).approval for name in steps[:2]] == [1, 2]
    # Whatever was rejected, skipped or failed: the repair comes to its end.
    assert [task.task_id for task in dag.tasks if task.trigger_rule == "all_done"] == ["conclude"]


def test_nobody_is_kept_from_answering_by_a_limit_of_the_task() -> None:
    dag = dag_of("rca_remediation")
    for name in ("approve", "approve_again"):
        step = dag.get_task(name)
        assert step.execution_timeout is None
        assert step.response_timeout is None
        assert step.defaults == ["Reject"]
    # The longest that people may be waited for and a repair be followed.
    assert dag.dagrun_timeout > timedelta(hours=168)


def test_what_fails_to_be_told_or_filed_keeps_no_repair_from_being_planned() -> None:
    plan = dag_of("rca_incident").get_task("plan_repair")
    assert plan.upstream_task_ids == {"analyze"}
    assert plan.downstream_task_ids == set()
    assert plan.trigger_rule == "all_done"
