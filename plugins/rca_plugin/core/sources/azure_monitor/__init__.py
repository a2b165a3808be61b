"""Azure Monitor: alerts on metrics, logs, the activity log, Prometheus rules and budgets."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from rca_plugin.core.failure import Failure, Recovery, Report, Source, event_key
from rca_plugin.core.sources.azure_monitor import activity_log, condition, owner, plain, search
from rca_plugin.core.sources.azure_monitor.alert import Alert, read
from rca_plugin.core.sources.batch import as_report, bounded
from rca_plugin.core.sources.fields import happened


def parse(body: object, received_at: datetime) -> Report:
    """Read an alert: a failure for each thing it saw, or a recovery when it is over.

    A rule that a person set up is by default a failure when it fires; see `activity_log` for what is not.
    Raises pydantic.ValidationError or BodyError for what is no alert.
    """
    alert = read(body, received_at)
    if activity_log.is_activity(alert.context):
        events = activity_log.events(alert, received_at)
    else:
        events = [*_failures(alert, received_at)]
    return as_report(_recoveries(alert, events, received_at) if alert.resolved else events)


def _failures(alert: Alert, received_at: datetime) -> list[Failure]:
    seen = bounded([*condition.sightings(alert), *search.sightings(alert)]) or [plain.sighting(alert)]
    return [failure for sighting in seen for failure in owner.events(sighting, alert, received_at)]


def _recoveries(alert: Alert, events: Iterable[Failure | Recovery], received_at: datetime) -> list[Recovery]:
    """The end of an alert, under the names that its failures had when it fired."""
    ended = sorted({(event.source, event.alert) for event in events if event.alert})
    named = ended or ([(Source.AZURE_MONITOR, alert.name)] if alert.name else [])
    at = happened(alert.essentials.resolved_at or alert.essentials.fired_at, received_at)
    return [
        Recovery(
            source=source,
            event_key=event_key(source, "over", name, alert.key()),
            occurred_at=at,
            reason=f"Azure Monitor: {alert.rule} is resolved",
            alert=name,
        )
        for source, name in named
    ]
