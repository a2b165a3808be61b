"""The pipelines of a data factory, their runs, and new runs of them, through the hook of the provider."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any, TypeVar

from tenacity import Retrying, retry_if_exception

from rca_plugin.core.sources.facts import folded
from rca_plugin.worker.integrations.adf_factory import Factory, limits, may_pass, query_of
from rca_plugin.worker.integrations.adf_facts import Run
from rca_plugin.worker.integrations.inquiry import Inquiry

_SECONDS = 60.0
_CLOCKS, _LONGEST_RUN = timedelta(days=1), timedelta(days=8)

Answer = TypeVar("Answer")


@dataclass(frozen=True)
class Pipelines:
    """Those of one factory. Its connections are closed at the end of `with`."""

    factory: Factory

    @classmethod
    def of(cls, subscription: str | None, group: str | None, name: str | None) -> Pipelines:
        """Raises what `Factory.of` does."""
        inquiry = Inquiry("Data Factory", time.monotonic() + _SECONDS)
        return cls(Factory.of(inquiry, subscription, group, name))

    def __enter__(self) -> Pipelines:
        return self

    def __exit__(self, *_: object) -> None:
        self.factory.client.close()

    @property
    def place(self) -> tuple[str, str]:
        """Resource group and factory."""
        return self.factory.place

    def run(self, run_id: str) -> Run:
        """One run. Raises what the client does."""
        return self._read(lambda: Run.of(self.factory.hook.get_pipeline_run(run_id, *self.place, **limits())))

    def group(self, group: str, since: datetime) -> list[Run]:
        """The runs that were started as reruns of one another, oldest first. Raises what the client does."""
        until = datetime.now(timezone.utc) + _CLOCKS
        query = query_of(since, until, "RunGroupId", [group], "RunStart", "ASC")
        ask = self.factory.client.pipeline_runs.query_by_factory
        return self._read(lambda: list(map(Run.of, ask(*self.place, query, **limits()).value)))

    def newest_of(self, run: Run) -> Run:
        """The last of the reruns of a run, or the run. Raises what the client does."""
        if run.said.get("islatest") is not False:
            return run
        since = run.run.ended or run.run.started or datetime.now(timezone.utc)
        return (self.group(group_of(run), since - _CLOCKS) or [run])[-1]

    def activities(self, pipeline: str) -> list[str]:
        """The names of what it is made of. Raises what the client does."""
        ask = self.factory.client.pipelines.get
        answer = self._read(lambda: folded(ask(*self.place, pipeline, **limits()).as_dict()))
        properties = folded(answer.get("properties")) or answer
        return [str(activity["name"]) for activity in properties["activities"]]

    def succeeded(self, run: Run) -> set[str]:
        """The activities that a run is done with. Raises what the client does."""
        ended = run.run.ended or datetime.now(timezone.utc)
        query = query_of(
            ended - _LONGEST_RUN, ended + _CLOCKS, "Status", ["Succeeded"], "ActivityRunEnd", "ASC"
        )
        ask = self.factory.client.activity_runs.query_by_pipeline_run
        found = self._read(
            lambda: list(map(Run.of, ask(*self.place, run.run.run_id, query, **limits()).value))
        )
        return {str(one.run.activity) for one in found}

    def start(self, pipeline: str, options: Mapping[str, Any]) -> Any:
        """A new run, asked for once. Raises what the client does."""
        return self.factory.hook.run_pipeline(pipeline, *self.place, **options, **limits())

    def _read(self, question: Callable[[], Answer]) -> Answer:
        patiently = Retrying(
            **self.factory.inquiry.patience, retry=retry_if_exception(may_pass), reraise=True
        )
        return patiently(question)


def group_of(run: Run) -> str:
    """What Data Factory calls a run and its reruns: the first of them."""
    return str(run.said.get("rungroupid") or run.run.run_id)
