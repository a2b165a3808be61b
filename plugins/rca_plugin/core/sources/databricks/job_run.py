"""A run of a Databricks job or of one of its tasks, whoever tells of it: notification, Jobs API or alert's row."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from pydantic import AliasChoices, BaseModel, ConfigDict, Field, model_validator

from rca_plugin.core.category import Severity
from rca_plugin.core.failure import Failure, Recovery, Source, event_key
from rca_plugin.core.sources.databricks.run_body import said_of_run
from rca_plugin.core.sources.databricks.termination import Termination
from rca_plugin.core.sources.fields import Code, Instant, Link, Name, Text, happened, labels, path

UNKNOWN = "-"
_SUCCEEDED = frozenset({"SUCCESS", "SUCCEEDED", "RUNSUCCEEDED", "SUCCESS_WITH_FAILURES"})
#: A task that was never started because of another one is a consequence: that other one is the failure.
_CONSEQUENCE = frozenset({"UPSTREAM_FAILED", "UPSTREAM_CANCELED", "EXCLUDED", "DISABLED"})
_NOT_ENDED = frozenset(
    {"PENDING", "QUEUED", "RUNNING", "TERMINATING", "BLOCKED", "WAITING_FOR_RETRY", "WAITING"}
)
#: Databricks on Azure names the workspace in the address of every run.
_WORKSPACE_IN_URL = re.compile(r"[?&]o=(\d{1,20})\b|//adb-(\d{1,20})\.")


def _any_of(*names: str) -> Any:
    return Field(default=None, validation_alias=AliasChoices(*names))


class JobRun(BaseModel):
    """A run, with the job and the task it is a run of. Names are read without case and underscores."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    workspace_id: Name = _any_of("workspaceid", "orgid")
    workspace_name: Name = _any_of("workspace", "workspacename")
    job_id: Name = _any_of("jobid")
    job_name: Name = _any_of("jobname", "runname")
    run_type: Name = _any_of("runtype")
    run_id: Name = _any_of("runid", "jobrunid")
    parent_run_id: Name = _any_of("parentrunid", "multitaskparentrunid", "jobparentrunid")
    repair_id: Name = _any_of("repairid", "latestrepairid")
    attempt: Name = _any_of("attemptnumber")
    task_key: Name = _any_of("taskkey", "task")
    cluster_id: Name = _any_of("clusterid", "existingclusterid")
    cluster_name: Name = _any_of("clustername")
    life_cycle_state: Code = _any_of("lifecyclestate")
    result_state: Code = _any_of("resultstate", "jobterminalstate", "status", "state")
    code: Code = _any_of("terminationcode", "errorcode", "code")
    kind: Name = _any_of("terminationtype", "type")
    message: Text = Field(
        default="", validation_alias=AliasChoices("errormessage", "statemessage", "error", "message")
    )
    trace: Text = Field(default="", validation_alias=AliasChoices("errortrace", "trace"))
    ended: Instant = _any_of("endtime", "timegenerated")
    started: Instant = _any_of("starttime")
    url: Link = _any_of("runpageurl", "url")

    @model_validator(mode="before")
    @classmethod
    def _spelled_alike(cls, value: object) -> object:
        if not isinstance(value, Mapping):
            return value
        return said_of_run(value)

    @property
    def workspace(self) -> str | None:
        """The number of the workspace."""
        found = _WORKSPACE_IN_URL.search(self.url or "")
        return self.workspace_id or (found and (found[1] or found[2])) or None

    @property
    def scope(self) -> str:
        """What names the workspace best; `-` where nobody says which it is."""
        return self.workspace or self.workspace_name or UNKNOWN

    @property
    def job(self) -> str | None:
        """Its number, which stays when it is renamed. A run that was only submitted has a new one each time."""
        submitted = (self.run_type or "").upper() == "SUBMIT_RUN" and self.job_name
        return self.job_name if submitted else self.job_id or self.job_name

    @property
    def resource(self) -> str:
        if self.job is None:
            return path(self.scope, "runs", self.run_id)
        return path(self.scope, self.job, self.task_key)

    @property
    def termination(self) -> Termination:
        return Termination(self.code or self.result, self.kind, self.message)

    @property
    def result(self) -> str:
        """`FAILED`, `TIMEDOUT`, …; the state of its life where it came to no result."""
        return (self.result_state or self.life_cycle_state or "").upper()

    @property
    def succeeded(self) -> bool:
        return self.result in _SUCCEEDED or (self.code or "").upper() in _SUCCEEDED

    @property
    def failed(self) -> bool:
        """Whether it ended, and not as it should; one that nobody gives a state for did."""
        if self.succeeded or self.result in _CONSEQUENCE | _NOT_ENDED:
            return False
        # Jobs API: a run is TERMINATED with a result, so one without a result is about to get it.
        if self.result == "TERMINATED" and not (self.code or self.message):
            return False
        return not self.termination.normal

    def key(self, *event: str) -> str | None:
        """The event's name; None when nothing identifies the run.

        Each attempt has a run id of its own; only a repair goes on with the one it repairs.
        """
        if self.run_id is None:
            return None
        return event_key(Source.DATABRICKS, self.job_id, self.run_id, self.repair_id, *event)

    @property
    def what(self) -> str:
        """Names it for a person."""
        job = f"job {self.job_name or self.job_id}" if self.job else f"run {self.run_id}"
        return f"task {self.task_key} of {job}" if self.task_key else job

    @property
    def sentence(self) -> str:
        """What is said where there is no error text: the same words each time it happens."""
        code = self.termination.known_code
        return f"{self.what[0].upper()}{self.what[1:]} failed" + (f" with {code}" if code else "")

    def failure(
        self,
        received_at: datetime,
        key: str,
        *,
        message: str = "",
        detail: str = "",
        severity: Severity | None = None,
        alert: str | None = None,
        url: str | None = None,
        more: Iterable[tuple[str, str | None]] = (),
    ) -> Failure:
        """The failure of this run, under this key."""
        return Failure(
            source=Source.DATABRICKS,
            event_key=key,
            resource=self.resource,
            occurred_at=happened(self.ended or self.started, received_at),
            message=message or self.message or self.sentence,
            run=self.parent_run_id or self.run_id,
            alert=alert,
            code=self.termination.known_code or None,
            detail=detail or self.trace,
            severity=severity,
            labels=labels(self.labels(), more),
            url=self.url or url,
        )

    def recovery(self, received_at: datetime, key: str) -> Recovery:
        """The success of this run."""
        return Recovery(
            source=Source.DATABRICKS,
            event_key=event_key(Source.DATABRICKS, "succeeded", key),
            occurred_at=happened(self.ended, received_at),
            reason=f"{self.what} succeeded",
            resource=self.resource,
        )

    def labels(self) -> list[tuple[str, str | None]]:
        return [
            ("cluster_id", self.cluster_id),
            ("cluster_name", self.cluster_name),
            ("workspace_id", self.workspace),
            ("workspace", self.workspace_name),
            ("job_id", self.job_id),
            ("job_name", self.job_name),
            ("run_id", self.run_id),
            ("parent_run_id", self.parent_run_id),
            ("task_key", self.task_key),
            ("repair_id", self.repair_id),
            ("attempt", self.attempt),
        ]
