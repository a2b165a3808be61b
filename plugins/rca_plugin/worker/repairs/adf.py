"""Run a pipeline of Data Factory again: from the activity that failed, or all of it.

Data Factory knows no token for it: it starts another run each time it is told. The runs of one group are those that
were started as reruns of one another, which is how one is found again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta, timezone
from typing import Any, TypeVar
from urllib.parse import quote

from rca_plugin.core.remediation.proposal import Proposal
from rca_plugin.worker.failure_case import failure_of
from rca_plugin.worker.integrations.adf import Subject
from rca_plugin.worker.integrations.adf_facts import Run
from rca_plugin.worker.repairs.adf_pipelines import Pipelines, group_of
from rca_plugin.worker.repairs.repair import (
    FAILED,
    RUNNING,
    SUCCEEDED,
    BusyError,
    Look,
    NothingToProposeError,
    Order,
    RefusedError,
    Started,
    UnclearError,
    said,
)
from rca_plugin.worker.retry_after import retry_after

_BUSY_SECONDS = 5.0
_CLOCKS = timedelta(minutes=1)
_OVER = ("failed", "cancelled", "canceled", "timedout")

Answer = TypeVar("Answer")


class Rerun:
    """One of the two ways."""

    excludes_double = False

    def __init__(self, action: str, *, from_failure: bool) -> None:
        self._action = action
        self._from_failure = from_failure

    def propose(self, incident: Mapping[str, Any], settings: Mapping[str, Any]) -> Proposal:
        """For a pipeline run that failed, and that nobody has run again."""
        failure = failure_of(incident)
        # When it happened only counts for a report that names no run.
        about = Subject.of_labels(failure["labels"], datetime.now(timezone.utc))
        if not about.run_id:
            raise NothingToProposeError("the report names no pipeline run")
        with Pipelines.of(about.subscription, about.resource_group, about.factory) as pipelines:
            run = _failed(pipelines.newest_of(pipelines.run(about.run_id)))
            names = self._touched(pipelines, run)
            group, name = pipelines.place
        target = {
            "subscription": about.subscription,
            "resource_group": group,
            "factory": name,
            "pipeline": run.run.pipeline,
            "run_id": str(run.run.run_id),
            "group": group_of(run),
        }
        touched = tuple(f"activity {activity} of pipeline {run.run.pipeline}" for activity in names)
        return Proposal(self._action, f"pipeline:{name.lower()}/{run.run.pipeline}", target, touched)

    def _touched(self, pipelines: Pipelines, run: Run) -> list[str]:
        all_of_it = pipelines.activities(str(run.run.pipeline))
        done = pipelines.succeeded(run) if self._from_failure else set()
        return [name for name in all_of_it if name not in done]

    def start(self, order: Order) -> Started:
        """Start a run, once: on errors of the server azure-core would ask again, and start another."""
        with _pipelines(order) as pipelines:
            options = {"reference_pipeline_run_id": _reference(pipelines, order), "is_recovery": True}
            if self._from_failure:
                options["start_from_failure"] = True
            answer = _do(lambda: pipelines.start(order.target["pipeline"], options))
            run_id = getattr(answer, "run_id", None)
        if not isinstance(run_id, str) or not run_id:
            raise UnclearError("Data Factory answered without the id of a run")
        return _started(order, run_id)

    def find(self, order: Order) -> Started | None:
        """The newest run of the group, if it came after the intent."""
        since, known = order.since - _CLOCKS, {order.target["run_id"], *order.earlier}
        with _pipelines(order) as pipelines:
            runs = [run.run for run in pipelines.group(order.target["group"], since)]
        ours = [run for run in runs if run.run_id not in known and run.started and run.started >= since]
        return _started(order, str(ours[0].run_id)) if ours else None

    def look(self, order: Order, external_run_id: str) -> Look:
        """How the run stands."""
        with _pipelines(order) as pipelines:
            run = pipelines.run(external_run_id)
        text = said(f"{run.run.status}: {run.run.message}".rstrip(": "))
        status = (run.run.status or "").lower()
        return Look(SUCCEEDED if run.run.succeeded else FAILED if status in _OVER else RUNNING, text)


def _failed(run: Run) -> Run:
    """Raises NothingToProposeError for one that did not end, or ended well."""
    if (run.run.status or "").lower() not in _OVER:
        raise NothingToProposeError(f"pipeline run {run.run.run_id} is {run.run.status}")
    return run


def _reference(pipelines: Pipelines, order: Order) -> str:
    """The run to go on from: as planned, or ours since, while nobody else has gone on from it.

    Raises RefusedError, and BusyError where that cannot be seen.
    """
    known = (order.target["run_id"], *order.earlier)
    try:
        newest = _failed(pipelines.newest_of(pipelines.run(known[-1])))
    except NothingToProposeError as error:
        raise RefusedError(str(error)) from error
    except Exception as error:
        raise BusyError(said(f"Data Factory: {error}"), 0.0) from error
    if newest.run.run_id not in known:
        raise RefusedError(f"somebody has run it again already: {newest.run.run_id}")
    return str(newest.run.run_id)


def _pipelines(order: Order) -> Pipelines:
    """Raises BusyError: nothing is begun before this."""
    names = (order.target[name] for name in ("subscription", "resource_group", "factory"))
    try:
        return Pipelines.of(*names)
    except Exception as error:
        raise BusyError(said(f"Data Factory: {error}"), 0.0) from error


def _do(begin: Callable[[], Answer]) -> Answer:
    try:
        return begin()
    except Exception as error:
        status, text = getattr(error, "status_code", None), said(f"Data Factory: {error}")
        if status == 429:
            asked = retry_after(error, datetime.now(timezone.utc))
            raise BusyError(text, _BUSY_SECONDS if asked is None else asked) from error
        if isinstance(status, int) and 400 <= status < 500 and status != 408:
            raise RefusedError(text) from error
        raise UnclearError(text) from error


def _started(order: Order, run_id: str) -> Started:
    target = order.target
    if not target["subscription"]:
        return Started(run_id)
    factory = (
        f"/subscriptions/{target['subscription']}/resourceGroups/{target['resource_group']}"
        f"/providers/Microsoft.DataFactory/factories/{target['factory']}"
    )
    page = f"https://adf.azure.com/en/monitoring/pipelineruns/{quote(run_id, safe='')}"
    return Started(run_id, f"{page}?factory={quote(factory, safe='')}")
