"""Databricks, asked through the provider's hook why a run or a cluster failed: its notifications do not say."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from rca_plugin.config import connection_id
from rca_plugin.core.sources.databricks.job_run import JobRun
from rca_plugin.worker.integrations import databricks_facts as facts
from rca_plugin.worker.integrations.inquiry import CALL_SECONDS, Inquiry

_MOST_OUTPUTS = 5
_MOST_CLUSTERS = 2
_EVENTS = 30
#: A cluster is in trouble before its run is, and is shut down after it.
_AROUND = timedelta(minutes=15)
_NUMBER = re.compile(r"[0-9]{1,20}")
_CLUSTER_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,99}")

# Of what DatabricksHook can call: its get_cluster_state leaves out why the cluster ended, and nothing of it reads
# events (apache-airflow-providers-databricks 7.23).
_CLUSTER = ("GET", "2.1/clusters/get")
_CLUSTER_EVENTS = ("POST", "2.1/clusters/events")


@dataclass(frozen=True)
class Subject:
    """What to ask about: a run, or only one task of it, or a cluster. Parts that nobody named are None."""

    workspace_id: str | None = None
    job_id: str | None = None
    run_id: int | None = None
    task_key: str | None = None
    cluster_id: str | None = None

    @classmethod
    def of_labels(cls, labels: Mapping[str, Any]) -> Subject:
        """The one that the labels of a failure name."""
        run_id = _matching(_NUMBER, labels.get("parent_run_id") or labels.get("run_id"))
        return cls(
            workspace_id=_matching(_NUMBER, labels.get("workspace_id")),
            job_id=_matching(_NUMBER, labels.get("job_id")),
            run_id=int(run_id) if run_id else None,
            task_key=labels.get("task_key"),
            cluster_id=_matching(_CLUSTER_ID, labels.get("cluster_id")),
        )


def collect(inquiry: Inquiry, about: Subject) -> None:
    """Ask for everything about it. Raises whatever keeps the hook from being made."""
    if about.run_id is None and about.cluster_id is None:
        inquiry.miss("Databricks was not asked: the report names neither a run nor a cluster")
        return
    hook = _hook(inquiry, about)
    if about.run_id is None:
        _about_cluster(inquiry, hook, about.cluster_id or "", None)
    else:
        _about_run(inquiry, hook, about)


def _hook(inquiry: Inquiry, about: Subject) -> Any:
    from airflow.providers.databricks.hooks.databricks import DatabricksHook

    name = connection_id("databricks_conn_id", about.workspace_id)
    # Left alone, the hook waits three minutes for one answer, and does not hear how long it shall stay away.
    return DatabricksHook(name, timeout_seconds=CALL_SECONDS, retry_args=inquiry.patience, caller="rca")


def _about_run(inquiry: Inquiry, hook: Any, about: Subject) -> None:
    run = inquiry.ask(f"run {about.run_id}", lambda: facts.Run.of(same(hook.get_run(about.run_id), about)))
    if run is None:
        clusters = [about.cluster_id] if about.cluster_id else []
    else:
        inquiry.found(run.fact(hook.host))
        _outputs(inquiry, hook, run, about.task_key)
        clusters = run.clusters(about.task_key)
    for cluster_id in clusters[:_MOST_CLUSTERS]:
        _about_cluster(inquiry, hook, cluster_id, run.whole if run else None)


def _outputs(inquiry: Inquiry, hook: Any, run: facts.Run, task_key: str | None) -> None:
    failed = run.failed(task_key)
    # What failed first may be why the others did, so it stands last: where the cause is looked for.
    for task in reversed(failed[:_MOST_OUTPUTS]):
        inquiry.found(facts.output(task, _output(inquiry, hook, task) if run.has_output(task) else {}))
    if len(failed) > _MOST_OUTPUTS:
        inquiry.miss(f"{len(failed) - _MOST_OUTPUTS} more tasks of run {run.whole.run_id} failed")


def _output(inquiry: Inquiry, hook: Any, task: JobRun) -> dict[str, Any]:
    number = int(task.run_id or 0)
    return inquiry.ask(f"the output of run {number}", lambda: dict(hook.get_run_output(number))) or {}


def _about_cluster(inquiry: Inquiry, hook: Any, cluster_id: str, run: JobRun | None) -> None:
    cluster = inquiry.ask(
        f"cluster {cluster_id}",
        lambda: facts.cluster(hook._do_api_call(_CLUSTER, {"cluster_id": cluster_id}), run),
    )
    for fact in cluster or []:
        inquiry.found(fact)
    query = {"cluster_id": cluster_id, "order": "DESC", "limit": _EVENTS, **_window(run)}
    events = inquiry.ask(
        f"the events of cluster {cluster_id}",
        lambda: facts.events(cluster_id, hook._do_api_call(_CLUSTER_EVENTS, query)),
    )
    if events:
        inquiry.found(events)


def _window(run: JobRun | None) -> dict[str, int]:
    """A cluster that many runs share has events of them all."""
    window = {}
    if run and run.started:
        window["start_time"] = _milliseconds(run.started - _AROUND)
    if run and run.ended:
        window["end_time"] = _milliseconds(run.ended + _AROUND)
    return window


def _milliseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)


def same(run: dict[str, Any], about: Subject) -> dict[str, Any]:
    """The run, if it is the one that was asked for: another workspace may have one with the same number."""
    found = JobRun.model_validate(run)
    for ours, theirs, what in (
        (about.workspace_id, found.workspace, "workspace"),
        (about.job_id, found.job_id, "job"),
    ):
        if ours and theirs and ours != theirs:
            raise LookupError(
                f"it is a run of {what} {theirs}, not of {ours}: name the connection to that workspace in "
                "[rca] databricks_conn_id"
            )
    return run


def _matching(pattern: re.Pattern[str], value: object) -> str | None:
    return value if isinstance(value, str) and pattern.fullmatch(value) else None
