"""Anything that can post JSON: reports of our own shape, and the webhook of Prometheus' Alertmanager."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from pydantic import TypeAdapter

from rca_plugin.core.category import Severity
from rca_plugin.core.failure import Failure, Recovery, Report, Source, event_key
from rca_plugin.core.sources.alertmanager import parse as parse_alertmanager
from rca_plugin.core.sources.batch import as_report, bounded
from rca_plugin.core.sources.fields import digest, happened, labels
from rca_plugin.core.sources.generic_report import GenericReport

_SEVERITIES = {severity.value.lower(): severity for severity in Severity}
_ONE: TypeAdapter[GenericReport] = TypeAdapter(GenericReport)
_MANY: TypeAdapter[list[GenericReport]] = TypeAdapter(list[GenericReport])


def parse(body: object, received_at: datetime) -> Report:
    """Read one report, a list of them, or what Alertmanager sends.

    Raises pydantic.ValidationError or BodyError when the body is none of these.
    """
    if isinstance(body, Mapping) and "alerts" in body:
        return parse_alertmanager(body, received_at)
    reports = _MANY.validate_python(bounded(body)) if isinstance(body, list) else [_ONE.validate_python(body)]
    return as_report(_event(report, received_at) for report in reports)


def _event(report: GenericReport, received_at: datetime) -> Failure | Recovery:
    return _recovery(report, received_at) if report.status == "resolved" else _failure(report, received_at)


def _failure(report: GenericReport, received_at: datetime) -> Failure:
    return Failure(
        source=Source.GENERIC,
        event_key=_key(report),
        resource=_resource(report),
        occurred_at=happened(report.occurred_at, received_at),
        message=": ".join(text for text in (report.title.strip(), report.message.strip()) if text),
        run=report.run,
        alert=_alert(report),
        code=report.code,
        detail=report.detail,
        owner=report.owner,
        severity=_SEVERITIES.get(report.severity or ""),
        labels=labels(report.labels.items(), [("reported_source", report.source)]),
        url=report.url,
    )


def _recovery(report: GenericReport, received_at: datetime) -> Recovery:
    alert = _alert(report)
    return Recovery(
        source=Source.GENERIC,
        event_key=event_key(Source.GENERIC, "resolved", _key(report)),
        occurred_at=happened(report.occurred_at, received_at),
        reason=report.message.strip() or report.title.strip(),
        alert=alert,
        resource=None if alert else _resource(report),
    )


def _key(report: GenericReport) -> str:
    if report.id:
        return event_key(Source.GENERIC, report.source, report.id)
    return event_key(Source.GENERIC, digest(report.model_dump(mode="json")))


def _resource(report: GenericReport) -> str:
    return f"{report.source}/{report.resource}" if report.source else report.resource


def _alert(report: GenericReport) -> str | None:
    return event_key(Source.GENERIC, "alert", report.source, report.alert) if report.alert else None
