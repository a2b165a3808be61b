"""Alerts on the activity log: operations on resources, autoscaling, resource health and service health.

Most of what the activity log tells is normal life. What a person on call has to look at is:

* an operation, or a scaling, that failed. One that succeeded did what somebody asked for, however much they
  want to be told of it;
* a resource that became unavailable or degraded, unless somebody stopped it on purpose;
* an incident of Azure itself, or a security advisory. Planned maintenance, retirements and news can wait for
  the morning, and Azure mails them anyway.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from rca_plugin.core.category import Severity
from rca_plugin.core.failure import Failure, Recovery, Source, event_key
from rca_plugin.core.sources.azure_monitor.alert import Alert, fired_or, named
from rca_plugin.core.sources.azure_monitor.sighting import Sighting
from rca_plugin.core.sources.facts import Facts, folded
from rca_plugin.core.sources.fields import happened, text_of

_LEVELS = {
    "critical": Severity.CRITICAL, "1": Severity.CRITICAL, "error": Severity.HIGH, "2": Severity.HIGH,
    "warning": Severity.MEDIUM, "3": Severity.MEDIUM,
}  # fmt: skip
_BAD_LEVELS = frozenset({"critical", "error", "1", "2"})
_HEALTH = {"unavailable": Severity.HIGH, "degraded": Severity.MEDIUM, "unknown": Severity.LOW}
_ON_PURPOSE = frozenset({"userinitiated", "customerinitiated"})
_TROUBLE = frozenset({"incident", "security"})
_OVER = frozenset({"resolved", "rca"})


def is_activity(context: Mapping[str, Any]) -> bool:
    """Whether the context of an alert is an entry of the activity log."""
    return "operationname" in context and "eventtimestamp" in context


def events(alert: Alert, received_at: datetime) -> list[Failure | Recovery]:
    """What an entry of the activity log tells, if it is more than normal life."""
    operation = text_of(alert.context.get("operationname")).lower()
    said = {name: text_of(value) for name, value in folded(alert.context.get("properties")).items()}
    if "currenthealthstatus" in said or operation.startswith("microsoft.resourcehealth/"):
        return _resource_health(alert, said, received_at)
    if "incidenttype" in said or operation.startswith("microsoft.servicehealth/"):
        return _service_health(alert, said, received_at)
    return _operation(alert, said, received_at)


def _operation(alert: Alert, said: dict[str, str], received_at: datetime) -> list[Failure | Recovery]:
    status = text_of(alert.context.get("status")).lower()
    level = text_of(alert.context.get("level")).lower()
    if status != "failed" and level not in _BAD_LEVELS:
        return []
    operation = text_of(alert.context.get("operationname"))
    reason = said.get("statusmessage") or said.get("message") or said.get("description") or ""
    why = f": {reason}" if reason and reason.lower() != operation.lower() else ""
    code = text_of(alert.context.get("substatus")) or None
    seen = _seen(alert, f"{operation} failed{why}", said, code=code, severity=_LEVELS.get(level))
    return [seen.failure(alert, received_at)]


def _resource_health(alert: Alert, said: dict[str, str], received_at: datetime) -> list[Failure | Recovery]:
    health = said.get("currenthealthstatus", "").lower()
    name = named("resource health", alert.place)
    if health == "available":
        return [_recovery(alert, name, f"{alert.place} is available again", received_at)]
    if said.get("cause", "").replace(" ", "").lower() in _ON_PURPOSE:
        return []
    what = alert.target.name if alert.target else alert.rule
    title = f": {said['title']}" if said.get("title") else ""
    seen = _seen(
        alert, f"{what} is {health or 'unhealthy'}{title}", said,
        severity=_HEALTH.get(health), alert_name=name,
    )  # fmt: skip
    return [seen.failure(alert, received_at)]


def _service_health(alert: Alert, said: dict[str, str], received_at: datetime) -> list[Failure | Recovery]:
    kind, tracking = said.get("incidenttype", "").lower(), said.get("trackingid", "")
    name = named("service health", tracking) if tracking else alert.name
    over = {said.get("stage", "").lower(), text_of(alert.context.get("status")).lower()} & _OVER
    if kind and kind not in _TROUBLE:
        return []
    service, region = said.get("service") or "A service", said.get("region")
    what = f"{service} in {region}" if region else service
    if over and name:
        return [_recovery(alert, name, f"Azure ended its incident {tracking}: {what}", received_at)]
    noun = "a security advisory" if kind == "security" else "an incident"
    seen = _seen(
        alert, f"Azure reports {noun} of {what} ({tracking})", said,
        severity=_LEVELS.get(text_of(alert.context.get("level")).lower()),
        alert_name=name, parts=("service health", service, *([region] if region else [])),
    )  # fmt: skip
    return [seen.failure(alert, received_at)]


def _seen(
    alert: Alert,
    message: str,
    said: dict[str, str],
    *,
    code: str | None = None,
    severity: Severity | None = None,
    alert_name: str | None = None,
    parts: tuple[str, ...] = (),
) -> Sighting:
    subscription = alert.target.part("subscriptions") if alert.target else None
    context = ((name, alert.context.get(name)) for name in ("caller", "status", "level", "correlationid"))
    return Sighting(
        message=message,
        place=("event", text_of(alert.context.get("eventdataid"))),
        # A service belongs to no resource of ours: the subscription is what it is seen from.
        resource=f"/subscriptions/{subscription}" if parts and subscription else None,
        parts=parts,
        facts=Facts.of((*said.items(), *context)),
        code=code,
        severity=severity,
        alert=alert_name,
        at=fired_or(alert, alert.context.get("eventtimestamp")),
    )


def _recovery(alert: Alert, name: str, reason: str, received_at: datetime) -> Recovery:
    at = fired_or(alert, alert.context.get("eventtimestamp"))
    return Recovery(
        source=Source.AZURE_MONITOR,
        event_key=event_key(Source.AZURE_MONITOR, "over", name, alert.key()),
        occurred_at=happened(at, received_at),
        reason=reason,
        alert=name,
    )
