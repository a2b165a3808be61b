"""A data factory, and what it is asked through the hook of the provider."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any, TypeVar

from tenacity import Retrying, retry_if_exception

from rca_plugin.config import connection_id
from rca_plugin.core.evidence import Fact
from rca_plugin.worker.integrations import adf_facts as facts
from rca_plugin.worker.integrations.adf_facts import Run
from rca_plugin.worker.integrations.inquiry import CALL_SECONDS, Inquiry

#: A pipeline may run for a week; Data Factory forgets its runs after 45 days.
_LONGEST_RUN, _HISTORY, _CLOCKS = timedelta(days=8), timedelta(days=30), timedelta(days=1)

Answer = TypeVar("Answer")


@dataclass(frozen=True)
class Factory:
    """One factory, with the hook to ask about it."""

    inquiry: Inquiry
    hook: Any
    place: tuple[str, str]

    @classmethod
    def of(
        cls, inquiry: Inquiry, subscription: str | None, group: str | None, factory: str | None
    ) -> Factory:
        """The one of these names; what nobody named is as the connection says.

        Raises ConfigError, LookupError or what the hook does when the connection does not lead there.
        """
        from airflow.providers.microsoft.azure.hooks.data_factory import AzureDataFactoryHook, get_field

        name = connection_id("adf_conn_id", subscription)
        hook = AzureDataFactoryHook(name)
        extra = hook.get_connection(name).extra_dejson
        _check_subscription(name, get_field(extra, "subscriptionId"), subscription)
        group = group or get_field(extra, "resource_group_name")
        factory = factory or get_field(extra, "factory_name")
        if not (group and factory):
            raise LookupError(
                f"neither the report nor connection {name} names factory and resource group: set factory_name "
                "and resource_group_name in its extra"
            )
        return cls(inquiry, hook, (group, factory))

    @property
    def client(self) -> Any:
        """The hook's own, for what it has no method for (apache-airflow-providers-microsoft-azure 15.2)."""
        return self.hook.get_conn()

    def run(self, run_id: str) -> Run | None:
        """A pipeline run."""
        return self._ask(
            f"pipeline run {run_id}",
            lambda: Run.of(self.hook.get_pipeline_run(run_id, *self.place, **limits())),
        )

    def history(self, pipeline: str, until: datetime) -> list[Run]:
        """The newest runs of a pipeline."""
        query = query_of(until - _HISTORY, until + _CLOCKS, "PipelineName", [pipeline], "RunStart", "DESC")
        ask = self.client.pipeline_runs.query_by_factory
        found = self._ask(
            f"the runs of pipeline {pipeline}",
            lambda: list(map(Run.of, ask(*self.place, query, **limits()).value)),
        )
        return found or []

    def failed_activities(self, run_id: str, until: datetime) -> list[Run]:
        """What failed in a pipeline run, in the order it did."""
        query = query_of(
            until - _LONGEST_RUN, until + _CLOCKS, "Status", ["Failed", "TimedOut"], "ActivityRunEnd", "ASC"
        )
        ask = self.client.activity_runs.query_by_pipeline_run
        found = self._ask(
            f"the activities of pipeline run {run_id}",
            lambda: list(map(Run.of, ask(*self.place, run_id, query, **limits()).value)),
        )
        return found or []

    def integration_runtime(self, name: str) -> Fact | None:
        """The state of what an activity ran on."""
        ask = self.client.integration_runtimes.get_status
        return self._ask(
            f"integration runtime {name}",
            lambda: facts.integration_runtime(name, ask(*self.place, name, **limits())),
        )

    def _ask(self, what: str, question: Callable[[], Answer]) -> Answer | None:
        patiently = Retrying(**self.inquiry.patience, retry=retry_if_exception(may_pass))
        return self.inquiry.ask(what, partial(patiently, question))


def _check_subscription(name: str, theirs: str | None, ours: str | None) -> None:
    if ours and theirs and ours.lower() != theirs.lower():
        raise LookupError(
            f"connection {name} is for subscription {theirs}, not {ours}: name the connection for that one in "
            "[rca] adf_conn_id"
        )


def query_of(
    after: datetime, before: datetime, operand: str, values: list[str], order: str, direction: str
) -> bytes:
    """What a list of runs is asked for."""
    # As it goes over the wire: azure-mgmt-datafactory 10 names a part of its model unlike the versions before.
    query = {
        "lastUpdatedAfter": after.isoformat(),
        "lastUpdatedBefore": before.isoformat(),
        "filters": [{"operand": operand, "operator": "In", "values": values}],
        "orderBy": [{"orderBy": order, "order": direction}],
    }
    return json.dumps(query).encode()


def limits() -> dict[str, float]:
    """What each call is told, so that it is made once and ends."""
    # Left alone, azure-core waits five minutes for one answer, and as long as any Retry-After says.
    return {"retry_total": 0, "connection_timeout": CALL_SECONDS, "read_timeout": CALL_SECONDS}


def may_pass(error: BaseException) -> bool:
    """Whether the same question may be answered a little later."""
    from azure.core.exceptions import ServiceRequestError, ServiceResponseError

    status = getattr(error, "status_code", None)
    if status:
        return bool(status in (408, 429) or status >= 500)
    return isinstance(error, (ServiceRequestError, ServiceResponseError))
