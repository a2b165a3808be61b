"""What policy would have decided about past incidents: nothing is done, and nothing kept."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta, timezone

from sqlalchemy import select
from sqlalchemy.orm import Session

from rca_plugin.core.failure import Source
from rca_plugin.core.incident import Kind, incident_label
from rca_plugin.core.remediation.backtest import PastIncident, Replayed, backtest
from rca_plugin.core.remediation.proposal import Proposal
from rca_plugin.core.remediation.record import Hindsight
from rca_plugin.server import incidents, remediation_hindsight
from rca_plugin.server.api_remediation_models import BacktestOut, ReplayedOut
from rca_plugin.server.models import FailureRow, Incident, Remediation
from rca_plugin.server.remediation_case import subject_of
from rca_plugin.server.remediation_rules import knowledge, policy

_MOST = 2_000


def backtest_of(session: Session, days: int, readable: incidents.Readable | None = None) -> BacktestOut:
    """Of the newest incidents that were opened in the last days."""
    found = _incidents(session, days, readable)
    by_label = {incident_label(incident.id): incident for incident in found[:_MOST]}
    replayed = backtest(policy(), knowledge(), [_past(session, one) for one in by_label.values()])
    return BacktestOut(
        days=days,
        incidents=[_shown(one, by_label[one.incident.label]) for one in replayed],
        counts=dict(Counter(one.decision.verdict.value for one in replayed)),
        more=len(found) > _MOST,
    )


def _incidents(session: Session, days: int, readable: incidents.Readable | None) -> list[Incident]:
    since = datetime.now(timezone.utc) - timedelta(days=days)
    recent = select(Incident).where(Incident.opened_at >= since, Incident.kind == Kind.FAILURE.value)
    if readable is not None:
        recent = recent.where(incidents.visible(session, readable))
    return list(session.scalars(recent.order_by(Incident.opened_at.desc()).limit(_MOST + 1)))


def _past(session: Session, incident: Incident) -> PastIncident:
    first = session.scalar(
        select(Remediation).where(Remediation.incident_id == incident.id).order_by(Remediation.id).limit(1)
    )
    return PastIncident(
        label=incident_label(incident.id),
        opened_at=incident.opened_at,
        subject=subject_of(incident),
        hindsight=_hindsight(session, incident),
        proposals=tuple(Proposal.from_json(one) for one in first.proposals) if first else None,
    )


def _hindsight(session: Session, incident: Incident) -> Hindsight:
    """What became of its first failure."""
    failure = session.scalar(
        select(FailureRow)
        .where(FailureRow.incident_id == incident.id, FailureRow.final.is_(True))
        .order_by(FailureRow.occurred_at, FailureRow.id)
        .limit(1)
    )
    if incident.source != Source.AIRFLOW.value or failure is None:
        return remediation_hindsight.of_incident(session, incident, incident.first_failure_at)
    target = {"dag_id": failure.dag_id, "run_id": failure.run_id, "task_id": failure.task_id}
    return remediation_hindsight.of_task(session, target, failure.occurred_at)


def _shown(one: Replayed, incident: Incident) -> ReplayedOut:
    return ReplayedOut(
        incident_id=incident.id,
        label=one.incident.label,
        opened_at=one.incident.opened_at,
        source=incident.source,
        resource=incident.resource,
        category=incident.category,
        hindsight=one.incident.hindsight.value,
        decision=one.decision.to_json(),
    )
