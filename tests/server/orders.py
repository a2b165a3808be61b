"""A DAG with a past: runs of `orders` that succeeded and failed, and what is collected of the last one."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from typing import Any

from airflow.models.log import Log
from airflow.models.renderedtifields import RenderedTaskInstanceFields
from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import DAG, Param
from airflow.utils.session import create_session
from airflow.utils.state import TaskInstanceState
from sqlalchemy import insert

from rca_plugin.core.evidence import Evidence
from rca_plugin.server.evidence import collect
from rca_plugin.server.models import FailureRow
from tests.server.airflow_rows import add_dag, add_run, add_task
from tests.server.rows import a_failure_row, add, an_incident

NOW = datetime(2026, 11, 24, 3, tzinfo=timezone.utc)
DAY = timedelta(days=1)
DAG_ID, TASK_ID = "orders", "load"
SUCCESS, FAILED = TaskInstanceState.SUCCESS, TaskInstanceState.FAILED


def orders(*, command: str = "load {{ ds }}", more_tasks: tuple[str, ...] = (), **fields: Any) -> DAG:
    """extract → load, and what a test wants otherwise."""
    params = fields.pop("params", {"region": Param("eu")})
    env = fields.pop("env", {"DB": "orders_db"})
    with DAG(DAG_ID, schedule=None, params=params, **fields) as dag:
        extract = BashOperator(task_id="extract", bash_command="true")
        extract >> BashOperator(task_id=TASK_ID, bash_command=command, env=env)
        for name in more_tasks:
            BashOperator(task_id=name, bash_command="true")
    return dag


def ran(
    run_id: str,
    state: TaskInstanceState,
    *,
    at: datetime,
    seconds: float = 60,
    conf: dict[str, Any] | None = None,
    fields: dict[str, Any] | None = None,
    bundle: str | None = None,
    **more: Any,
) -> None:
    """The task `load` ended `at`, in a run of its own, with these template fields."""
    started = at - timedelta(seconds=seconds)
    add_run(DAG_ID, run_id, state=str(state), started=started, conf=conf, end_date=at, bundle_version=bundle)
    add_task(DAG_ID, run_id, TASK_ID, state, started=started, end_date=at, duration=seconds, **more)
    if fields is not None:
        rendered = {"dag_id": DAG_ID, "task_id": TASK_ID, "run_id": run_id, "map_index": -1}
        with create_session(scoped=False) as session:
            session.execute(insert(RenderedTaskInstanceFields).values(**rendered, rendered_fields=fields))


def worked_yesterday(dag: DAG | None = None, **more: Any) -> None:
    """The DAG is there, and its task succeeded a day ago."""
    add_dag(dag or orders())
    ran("yesterday", SUCCESS, at=NOW - DAY, **more)


def logged(
    event: str, extra: dict[str, Any] | str, *, minutes: float = 12, by: str = "ada", **more: Any
) -> None:
    """An entry of Airflow's audit log, some minutes before the failure."""
    text = extra if isinstance(extra, str) else json.dumps(extra)
    entry = Log(event, owner=by, extra=text, **more)
    entry.dttm = NOW - timedelta(minutes=minutes)
    with create_session(scoped=False) as session:
        session.add(entry)


def failure_of(run_id: str = "today", **more: Any) -> FailureRow:
    """The stored failure of `load` in a run."""
    [incident_id] = add(an_incident())
    row = a_failure_row(incident_id, run_id=run_id, occurred_at=NOW, **more)
    add(row)
    return row


def evidence(run_id: str = "today", **more: Any) -> list[Evidence]:
    """All that is collected of the failure in a run."""
    with create_session(scoped=False) as session:
        return collect(session, failure_of(run_id, **more), wait=False)


def texts(kind: str, facts: list[Evidence]) -> list[str]:
    """The texts of one kind."""
    return [fact.text for fact in facts if fact.kind == kind]
