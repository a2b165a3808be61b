"""Find the failures that nobody reported, and take them in.

A killed task process runs no listener, a stopped API server hears no report, and a DAG run that timed out
leaves no failed task at all. The rows of Airflow are complete: what is missing among ours is taken in now.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

from airflow.models.dagbag import DBDagBag
from airflow.models.dagrun import DagRun
from airflow.models.taskinstance import TaskInstance
from airflow.utils.session import create_session
from sqlalchemy.orm import Session

from rca_plugin.core.failure import Failure, Report, TaskRef
from rca_plugin.core.sources.airflow import task_failure
from rca_plugin.server.intake import Receipt, take_in
from rca_plugin.server.task_instances import Try
from rca_plugin.server.task_log import read_log
from rca_plugin.server.unreported import (
    unreported_earlier_tries,
    unreported_runs,
    unreported_tries,
    window,
)

# A run of the housekeeping DAG reads logs, so it is bounded; the next run goes on.
_BATCH = 200
_SECONDS = 20.0
_LOG_LINES = 60


@dataclass(frozen=True)
class Found:
    """How many unreported failures were taken in, and whether there are more to come."""

    taken_in: int
    more: bool


def reconcile() -> Found:
    """Take in what is missing, oldest first, for a bounded time."""
    deadline = time.monotonic() + _SECONDS
    receipts: list[Receipt] = []
    with create_session(scoped=False) as session:
        span = window(session)
        missing = [*unreported_tries(session, *span, _BATCH), *unreported_runs(session, *span, _BATCH)]
        for row in missing:
            if time.monotonic() > deadline:
                return Found(_stored(receipts), more=True)
            receipts.extend(take_in(Report(tuple(_failures_of(session, row)))))
    return Found(_stored(receipts), more=len(missing) >= _BATCH)


def _stored(receipts: list[Receipt]) -> int:
    return sum(receipt.result != "duplicate" for receipt in receipts)


def _failures_of(session: Session, row: TaskInstance | DagRun) -> Iterator[Failure]:
    if isinstance(row, DagRun):
        yield _run_failure(session, row)
        return
    yield from (_try_failure(earlier, final=False) for earlier in unreported_earlier_tries(session, row))
    yield _try_failure(row, final=True)


def _try_failure(ti: Try, *, final: bool) -> Failure:
    task_log = read_log(ti, _LOG_LINES)
    return task_failure(
        TaskRef(ti.dag_id, ti.run_id, ti.task_id, ti.map_index, ti.try_number),
        occurred_at=ti.end_date or datetime.now(timezone.utc),
        exception_type=task_log.error.exception_type if task_log.error else None,
        text=task_log.error.text if task_log.error else "The task process ended without reporting an error",
        detail="\n".join(task_log.lines),
        final=final,
        operator=ti.operator,
        reported_by="reconciler",
    )


def _run_failure(session: Session, run: DagRun) -> Failure:
    limit = _exceeded_timeout(session, run)
    return task_failure(
        TaskRef(run.dag_id, run.run_id),
        occurred_at=run.end_date,
        exception_type="DagRunTimeout" if limit else None,
        text=f"The run exceeded its dagrun_timeout of {limit}"
        if limit
        else "The run failed, none of its tasks did",
        reported_by="reconciler",
    )


def _exceeded_timeout(session: Session, run: DagRun) -> timedelta | None:
    """The dagrun_timeout of the run's DAG, if this run took longer."""
    dag = DBDagBag().get_dag_for_run(run, session=session)
    limit: timedelta | None = getattr(dag, "dagrun_timeout", None)
    if limit is None or run.start_date is None or run.end_date is None:
        return None
    return limit if run.end_date - run.start_date >= limit else None
