"""A failure: one thing that went wrong, once, as its source reported it."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import datetime
from enum import Enum


class Source(str, Enum):
    """Where a failure was seen."""

    AIRFLOW = "airflow"


@dataclass(frozen=True)
class TaskRef:
    """The Airflow task instance try, or the DAG run when `task_id` is None, that failed.

    `map_index` is -1 for a task that is not mapped; `try_number` counts from 1, and is 0 for a DAG run.
    """

    dag_id: str
    run_id: str
    task_id: str | None = None
    map_index: int = -1
    try_number: int = 0

    @property
    def resource(self) -> str:
        """What failed, whichever run, index or try it was: the same resource is the same incident."""
        return self.dag_id if self.task_id is None else f"{self.dag_id}/{self.task_id}"


@dataclass(frozen=True)
class Failure:
    """One normalized failure event.

    `event_key` names the event: the same event has the same key on every way it may arrive.
    `final` is False for a try that Airflow will retry: it is kept, but opens no incident.
    `message` is the error in one or a few lines, `detail` the traceback or output around it.
    """

    source: Source
    event_key: str
    resource: str
    occurred_at: datetime
    message: str
    task: TaskRef
    final: bool = True
    code: str | None = None
    detail: str = ""
    operator: str | None = None
    owner: str | None = None
    reported_by: str = "listener"


def event_key(source: Source, *identity: str | int | None) -> str:
    """Name an event by what identifies it at its source.

    A digest, because identifiers of 250 characters each do not fit the unique index of every database.
    """
    digest = hashlib.sha256(json.dumps(identity, separators=(",", ":")).encode()).hexdigest()
    return f"{source.value}:{digest[:48]}"


def task_event_key(task: TaskRef) -> str:
    """Name the failure of one task instance try, or of one DAG run."""
    return event_key(Source.AIRFLOW, task.dag_id, task.run_id, task.task_id, task.map_index, task.try_number)
