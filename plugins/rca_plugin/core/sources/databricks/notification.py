"""The notification that Databricks posts when a job or a task starts, ends, runs long or falls behind.

It carries no error text: what failed is looked up later, by the ids among the labels.
"""

from __future__ import annotations

from datetime import datetime

from rca_plugin.core.category import Severity
from rca_plugin.core.failure import Failure, Recovery
from rca_plugin.core.sources.databricks.job_run import JobRun

_PREFIX = "jobs."
#: Nothing failed yet, but whoever set the limit wants to know that it was passed.
_WARNINGS = {
    "on_duration_warning_threshold_exceeded": "ran longer than expected",
    "on_streaming_backlog_exceeded": "has a streaming backlog above its limit",
}
_FAILED, _SUCCEEDED = "on_failure", "on_success"


def is_notification(event_type: object) -> bool:
    """Whether this names an event of a job."""
    return isinstance(event_type, str) and event_type.startswith(_PREFIX)


def events(event_type: str, run: JobRun, key: str, received_at: datetime) -> list[Failure | Recovery]:
    """What a notification tells; nothing for a start."""
    event = event_type.removeprefix(_PREFIX)
    if event == _FAILED:
        return [run.failure(received_at, run.key() or key)]
    if event == _SUCCEEDED:
        return [run.recovery(received_at, run.key() or key)]
    if event in _WARNINGS:
        message = f"{run.what[0].upper()}{run.what[1:]} {_WARNINGS[event]}"
        return [run.failure(received_at, run.key(event) or key, message=message, severity=Severity.LOW)]
    return []
