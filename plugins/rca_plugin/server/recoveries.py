"""A sender's word that something works again."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timezone
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from rca_plugin.core.failure import Failure, Recovery, Source, event_key
from rca_plugin.core.incident import UNRESOLVED
from rca_plugin.server import audit, lifecycle
from rca_plugin.server.database import insert_new
from rca_plugin.server.models import FailureRow, Incident, RecoveryRow
from rca_plugin.server.receipt import Receipt

_IS_UNRESOLVED = Incident.status.in_([status.value for status in UNRESOLVED])


def alert_key(source: Source, alert: str | None) -> str | None:
    """What the alert of a failure or recovery is called in the tables."""
    return event_key(source, "alert", alert) if alert else None


def record(session: Session, recoveries: list[Recovery]) -> dict[str, Receipt]:
    """Keep recoveries, and resolve the incidents they end."""
    known = {recovery.event_key: recovery for recovery in recoveries}
    rows = [_row(known[key]) for key in sorted(known)]
    new = insert_new(session, RecoveryRow, RecoveryRow.event_key, rows) if rows else {}
    return {
        key: _resolve(session, recovery) if key in new else Receipt("duplicate")
        for key, recovery in known.items()
    }


def already_over(session: Session, failures: Iterable[Failure]) -> RecoveryRow | None:
    """The recovery that overtook these failures on their way, if all of them are over."""
    newest = None
    for failure in failures:
        newest = _recovery_of(session, failure)
        if newest is None:
            return None
    return newest


def settle(session: Session, incident: Incident, actor: str, how: str, at: datetime) -> bool:
    """Resolve a locked incident that works again, unless it will only come back; tell whether it was."""
    if incident.flapping:
        audit.append(session, incident.id, actor, "recovery_not_trusted", how=how)
        return False
    lifecycle.resolve(session, incident, actor, how, at)
    return True


def _recovery_of(session: Session, failure: Failure) -> RecoveryRow | None:
    key = alert_key(failure.source, failure.alert)
    if key is None:
        return None
    later = select(RecoveryRow).where(
        RecoveryRow.alert == key, RecoveryRow.occurred_at >= failure.occurred_at
    )
    return session.scalar(later.limit(1))


def _resolve(session: Session, recovery: Recovery) -> Receipt:
    settled = [
        incident.id
        for incident in session.scalars(_concerned(recovery))
        if settle(session, incident, recovery.source.value, recovery.reason, recovery.occurred_at)
    ]
    return Receipt("resolved", settled[0]) if settled else Receipt("recorded")


def _concerned(recovery: Recovery) -> Any:
    """The unresolved incidents that it ends: nothing has failed there since."""
    concerned = (
        select(Incident)
        .where(_IS_UNRESOLVED, Incident.last_failure_at <= recovery.occurred_at)
        .order_by(Incident.open_fingerprint)
        .with_for_update()
    )
    if recovery.alert:
        key = alert_key(recovery.source, recovery.alert)
        return concerned.where(Incident.id.in_(select(FailureRow.incident_id).where(FailureRow.alert == key)))
    resource = recovery.resource or ""
    return concerned.where(
        Incident.source == recovery.source.value,
        or_(Incident.resource == resource, Incident.resource.startswith(f"{resource}/", autoescape=True)),
    )


def _row(recovery: Recovery) -> dict[str, Any]:
    return {
        "event_key": recovery.event_key,
        "source": recovery.source.value,
        "alert": alert_key(recovery.source, recovery.alert),
        "resource": recovery.resource,
        "reason": recovery.reason,
        "occurred_at": recovery.occurred_at,
        "recorded_at": datetime.now(timezone.utc),
    }
