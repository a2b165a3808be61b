"""What the answers of Data Factory say, as facts."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from rca_plugin.core.evidence import Fact
from rca_plugin.core.sources.adf_run import AdfRun
from rca_plugin.core.sources.facts import folded, lifted
from rca_plugin.core.sources.fields import text_of
from rca_plugin.core.text import head
from rca_plugin.worker.integrations.inquiry import at

_RUNS_SHOWN = 10
_NODES_SHOWN = 10
_PARAMETERS_CHARS = 3_000
_ERROR_CHARS = 10_000
_ID = r"[A-Za-z0-9][A-Za-z0-9-]{0,99}"
#: `ir-onprem`, or `AutoResolveIntegrationRuntime (West Europe)`; an error puts the name in quotes.
_RUNTIME = re.compile(rf"({_ID})(?: \(.{{1,100}}\))?")
_RUNTIME_IN_ERROR = re.compile(rf"integration runtime (?:\(.{{1,30}}\) )?'({_ID})'", re.IGNORECASE)


@dataclass(frozen=True)
class Run:
    """A run of a pipeline, or of an activity in it, and what else was answered about it."""

    run: AdfRun
    said: dict[str, Any]

    @classmethod
    def of(cls, answer: Any) -> Run:
        """Read a model of azure-mgmt-datafactory. Raises ValueError for what is none."""
        said = folded(answer.as_dict())
        return cls(AdfRun.model_validate(said), said)

    @property
    def outcome(self) -> str:
        """In one line."""
        run, by = self.run, folded(self.said.get("invokedby"))
        invoked_by = " ".join(filter(None, (text_of(by.get("invokedbytype")), text_of(by.get("name")))))
        return _listed(
            (
                run.status or "no status",
                f"started {at(run.started)}",
                f"took {(run.ended - run.started).total_seconds():.0f} s"
                if run.ended and run.started
                else "",
                f"invoked by {invoked_by}" if invoked_by else "",
            )
        )

    @property
    def child_run(self) -> str | None:
        """The pipeline run that an activity started and waited for."""
        found = text_of(folded(self.said.get("output")).get("pipelinerunid"))
        return found if self.run.activity_type == "ExecutePipeline" and re.fullmatch(_ID, found) else None

    @property
    def integration_runtime(self) -> str | None:
        """What an activity ran on, where it says so."""
        named = text_of(folded(self.said.get("output")).get("effectiveintegrationruntime"))
        found = _RUNTIME.fullmatch(named) or _RUNTIME_IN_ERROR.search(self.run.message)
        return found[1] if found else None


def newest_failed(runs: Iterable[Run], until: datetime) -> str | None:
    """The run that a report was about which names none: the last one that had started when it came."""
    failed = [run.run for run in runs if run.run.failed and run.run.started and run.run.started <= until]
    newest = max(failed, key=lambda run: run.started or until, default=None)
    return newest.run_id if newest else None


def pipeline(found: Run) -> list[Fact]:
    """How it ran, with what, and what it says of its error."""
    run, parameters = found.run, found.said.get("parameters")
    shown = text_of(parameters) if isinstance(parameters, dict) and parameters else ""
    lines = [f"Pipeline {run.pipeline}, run {run.run_id}: {found.outcome}"]
    if shown:
        lines.append(f"parameters: {head(shown, _PARAMETERS_CHARS)}")
    moment = run.ended or run.started
    return [
        Fact("pipeline", _source(run), moment, "\n".join(lines)),
        Fact("run_output", _source(run), moment, head(run.message, _ERROR_CHARS)),
    ]


def activity(found: Run) -> Fact:
    """Why one activity failed, its error last."""
    run, said = found.run, found.said
    retry, service = text_of(said.get("retryattempt")), text_of(said.get("linkedservicename"))
    about = (
        f"Activity {run.activity} ({run.activity_type}) of pipeline {run.pipeline}: {found.outcome}",
        f"retry {retry}" if retry else "",
        f"linked service {service}" if service else "",
        f"integration runtime {found.integration_runtime}" if found.integration_runtime else "",
    )
    code = _listed((f"errorCode: {run.code}" if run.code else "", run.failure_type or ""))
    lines = (_listed(about), code, head(run.message, _ERROR_CHARS))
    return Fact("activity", _source(run), run.ended or run.started, "\n".join(filter(None, lines)))


def history(name: str, runs: Sequence[Run]) -> Fact:
    """How the runs before went, the newest first."""
    lines = [f"{run.outcome}: run {run.run.run_id}" for run in runs[:_RUNS_SHOWN]]
    succeeded = next((run for run in runs if run.run.succeeded), None)
    last = f"Last success: {succeeded.outcome}" if succeeded else f"None of the last {len(runs)} succeeded."
    text = "\n".join([f"Other runs of pipeline {name}, the newest first:", *lines, last]) if runs else ""
    return Fact("history", f"data factory pipeline {name}", None, text)


def integration_runtime(name: str, answer: Any) -> Fact:
    """Whether it is there, and each of its nodes where it is self-hosted."""
    status = lifted(folded(answer.as_dict()).get("properties"), "typeproperties")
    nodes = status.get("nodes")
    lines = [
        f"Node {text_of(node.get('nodename'))}: {text_of(node.get('status'))}, last seen "
        f"{text_of(node.get('lastconnecttime')) or 'never'}, version {text_of(node.get('version'))}"
        for node in map(folded, nodes[:_NODES_SHOWN] if isinstance(nodes, list) else [])
    ]
    state = f"Integration runtime {name} ({text_of(status.get('type'))}): {text_of(status.get('state'))}"
    return Fact("integration_runtime", f"data factory runtime {name}", None, "\n".join([state, *lines]))


def _source(run: AdfRun) -> str:
    return f"data factory run {run.run_id}"


def _listed(parts: Iterable[str]) -> str:
    return ", ".join(part for part in parts if part)
