"""What there is to tell a channel of a day: of the incidents that it was told of."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, exists, func, or_, select
from sqlalchemy.orm import Session

from rca_plugin.config import settings
from rca_plugin.core import sla
from rca_plugin.core.category import Priority
from rca_plugin.core.delivery import Destination
from rca_plugin.core.digest import Period
from rca_plugin.core.incident import VISIBLE, Kind, Status, incident_label
from rca_plugin.core.text import head
from rca_plugin.server.models import Delivery, FailureRow, Incident

_FIRST = 10
_LEAST_TIMES = 2
_TEXT_CHARS = 300
_IS_VISIBLE = Incident.status.in_([status.value for status in VISIBLE])


def content_of(session: Session, channel: str, period: Period, now: datetime) -> dict[str, Any] | None:
    """How things are now, and what happened in a period, as JSON; None where there is nothing to tell."""
    told = _told_in(channel)
    lists = {
        "overdue": _list(session, _overdue(told, now), lambda row: _missed(row, now)),
        "open": _list(session, _open(told), lambda row: {"minutes": _minutes(row.opened_at, now)}),
        "resolved": _list(session, _resolved(told, period), _how),
        "recurring": _recurring(session, told, period),
    }
    if not any(found["count"] for found in lists.values()):
        return None
    begins = period.begins_at.isoformat()
    return {
        "day": period.day.isoformat(),
        "begins_at": begins,
        "environment": settings().environment,
        **lists,
    }


def _told_in(channel: str) -> ColumnElement[bool]:
    return exists().where(
        Delivery.incident_id == Incident.id,
        Delivery.destination == Destination.MESSAGE.value,
        Delivery.reference.contains(f"/archives/{channel}/", autoescape=True),
    )


def _open(told: ColumnElement[bool]) -> Select[Any]:
    return (
        select(Incident).where(_IS_VISIBLE, told).order_by(Incident.priority, Incident.opened_at, Incident.id)
    )


def _overdue(told: ColumnElement[bool], now: datetime) -> Select[Any]:
    unanswered = and_(Incident.status == Status.OPEN.value, Incident.response_due_at < now)
    late = or_(unanswered, Incident.resolve_due_at < now)
    return _open(told).where(late)


def _resolved(told: ColumnElement[bool], period: Period) -> Select[Any]:
    over = Incident.status.in_([Status.RESOLVED.value, Status.CLOSED.value])
    then = and_(Incident.resolved_at > period.begins_at, Incident.resolved_at <= period.ends_at)
    return select(Incident).where(over, then, told).order_by(Incident.resolved_at.desc(), Incident.id)


def _list(session: Session, found: Select[Any], says: Callable[[Incident], dict[str, Any]]) -> dict[str, Any]:
    count = (
        session.scalar(
            select(func.count()).select_from(found.with_only_columns(Incident.id).order_by(None).subquery())
        )
        or 0
    )
    return {
        "count": count,
        "first": [_named(row) | says(row) for row in session.scalars(found.limit(_FIRST))],
    }


def _recurring(session: Session, told: ColumnElement[bool], period: Period) -> dict[str, Any]:
    times = func.count(FailureRow.id)
    often = (
        select(Incident, times)
        .join(FailureRow, FailureRow.incident_id == Incident.id)
        .where(Incident.last_failure_at > period.begins_at, Incident.kind == Kind.FAILURE.value, told)
        .where(FailureRow.occurred_at > period.begins_at, FailureRow.occurred_at <= period.ends_at)
        .group_by(Incident.id)
        .having(times >= _LEAST_TIMES)
    )
    count = session.scalar(select(func.count()).select_from(often.with_only_columns(Incident.id).subquery()))
    top = session.execute(often.order_by(times.desc(), Incident.id).limit(_FIRST))
    return {"count": count or 0, "first": [_named(row) | {"times": number} for row, number in top]}


def _named(incident: Incident) -> dict[str, Any]:
    names = ("kind", "priority", "status")
    texts = ("resource", "title", "assignee")
    return {
        "label": incident_label(incident.id),
        **{name: getattr(incident, name) for name in names},
        **{name: head(getattr(incident, name) or "", _TEXT_CHARS) for name in texts},
    }


def _missed(incident: Incident, now: datetime) -> dict[str, Any]:
    if incident.resolve_due_at is not None and incident.resolve_due_at < now:
        return {"missed": "resolved", "minutes": _minutes(incident.resolve_due_at, now)}
    assert incident.response_due_at is not None
    return {"missed": "acknowledged", "minutes": _minutes(incident.response_due_at, now)}


def _how(incident: Incident) -> dict[str, Any]:
    assert incident.resolved_at is not None
    began = incident.opened_at
    if incident.resolve_due_at is not None:
        # Since it was opened again, if it was.
        began = max(began, sla.since(Priority(incident.priority), incident.resolve_due_at))
    return {
        "how": head(incident.resolved_how or "", _TEXT_CHARS),
        "minutes": _minutes(began, incident.resolved_at),
    }


def _minutes(since: datetime, until: datetime) -> int:
    return max(0, (until - since) // timedelta(minutes=1))
