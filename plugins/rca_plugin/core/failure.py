"""What a source reports: a failure is one thing that went wrong, once; a recovery says that it is over."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum

from rca_plugin.core.category import Severity


class Source(str, Enum):
    """Where a failure was seen."""

    AIRFLOW = "airflow"
    ADF = "adf"
    DATABRICKS = "databricks"
    AZURE_MONITOR = "azure_monitor"
    GENERIC = "generic"


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
    `message` is the error in one or a few lines, `detail` the traceback, output or row around it.
    `task` is set for what failed in Airflow, `run` (pipeline run, job run) for what ran elsewhere.
    `alert` names the alert that reported it, for the recovery that ends it.
    `final` is False for a try that Airflow will retry: it is kept, but opens no incident.
    `severity` is what the sender said, None where it leaves that to us.
    `labels` are the facts that a matcher may ask for and a diagnosis needs: `cluster_id`, `alert_rule`, ...
    """

    source: Source
    event_key: str
    resource: str
    occurred_at: datetime
    message: str
    task: TaskRef | None = None
    run: str | None = None
    alert: str | None = None
    final: bool = True
    code: str | None = None
    detail: str = ""
    operator: str | None = None
    owner: str | None = None
    severity: Severity | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    url: str | None = None
    reported_by: str = "webhook"

    @property
    def run_id(self) -> str | None:
        """The run it happened in, in Airflow or elsewhere."""
        return self.task.run_id if self.task else self.run


@dataclass(frozen=True)
class Recovery:
    """A sender's word that something works again: either the `alert` that is over, or the `resource`, with
    everything under it, that succeeded.
    """

    source: Source
    event_key: str
    occurred_at: datetime
    reason: str
    alert: str | None = None
    resource: str | None = None


@dataclass(frozen=True)
class Report:
    """What one request says. Both are empty where it tells of normal life: a start, a shutdown by request."""

    failures: tuple[Failure, ...] = ()
    recoveries: tuple[Recovery, ...] = ()


def event_key(source: Source, *identity: str | int | None) -> str:
    """Name an event by what identifies it at its source.

    A digest, because identifiers of 250 characters each do not fit the unique index of every database.
    """
    digest = hashlib.sha256(json.dumps(identity, separators=(",", ":")).encode()).hexdigest()
    return f"{source.value}:{digest[:48]}"


def task_event_key(task: TaskRef) -> str:
    """Name the failure of one task instance try, or of one DAG run."""
    return event_key(Source.AIRFLOW, task.dag_id, task.run_id, task.task_id, task.map_index, task.try_number)
