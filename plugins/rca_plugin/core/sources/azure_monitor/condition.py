"""Metric alerts and log alerts of the second version: each element of `condition.allOf` is a thing of its own."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from rca_plugin.core.sources.azure_monitor.alert import Alert
from rca_plugin.core.sources.azure_monitor.sighting import Sighting
from rca_plugin.core.sources.facts import Facts, folded
from rca_plugin.core.sources.fields import link, text_of

_OPERATORS = {
    "greaterthan": "above",
    "greaterthanorequal": "at or above",
    "greaterorlessthan": "outside of",
    "lessthan": "below",
    "lowerthan": "below",
    "lessthanorequal": "at or below",
    "equals": "equal to",
    "equal": "equal to",
}
_AVAILABILITY = "FailedLocation"
_HUMP = re.compile(r"(?<=[a-z])(?=[A-Z])")


def sightings(alert: Alert) -> Iterator[Sighting]:
    """What the elements of the condition saw; nothing for an alert without a condition."""
    condition = folded(alert.context.get("condition"))
    elements = condition.get("allof")
    # The classic metric alert has a single condition, which is not in a list.
    listed = elements if isinstance(elements, list) else [condition] if "metricname" in condition else []
    for place, element in enumerate(listed):
        said = folded(element)
        if said:
            yield _sighting(alert, said, place)


def _sighting(alert: Alert, said: dict[str, Any], place: int) -> Sighting:
    dimensions = said.get("dimensions")
    listed = [folded(one) for one in dimensions] if isinstance(dimensions, list) else []
    facts = Facts.of((one.get("name"), one.get("value")) for one in listed)
    test = text_of(said.get("webtestname"))
    metric = text_of(said.get("metricname")) or None
    about = (said.get(name) for name in ("metricnamespace", "targetresourcetypes", "searchquery"))
    return Sighting(
        message=_message(alert, said, test),
        place=("condition", place),
        facts=facts,
        about=" ".join(text_of(text) for text in about),
        metric=metric,
        parts=tuple([test] if test else [f"{name}={value}" for name, value in sorted(facts.pairs)]),
        url=next((found for found in map(link, _links(said)) if found), None),
        detail=_detail(said),
    )


def _message(alert: Alert, said: dict[str, Any], test: str) -> str:
    """The same words each time: the value that was measured is in the detail."""
    threshold = text_of(said.get("threshold"))
    if test and said.get("metricname") == _AVAILABILITY:
        return f"Availability test {test} failed from more than {threshold} locations"
    metric, how = text_of(said.get("metricname")), text_of(said.get("operator"))
    measured = " ".join(part for part in (_words(text_of(said.get("timeaggregation"))), metric) if part)
    measured = measured if metric else f"{measured or 'number'} of results"
    relation = _OPERATORS.get(how.replace(" ", "").lower(), how)
    if "alertsensitivity" in said:
        # The limit of a dynamic threshold is another each time.
        return f"{alert.rule}: {measured} is {relation} what is usual"
    return f"{alert.rule}: {measured} is {relation} {threshold}".rstrip()


def _words(text: str) -> str:
    return _HUMP.sub(" ", text).lower()


def _links(said: dict[str, Any]) -> list[object]:
    return [said.get("linktofilteredsearchresultsui"), said.get("linktosearchresultsui")]


def _detail(said: dict[str, Any]) -> tuple[str, ...]:
    shown = (("measured", said.get("metricvalue")), ("threshold", said.get("threshold")))
    return tuple(Facts.of(shown).lines())
