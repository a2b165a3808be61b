"""Databricks: notifications of jobs and tasks, runs as the Jobs API writes them, clusters and their events."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from pydantic import TypeAdapter

from rca_plugin.core.failure import Failure, Recovery, Report, Source, event_key
from rca_plugin.core.json_body import BodyError
from rca_plugin.core.sources.batch import as_report, bounded
from rca_plugin.core.sources.databricks.cluster import Cluster
from rca_plugin.core.sources.databricks.job_run import JobRun
from rca_plugin.core.sources.databricks.notification import events, is_notification
from rca_plugin.core.sources.facts import folded
from rca_plugin.core.sources.fields import same_post
from rca_plugin.core.sources.tables import rows_of

_BODY: TypeAdapter[dict[str, Any]] = TypeAdapter(dict[str, Any])
_RUN: TypeAdapter[JobRun] = TypeAdapter(JobRun)
_CLUSTER: TypeAdapter[Cluster] = TypeAdapter(Cluster)


def parse(body: object, received_at: datetime) -> Report:
    """Read a notification, a run, a cluster, a list of cluster events or the rows of a log query.

    Raises pydantic.ValidationError or BodyError when the body is none of these.
    """
    return as_report(_events(_BODY.validate_python(body), received_at))


def _events(body: dict[str, Any], received_at: datetime) -> Iterator[Failure | Recovery]:
    said = folded(body)
    rows = rows_of(folded(said.get("data")).get("searchresults"))
    event_type = said.get("eventtype") or said.get("event")
    key = event_key(Source.DATABRICKS, *same_post(body, received_at))
    if isinstance(event_type, str) and is_notification(event_type):
        yield from events(event_type, _run(body), key, received_at)
    elif isinstance(said.get("events"), list):
        yield from _cluster_events(said, received_at)
    elif rows:
        for place, row in enumerate(rows):
            yield from _cluster_or_run(row.folded(), event_key(Source.DATABRICKS, key, place), received_at)
    elif isinstance(said.get("cluster"), dict):
        yield from _of_cluster({**said, **folded(said["cluster"])}, key, received_at)
    else:
        yield from _cluster_or_run(said, key, received_at)


def _cluster_events(said: dict[str, Any], received_at: datetime) -> Iterator[Failure]:
    for item in bounded(said["events"]):
        event = _BODY.validate_python(item)
        shared: dict[str, Any] = {
            name: said[name] for name in ("clusterid", "clustername", "workspaceid") if name in said
        }
        key = event_key(Source.DATABRICKS, *same_post(item, received_at))
        yield from _of_cluster({**shared, **folded(event)}, key, received_at)


def _cluster_or_run(said: dict[str, Any], key: str, received_at: datetime) -> Iterator[Failure | Recovery]:
    names = said.keys() | folded(said.get("run")).keys()
    if "clusterid" in said and not names & {"runid", "jobid", "jobrunid", "jobname", "run", "job"}:
        yield from _of_cluster(said, key, received_at)
    else:
        yield from _of_run(said, key, received_at)


def _of_cluster(said: dict[str, Any], key: str, received_at: datetime) -> Iterator[Failure]:
    cluster = _CLUSTER.validate_python(said)
    if cluster.cluster_id is None or not cluster.says_something:
        raise BodyError("invalid_fields", "Not as documented: cluster_id, state.")
    if cluster.failed:
        yield cluster.failure(received_at, cluster.key() or key)


def _of_run(said: dict[str, Any], key: str, received_at: datetime) -> Iterator[Failure | Recovery]:
    run, tasks = _run(said), _tasks(said)
    if run.succeeded:
        yield run.recovery(received_at, run.key() or key)
    # What failed is the task; the job failed because of it.
    failed = [task for task in tasks if task.failed and task.result != "SKIPPED"]
    for place, task in enumerate(failed or ([run] if run.failed else [])):
        yield task.failure(received_at, task.key() or event_key(Source.DATABRICKS, key, place))


def _run(said: dict[str, Any]) -> JobRun:
    run = _RUN.validate_python(said)
    if run.job is None and run.run_id is None:
        raise BodyError("invalid_fields", "Not as documented: job_id, run_id.")
    return run


def _tasks(said: dict[str, Any]) -> list[JobRun]:
    whole = {**folded(said.get("run")), **said}
    tasks = whole.get("tasks")
    if not isinstance(tasks, list):
        return []
    names = ("workspaceid", "jobid", "jobname", "runname", "job", "runtype", "runpageurl")
    of_job = {name: whole[name] for name in names if name in whole}
    parent = {"parentrunid": whole["runid"]} if "runid" in whole else {}
    found = (folded(_BODY.validate_python(task)) for task in bounded(tasks))
    return [_run({**of_job, **parent, **task}) for task in found]
