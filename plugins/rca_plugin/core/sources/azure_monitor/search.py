"""Log alerts of the first version: each row of the search results is a thing of its own."""

from __future__ import annotations

import re
from collections.abc import Iterator

from rca_plugin.core.sources.arm_id import ArmId
from rca_plugin.core.sources.azure_monitor.alert import Alert
from rca_plugin.core.sources.azure_monitor.sighting import Sighting
from rca_plugin.core.sources.facts import Facts, fold, folded
from rca_plugin.core.sources.fields import CODE_CHARS, identifier, instant, link, text_of
from rca_plugin.core.sources.tables import rows_of

#: Columns that say what it is about. The others are what happened to it, and change.
_WHAT = re.compile(
    r"computer|host|hostname|instance|service|resource|app|pod|namespace|container|database|queue|topic|disk"
    r"|(?!operation|time|metric|counter|category|user|event|action|status|state|level).{1,60}name"
)
_MESSAGES = (
    "errormessage",
    "failuretext",
    "message",
    "exceptionmessage",
    "outermessage",
    "rendereddescription",
    "error",
)
_CODES = ("errorcode", "terminationcode", "resultcode", "statuscode", "code")


def sightings(alert: Alert) -> Iterator[Sighting]:
    """What the rows say; the alert's own dimensions where it was sent without its rows."""
    rows = [row for name in ("searchresults", "searchresult") for row in rows_of(alert.context.get(name))]
    if rows:
        yield from (_sighting(alert, row, place) for place, row in enumerate(rows))
    elif "searchquery" in alert.context:
        yield _sighting(alert, _dimensions(alert), "result")


def _dimensions(alert: Alert) -> Facts:
    dimensions = alert.context.get("dimensions")
    listed = [folded(one) for one in dimensions] if isinstance(dimensions, list) else []
    return Facts.of((one.get("name"), one.get("value")) for one in listed)


def _sighting(alert: Alert, row: Facts, place: int | str) -> Sighting:
    said = row.folded()
    resource = ArmId.of(said.get("resourceid"))
    parts = tuple(f"{name}={value}" for name, value in row.pairs if _WHAT.fullmatch(fold(name)))
    message = next((said[name] for name in _MESSAGES if name in said), "")
    return Sighting(
        message=f"{alert.rule}: {message}" if message else f"{alert.rule}: the query found a result",
        place=("row", place),
        facts=row,
        about=_about(alert, said),
        parts=parts,
        resource=resource.text if resource else None,
        code=next((identifier(said[name], CODE_CHARS) for name in _CODES if name in said), None),
        at=instant(said.get("timegenerated")),
        url=link(alert.context.get("linktofilteredsearchresultsui"))
        or link(alert.context.get("linktosearchresults")),
    )


def _about(alert: Alert, said: dict[str, str]) -> str:
    sources = folded(alert.context.get("searchresults")).get("datasources")
    texts = (
        alert.context.get("searchquery"),
        sources,
        said.get("type"),
        said.get("$table"),
        said.get("table"),
    )
    return " ".join(text_of(text) for text in texts)
