"""What Prometheus' Alertmanager posts to a webhook: several alerts at once, each firing or resolved."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, TypeAdapter

from rca_plugin.core.category import Severity
from rca_plugin.core.failure import Failure, Recovery, Report, Source, event_key
from rca_plugin.core.sources.batch import as_report, bounded
from rca_plugin.core.sources.facts import Facts
from rca_plugin.core.sources.fields import Instant, Link, Name, digest, happened, labels, path

_SEVERITIES = {
    "critical": Severity.CRITICAL, "page": Severity.CRITICAL, "error": Severity.HIGH, "high": Severity.HIGH,
    "major": Severity.HIGH, "warning": Severity.MEDIUM, "medium": Severity.MEDIUM, "minor": Severity.LOW,
    "info": Severity.LOW, "low": Severity.LOW, "none": Severity.LOW,
}  # fmt: skip
#: From the widest to the narrowest.
_PLACES = ("cluster", "namespace", "job", "service", "instance")
#: Who cares and which Prometheus noticed do not say what failed.
_NOT_PLACES = frozenset(
    {"alertname", "severity", "priority", "team", "owner", "prometheus", "prometheus_replica"}
)


def _texts(value: object) -> dict[str, str]:
    if not isinstance(value, Mapping):
        raise ValueError("not an object")
    return dict(Facts.of(value.items()).pairs)


_Texts = Annotated[dict[str, str], BeforeValidator(_texts)]


class Alert(BaseModel):
    """One alert. Fields that Alertmanager may add are not looked at."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    status: Name = None
    labels: _Texts
    annotations: _Texts = Field(default_factory=dict)
    starts_at: Instant = Field(default=None, alias="startsAt")
    ends_at: Instant = Field(default=None, alias="endsAt")
    generator_url: Link = Field(default=None, alias="generatorURL")
    fingerprint: Name = None

    @property
    def rule(self) -> str:
        return self.labels.get("alertname", "An alert without a name")

    @property
    def identity(self) -> str:
        """Its labels are what it is; the fingerprint is Alertmanager's hash of them."""
        return self.fingerprint or digest(self.labels)

    @property
    def name(self) -> str:
        return event_key(Source.GENERIC, "alertmanager", self.identity)

    @property
    def resource(self) -> str:
        """What the label `resource` says, else all the labels that say where."""
        if "resource" in self.labels:
            return path(*self.labels["resource"].split("/"))
        places = [self.labels[name] for name in _PLACES if name in self.labels]
        others = sorted(self.labels.keys() - _NOT_PLACES - set(_PLACES))
        return path(*places, *(f"{name}={self.labels[name]}" for name in others)) or path(self.rule)

    @property
    def resolved(self) -> bool:
        return (self.status or "").lower() == "resolved"

    def key(self, event: str) -> str:
        started = self.starts_at.isoformat() if self.starts_at else None
        return event_key(Source.GENERIC, "alertmanager", event, self.identity, started)

    @property
    def message(self) -> str:
        found = (self.annotations.get(name) for name in ("summary", "title", "message", "description"))
        said = next((text for text in found if text), "")
        return f"{self.rule}: {said}" if said else self.rule


_BODY: TypeAdapter[dict[str, Any]] = TypeAdapter(dict[str, Any])
_ALERTS: TypeAdapter[list[Alert]] = TypeAdapter(list[Alert])


def parse(body: object, received_at: datetime) -> Report:
    """Read a notification. One that is repeated while an alert goes on has the same event keys.

    Raises pydantic.ValidationError or BodyError for anything else.
    """
    alerts = _BODY.validate_python(body).get("alerts")
    found = _ALERTS.validate_python(bounded(alerts) if isinstance(alerts, list) else alerts)
    return as_report(_event(alert, received_at) for alert in found)


def _event(alert: Alert, received_at: datetime) -> Failure | Recovery:
    return _recovery(alert, received_at) if alert.resolved else _failure(alert, received_at)


def _failure(alert: Alert, received_at: datetime) -> Failure:
    return Failure(
        source=Source.GENERIC,
        event_key=alert.key("firing"),
        resource=alert.resource,
        occurred_at=happened(alert.starts_at, received_at),
        message=alert.message,
        alert=alert.name,
        detail="\n".join(Facts(tuple(alert.annotations.items())).lines()),
        owner=alert.labels.get("owner") or alert.labels.get("team"),
        severity=_SEVERITIES.get(alert.labels.get("severity", "").lower()),
        labels=labels([("alert_rule", alert.labels.get("alertname"))], alert.labels.items()),
        url=alert.generator_url,
    )


def _recovery(alert: Alert, received_at: datetime) -> Recovery:
    return Recovery(
        source=Source.GENERIC,
        event_key=alert.key("resolved"),
        occurred_at=happened(alert.ends_at, received_at),
        reason=f"Alertmanager: {alert.rule} is resolved",
        alert=alert.name,
    )
