"""What evidence is collected of: the failed try with its run, and the same task in earlier runs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any
from uuid import UUID

from airflow.models.dagrun import DagRun
from airflow.models.serialized_dag import SerializedDagModel
from sqlalchemy import select
from sqlalchemy.orm import Session

from rca_plugin.core.failure import TaskRef
from rca_plugin.server.evidence.past import Past, past_of
from rca_plugin.server.evidence.settled import NotSettledError
from rca_plugin.server.models import FailureRow
from rca_plugin.server.task_instances import Try, find_run, find_try, is_settled


@dataclass(frozen=True)
class Subject:
    """A failure of an Airflow task or run. `ti` or `run` is None when Airflow does not have it any more."""

    session: Session
    failure: FailureRow
    task: TaskRef
    ti: Try | None
    run: DagRun | None

    @property
    def failed_at(self) -> datetime:
        """When it failed."""
        ended: datetime | None = self.ti.end_date if self.ti else None
        return ended or self.failure.occurred_at

    @property
    def version_id(self) -> UUID | None:
        """The version of the DAG that failed."""
        if self.ti is not None:
            return self.ti.dag_version_id
        return self.run.created_dag_version_id if self.run else None

    @cached_property
    def past(self) -> Past:
        """What became of the same task in earlier runs."""
        return past_of(self.session, self.task, before=self.failed_at)

    @cached_property
    def baseline_run(self) -> DagRun | None:
        """The run of the last success, if there was one."""
        last = self.past.last_success
        if last is None:
            return None
        return find_run(self.session, TaskRef(self.task.dag_id, last.run_id))

    @cached_property
    def dag_data(self) -> dict[str, Any]:
        """The serialized DAG of the version that failed; empty when Airflow does not have it."""
        return self.serialized(self.version_id)

    def serialized(self, version_id: UUID | None) -> dict[str, Any]:
        """A version of the DAG in Airflow's own format; empty when Airflow does not have it."""
        if version_id is None:
            return {}
        row = self.session.scalar(
            select(SerializedDagModel).where(SerializedDagModel.dag_version_id == version_id)
        )
        return (row.data if row else None) or {}


def subject_of(session: Session, failure: FailureRow, *, wait: bool) -> Subject:
    """The subject of a stored failure. Raises NotSettledError if `wait` is set and the try still runs."""
    task = task_of(failure)
    ti = find_try(session, task) if task.task_id else None
    if wait and not is_settled(ti):
        raise NotSettledError(f"Airflow still says that {task.resource} is {ti and ti.state}")
    return Subject(session, failure, task, ti, find_run(session, task))


def task_of(failure: FailureRow) -> TaskRef:
    """Which task instance try, or DAG run, a stored failure is of."""
    return TaskRef(
        failure.dag_id or "", failure.run_id or "", failure.task_id, failure.map_index, failure.try_number
    )
