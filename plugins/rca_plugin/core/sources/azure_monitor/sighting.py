"""One thing an alert saw: an element of its condition, a row of its query, an event, or just that it fired."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from rca_plugin.core.category import Severity
from rca_plugin.core.failure import Failure, Source
from rca_plugin.core.sources.azure_monitor.alert import Alert
from rca_plugin.core.sources.facts import Facts
from rca_plugin.core.sources.fields import RESOURCE_CHARS, happened, identifier, labels

_LABEL_VALUE_CHARS = 100
_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


@dataclass(frozen=True)
class Sighting:
    """What was seen, before it is clear whose it is.

    `facts` are its own, `about` is the text that tells which service it is about, `place` where it stands in
    the alert. `parts` narrow the watched resource down to what failed.
    """

    message: str
    place: tuple[str | int, ...] = ()
    facts: Facts = field(default_factory=Facts)
    about: str = ""
    metric: str | None = None
    parts: tuple[str, ...] = ()
    resource: str | None = None
    code: str | None = None
    severity: Severity | None = None
    alert: str | None = None
    at: datetime | None = None
    url: str | None = None
    detail: tuple[str, ...] = field(default=())

    def text(self, alert: Alert) -> str:
        """All that is known, for a person to read."""
        said = (
            [alert.essentials.description] if alert.essentials.description not in ("", self.message) else []
        )
        return "\n".join([*said, *self.detail, *self.facts.lines()])

    def failure(self, alert: Alert, received_at: datetime) -> Failure:
        """A failure of the Azure resource itself."""
        return Failure(
            source=Source.AZURE_MONITOR,
            event_key=alert.key(*self.place),
            resource=narrowed(self.resource or alert.place, self.parts),
            occurred_at=happened(self.at or alert.essentials.fired_at, received_at),
            message=self.message,
            alert=self.alert or alert.name,
            code=self.code,
            detail=self.text(alert),
            owner=alert.owner,
            severity=self.severity or alert.severity,
            labels=self.labels(alert),
            url=self.url or alert.essentials.link,
        )

    def labels(self, alert: Alert) -> dict[str, str]:
        """What a matcher may ask for."""
        return labels(
            alert.labels(), [("metric", self.metric)], _snake(self.facts.pairs), _snake(alert.known.pairs)
        )


def narrowed(resource: str, parts: Iterable[str]) -> str:
    """A resource and what is under it."""
    escaped = (part.replace("%", "%25").replace("/", "%2F") for part in parts)
    return identifier("/".join([resource, *escaped]), RESOURCE_CHARS)


def _snake(pairs: Iterable[tuple[str, str]]) -> list[tuple[str, str | None]]:
    # Long values are error texts: those belong into the detail, where they are kept whole.
    short = ((name, value) for name, value in pairs if len(value) <= _LABEL_VALUE_CHARS)
    return [("_".join(_HUMP.sub("_", name).lower().split()), value) for name, value in short]
