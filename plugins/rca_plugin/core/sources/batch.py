"""Several events in one request."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import islice
from typing import TypeVar

from rca_plugin.core.failure import Failure, Recovery, Report
from rca_plugin.core.json_body import BodyError

MAX_EVENTS = 1_000
_Item = TypeVar("_Item")


def items_of(body: object, *wrappers: str) -> list[object]:
    """The list that a body is, or holds under one of these names; else the body alone.

    Raises BodyError for more than 1,000.
    """
    if isinstance(body, Mapping):
        return bounded(next((body[name] for name in wrappers if isinstance(body.get(name), list)), [body]))
    return bounded(body if isinstance(body, list) else [body])


def bounded(items: Iterable[_Item]) -> list[_Item]:
    """All of them.

    Raises BodyError for more than 1,000.
    """
    found = list(islice(items, MAX_EVENTS + 1))
    if len(found) > MAX_EVENTS:
        raise BodyError("too_many_failures", f"A request may hold at most {MAX_EVENTS} failures.")
    return found


def as_report(events: Iterable[Failure | Recovery]) -> Report:
    """Failures and recoveries, each in the order they came.

    Raises BodyError for more than 1,000.
    """
    found = bounded(events)
    return Report(
        tuple(event for event in found if isinstance(event, Failure)),
        tuple(event for event in found if isinstance(event, Recovery)),
    )
