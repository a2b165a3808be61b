"""Azure Data Factory, asked through the provider's hook why a pipeline failed, and how it went before."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any, TypeVar

from tenacity import Retrying, retry_if_exception

from rca_plugin.config import connection_id
from rca_plugin.worker.integrations import adf_facts as facts
from rca_plugin.worker.integrations.adf_facts import Run
from rca_plugin.worker.integrations.inquiry import CALL_SECONDS, Inquiry

_MOST_ACTIVITIES = 8
_MOST_CHILDREN = 3
_MOST_RUNTIMES = 2
#: A pipeline may run for a week; Data Factory forgets its runs after 45 days.
_LONGEST_RUN, _HISTORY, _CLOCKS = timedelta(days=8), timedelta(days=30), timedelta(days=1)
# Left alone, azure-core waits five minutes for one answer, and as long as any Retry-After says.
_LIMITS = {"retry_total": 0, "connection_timeout": CALL_SECONDS, "read_timeout": CALL_SECONDS}
_RUN_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,99}")
_FACTORY = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{1,62}")
_GROUP = re.compile(r"[\w(][\w.()-]{0,89}")

Answer = TypeVar("Answer")


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
    factory = _Factory.of(inquiry, about)
    run = factory.run(about.run_id) if about.run_id else None
    pipeline = (run and run.run.pipeline) or about.pipeline
    history = factory.history(pipeline, about.occurred_at) if pipeline else []
    run = run or (None if about.run_id else facts.newest_failed(history, about.occurred_at))
    if run:
        inquiry.found(facts.pipeline(run))
    if run_id := about.run_id or (run and run.run.run_id):
        _activities(inquiry, factory, run_id, about.occurred_at)
    inquiry.found(facts.history(pipeline or "", [one for one in history if one.run.run_id != run_id]))


def _activities(inquiry: Inquiry, factory: _Factory, run_id: str, occurred_at: datetime) -> None:
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


@dataclass(frozen=True)
class _Factory:
    """One factory, with the hook to ask about it."""

    inquiry: Inquiry
    hook: Any
    place: tuple[str, str]

    @classmethod
    def of(cls, inquiry: Inquiry, about: Subject) -> _Factory:
        from airflow.providers.microsoft.azure.hooks.data_factory import AzureDataFactoryHook, get_field

        name = connection_id("adf_conn_id", about.subscription)
        hook = AzureDataFactoryHook(name)
        extra = hook.get_connection(name).extra_dejson
        subscription = get_field(extra, "subscriptionId")
        if about.subscription and subscription and about.subscription.lower() != subscription.lower():
            raise LookupError(
                f"connection {name} is for subscription {subscription}, not {about.subscription}: name the "
                "connection for that one in [rca] adf_conn_id"
            )
        group = about.resource_group or get_field(extra, "resource_group_name")
        factory = about.factory or get_field(extra, "factory_name")
        if not (group and factory):
            raise LookupError(
                f"neither the report nor connection {name} names factory and resource group: set factory_name "
                "and resource_group_name in its extra"
            )
        return cls(inquiry, hook, (group, factory))

    def run(self, run_id: str) -> Run | None:
        """A pipeline run."""
        return self._ask(
            f"pipeline run {run_id}",
            lambda: Run.of(self.hook.get_pipeline_run(run_id, *self.place, **_LIMITS)),
        )

    # What the hook has no method for is asked with the hook's own client (apache-airflow-providers-microsoft-azure
    # 15.2).

    def history(self, pipeline: str, until: datetime) -> list[Run]:
        """The newest runs of a pipeline."""
        query = _query(until - _HISTORY, until + _CLOCKS, "PipelineName", pipeline, "RunStart", "DESC")
        ask = self.hook.get_conn().pipeline_runs.query_by_factory
        found = self._ask(
            f"the runs of pipeline {pipeline}",
            lambda: list(map(Run.of, ask(*self.place, query, **_LIMITS).value)),
        )
        return found or []

    def failed_activities(self, run_id: str, until: datetime) -> list[Run]:
        """What failed in a pipeline run, in the order it did."""
        query = _query(until - _LONGEST_RUN, until + _CLOCKS, "Status", "Failed", "ActivityRunEnd", "ASC")
        ask = self.hook.get_conn().activity_runs.query_by_pipeline_run
        found = self._ask(
            f"the activities of pipeline run {run_id}",
            lambda: list(map(Run.of, ask(*self.place, run_id, query, **_LIMITS).value)),
        )
        return found or []

    def integration_runtime(self, name: str) -> Any:
        """The state of what an activity ran on."""
        ask = self.hook.get_conn().integration_runtimes.get_status
        return self._ask(
            f"integration runtime {name}",
            lambda: facts.integration_runtime(name, ask(*self.place, name, **_LIMITS)),
        )

    def _ask(self, what: str, question: Callable[[], Answer]) -> Answer | None:
        patiently = Retrying(**self.inquiry.patience, retry=retry_if_exception(_may_pass))
        return self.inquiry.ask(what, partial(patiently, question))


def _query(after: datetime, before: datetime, operand: str, value: str, order: str, direction: str) -> bytes:
    # As it goes over the wire: azure-mgmt-datafactory 10 names a part of its model unlike the versions before.
    query = {
        "lastUpdatedAfter": after.isoformat(),
        "lastUpdatedBefore": before.isoformat(),
        "filters": [{"operand": operand, "operator": "Equals", "values": [value]}],
        "orderBy": [{"orderBy": order, "order": direction}],
    }
    return json.dumps(query).encode()


def _may_pass(error: BaseException) -> bool:
    from azure.core.exceptions import ServiceRequestError, ServiceResponseError

    status = getattr(error, "status_code", None)
    if status:
        return bool(status in (408, 429) or status >= 500)
    return isinstance(error, (ServiceRequestError, ServiceResponseError))


def _matching(pattern: re.Pattern[str], value: object) -> str | None:
    return value if isinstance(value, str) and pattern.fullmatch(value) else None
