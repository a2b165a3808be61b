"""Azure Data Factory, asked through the provider's hook why a pipeline failed, and how it went before."""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from rca_plugin.worker.integrations import adf_facts as facts
from rca_plugin.worker.integrations.adf_factory import Factory
from rca_plugin.worker.integrations.adf_facts import Run
from rca_plugin.worker.integrations.inquiry import Inquiry

_MOST_ACTIVITIES = 8
_MOST_CHILDREN = 3
_MOST_RUNTIMES = 2
_RUN_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,99}")
_FACTORY = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{1,62}")
_GROUP = re.compile(r"[\w(][\w.()-]{0,89}")


@dataclass(frozen=True)
class Subject:
    """What to ask about: a pipeline run, or the newest failed one before `occurred_at`. Unknown parts are None."""

    occurred_at: datetime
    factory: str | None = None
    resource_group: str | None = None
    subscription: str | None = None
    pipeline: str | None = None
    run_id: str | None = None

    @classmethod
    def of_labels(cls, labels: Mapping[str, Any], occurred_at: datetime) -> Subject:
        """The one that the labels of a failure name."""
        return cls(
            occurred_at,
            factory=_matching(_FACTORY, labels.get("factory")),
            resource_group=_matching(_GROUP, labels.get("resource_group")),
            subscription=_matching(_RUN_ID, labels.get("subscription")),
            pipeline=labels.get("pipeline"),
            run_id=_matching(_RUN_ID, labels.get("pipeline_run_id")),
        )


def collect(inquiry: Inquiry, about: Subject) -> None:
    """Ask for everything about it. Raises whatever keeps the hook from being made."""
    if not (about.run_id or about.pipeline):
        inquiry.miss("Data Factory was not asked: the report names neither a pipeline nor a run")
        return
    factory = Factory.of(inquiry, about.subscription, about.resource_group, about.factory)
    with closing(factory.client):
        _about_run(inquiry, factory, about)


def _about_run(inquiry: Inquiry, factory: Factory, about: Subject) -> None:
    history: list[Run] = []
    run_id, pipeline = about.run_id, about.pipeline
    if not run_id and pipeline:
        history = factory.history(pipeline, about.occurred_at)
        run_id = facts.newest_failed(history, about.occurred_at)
    if run_id:
        run = factory.run(run_id)
        for fact in facts.pipeline(run) if run else []:
            inquiry.found(fact)
        _activities(inquiry, factory, run_id, about.occurred_at)
        pipeline = pipeline or (run.run.pipeline if run else None)
    if pipeline:
        history = history or factory.history(pipeline, about.occurred_at)
        inquiry.found(facts.history(pipeline, [run for run in history if run.run.run_id != run_id]))


def _activities(inquiry: Inquiry, factory: Factory, run_id: str, occurred_at: datetime) -> None:
    failed = factory.failed_activities(run_id, occurred_at)
    children = [child for activity in failed if (child := activity.child_run)][:_MOST_CHILDREN]
    inner = [activity for child in children for activity in factory.failed_activities(child, occurred_at)]
    # What failed first, and furthest in, may be why the others did: it stands last, where the cause is looked for.
    for activity in [*reversed(failed[:_MOST_ACTIVITIES]), *reversed(inner[:_MOST_ACTIVITIES])]:
        inquiry.found(facts.activity(activity))
    runtimes = [name for activity in [*inner, *failed] if (name := activity.integration_runtime)]
    for name in list(dict.fromkeys(runtimes))[:_MOST_RUNTIMES]:
        if (status := factory.integration_runtime(name)) is not None:
            inquiry.found(status)


def _matching(pattern: re.Pattern[str], value: object) -> str | None:
    return value if isinstance(value, str) and pattern.fullmatch(value) else None
