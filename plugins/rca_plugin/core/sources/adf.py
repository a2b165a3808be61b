"""Azure Data Factory: what a Web activity on a failure path posts, and runs as its REST API writes them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from pydantic import TypeAdapter

from rca_plugin.core.failure import Failure, Recovery, Report, Source, event_key
from rca_plugin.core.json_body import BodyError
from rca_plugin.core.sources.adf_run import AdfRun
from rca_plugin.core.sources.batch import as_report, items_of
from rca_plugin.core.sources.facts import folded
from rca_plugin.core.sources.fields import happened, same_post

_RUN: TypeAdapter[AdfRun] = TypeAdapter(AdfRun)


def parse(body: object, received_at: datetime) -> Report:
    """Read one run, a list of them, or the `value` that the REST API answers a query with.

    A run that succeeded is a recovery; one that was canceled or has not ended is nothing.
    Raises pydantic.ValidationError or BodyError when the body is none of these.
    """
    around = _around(body)
    return as_report(
        found for item in items_of(body, "value") for found in _events(item, around, received_at)
    )


def _around(body: object) -> dict[str, Any]:
    """What stands beside a list of runs: the REST API leaves out the factory, so its sender may add it."""
    listed = isinstance(body, Mapping) and isinstance(body.get("value"), list)
    return {name: content for name, content in folded(body).items() if name != "value"} if listed else {}


def _events(item: object, around: dict[str, Any], received_at: datetime) -> list[Failure | Recovery]:
    run = _RUN.validate_python({**around, **folded(item)} if isinstance(item, Mapping) else item)
    if run.pipeline is None:
        raise BodyError("invalid_fields", "Not as documented: pipeline.")
    key = event_key(Source.ADF, *same_post(item, received_at))
    if run.succeeded:
        return [_recovery(run, key, received_at)]
    return [run.failure(received_at, key)] if run.failed else []


def _recovery(run: AdfRun, key: str, received_at: datetime) -> Recovery:
    return Recovery(
        source=Source.ADF,
        event_key=event_key(Source.ADF, "succeeded", run.key or key),
        occurred_at=happened(run.ended, received_at),
        reason=f"{run.resource} succeeded",
        resource=run.resource,
    )
