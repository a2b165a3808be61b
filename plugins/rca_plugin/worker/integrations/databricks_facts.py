"""What the answers of Databricks say, as facts."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rca_plugin.core.evidence import Fact
from rca_plugin.core.sources.databricks.cluster import Cluster
from rca_plugin.core.sources.databricks.job_run import JobRun
from rca_plugin.core.sources.facts import Facts, folded
from rca_plugin.core.sources.fields import instant, text_of
from rca_plugin.core.text import head, tail
from rca_plugin.worker.integrations.inquiry import at

_MOST_TASKS = 200
_TASKS_SHOWN = 30
_LOG_CHARS, _TRACE_CHARS, _ERROR_CHARS = 4_000, 10_000, 4_000
_DETAIL_CHARS = 300
_SHOWN_OF_CLUSTER = (
    "state", "state_message", "spark_version", "node_type_id", "driver_node_type_id", "num_workers", "autoscale",
    "instance_pool_id", "policy_id", "data_security_mode", "runtime_engine", "cluster_source",
)  # fmt: skip


@dataclass(frozen=True)
class Run:
    """A run of a job with the tasks in it; a run of one task alone has none."""

    whole: JobRun
    tasks: tuple[JobRun, ...]
    trigger: str
    spark_contexts: Mapping[str, str]

    @classmethod
    def of(cls, answer: dict[str, Any]) -> Run:
        """Read an answer of runs/get. Raises ValueError for what is none."""
        listed = answer.get("tasks")
        tasks = [task for task in listed if isinstance(task, dict)] if isinstance(listed, list) else []
        return cls(
            _run({name: part for name, part in answer.items() if name != "tasks"}),
            tuple(_run(task) for task in tasks[:_MOST_TASKS]),
            text_of(answer.get("trigger")),
            dict(filter(None, map(_spark_context, [answer, *tasks]))),
        )

    def failed(self, task_key: str | None) -> list[JobRun]:
        """What failed of itself, in the order it did: that task only, where it is one of them."""
        failed = [task for task in self.tasks if task.failed and task.result != "SKIPPED"]
        failed.sort(key=lambda task: task.ended.timestamp() if task.ended else 0.0)
        named = [task for task in failed if task.task_key == task_key]
        return named or failed or ([self.whole] if self.whole.failed else [])

    def has_output(self, task: JobRun) -> bool:
        """Whether Databricks keeps output of it: not of a run with tasks, only of those."""
        return task is not self.whole or not self.tasks

    def clusters(self, task_key: str | None) -> list[str]:
        """Those of what failed, each once."""
        found = [task.cluster_id for task in (*self.failed(task_key), self.whole) if task.cluster_id]
        return list(dict.fromkeys(found))

    def fact(self, host: str | None) -> Fact:
        """How it went, task by task."""
        run = self.whole
        lines = [
            f"Run {run.run_id} of {run.what}: {_outcome(run)}",
            *([head(run.message, _ERROR_CHARS)] if run.message else []),
            f"Started {at(run.started)}, ended {at(run.ended)}, trigger {self.trigger or 'unknown'}",
            *(f"Task {task.task_key}: {_outcome(task)}" for task in self.tasks[:_TASKS_SHOWN]),
            *([f"Run page: {run.url}"] if run.url else []),
            *(
                f"Spark UI: https://{host}/#setting/sparkui/{cluster_id}/{context}"
                for cluster_id, context in self.spark_contexts.items()
                if host
            ),
        ]
        return Fact("run", f"databricks run {run.run_id}", run.ended or run.started, "\n".join(lines))


def output(task: JobRun, answer: Mapping[str, Any]) -> Fact:
    """Why one task failed. Its error stands at the end: the log is only shown where there is no trace."""
    said = folded(answer)
    trace = tail(text_of(said.get("errortrace")), _TRACE_CHARS)
    printed = "" if trace else tail(text_of(said.get("logs")), _LOG_CHARS)
    error = head(text_of(said.get("error")) or task.message, _ERROR_CHARS)
    code = f"termination code: {task.code}" if task.code else ""
    parts = [f"{task.what}, {_outcome(task)}", printed, trace, code, error]
    text = "\n".join(part for part in parts if part) if printed or trace or error else ""
    return Fact("run_output", f"databricks run {task.run_id}", task.ended, text)


def cluster(answer: Mapping[str, Any], run: JobRun | None) -> list[Fact]:
    """What it is made of, and why it ended if that went wrong and was no other run's trouble."""
    found = Cluster.model_validate(answer)
    source = f"databricks cluster {found.cluster_id}"
    shown = Facts.of((name, answer.get(name)) for name in _SHOWN_OF_CLUSTER)
    lines = [f"Cluster {found.name or found.cluster_id}", *shown.lines(), *_machines(answer)]
    if found.code:
        lines.append(
            f"Terminated {at(found.at)}: {found.code}, {found.kind or 'no type'}, {found.text}".rstrip(", ")
        )
    facts = [Fact("cluster", source, found.at, "\n".join(lines))]
    if found.code and not found.termination.normal and not _before(found, run):
        parameters = Facts.of(found.parameters.items()).lines()
        text = "\n".join([*parameters, f"{found.sentence}{': ' if found.text else ''}{found.text}"])
        facts.append(Fact("termination", source, found.at, text))
    return facts


def events(cluster_id: str, answer: Mapping[str, Any]) -> Fact:
    """What happened to it, the newest last."""
    listed = answer.get("events")
    found = [folded(event) for event in listed] if isinstance(listed, list) else []
    lines = [
        f"{at(instant(event.get('timestamp')))} {text_of(event.get('type'))} {_brief(event.get('details'))}".rstrip()
        for event in reversed(found)
    ]
    newest = instant(found[0].get("timestamp")) if found else None
    return Fact("cluster_events", f"databricks cluster {cluster_id}", newest, "\n".join(lines))


def _run(answer: Mapping[str, Any]) -> JobRun:
    # A run that goes on ends at 0, which is no time.
    return JobRun.model_validate(
        {name: part for name, part in answer.items() if part != 0 or name != "end_time"}
    )


def _before(cluster: Cluster, run: JobRun | None) -> bool:
    return bool(run and run.started and cluster.at and cluster.at < run.started)


def _outcome(run: JobRun) -> str:
    parts = [
        run.result or "no state",
        run.code or "",
        f"attempt {run.attempt}" if run.attempt else "",
        f"cluster {run.cluster_id}" if run.cluster_id else "",
        f"took {(run.ended - run.started).total_seconds():.0f} s" if run.ended and run.started else "",
    ]
    return ", ".join(part for part in parts if part)


def _machines(answer: Mapping[str, Any]) -> Sequence[str]:
    """Whether they are spot or on demand, as each cloud calls it."""
    clouds = (answer.get(f"{cloud}_attributes") for cloud in ("azure", "aws", "gcp"))
    return [f"machines: {_brief(cloud)}" for cloud in clouds if isinstance(cloud, Mapping)]


def _spark_context(part: Mapping[str, Any]) -> tuple[str, str] | None:
    instance = folded(part.get("cluster_instance"))
    found = text_of(instance.get("clusterid")), text_of(instance.get("sparkcontextid"))
    return found if all(found) else None


def _brief(value: object) -> str:
    return head(json.dumps(value, ensure_ascii=False, default=str), _DETAIL_CHARS) if value else ""
