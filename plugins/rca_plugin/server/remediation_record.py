"""What came of repairs: the numbers that stand beside each step from off to auto."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

from sqlalchemy import select
from sqlalchemy.orm import Session

from rca_plugin.core.category import Category
from rca_plugin.core.remediation.record import Entry, Hindsight, Tally, in_words, tallies
from rca_plugin.core.remediation.state import ENDED, Mode, RemediationState
from rca_plugin.server import airflow_repair, remediation_hindsight
from rca_plugin.server.api_remediation_models import TallyOut
from rca_plugin.server.models import Incident, Remediation

_MOST = 5_000


def record(session: Session, days: int, like: Remediation | None = None) -> tuple[Tally, ...]:
    """Of the attempts that were planned in the last days, and have ended; `like`: of those of its class and mode."""
    since = datetime.now(timezone.utc) - timedelta(days=days)
    ended = Remediation.state.in_([state.value for state in ENDED])
    alike = () if like is None else (
        Remediation.category == like.category, Remediation.action == like.action, Remediation.mode == like.mode,
    )  # fmt: skip
    rows = session.execute(
        select(Remediation, Incident)
        .join(Incident, Incident.id == Remediation.incident_id)
        .where(Remediation.planned_at >= since, ended, *alike)
        .order_by(Remediation.id.desc())
        .limit(_MOST)
    )
    return tallies(_entry(session, row, incident) for row, incident in rows)


def to_out(tally: Tally, days: int) -> TallyOut:
    """The same for the API."""
    names = [name for name in TallyOut.model_fields if name not in ("says", "category", "mode")]
    return TallyOut(
        category=tally.category.value,
        mode=tally.mode.value,
        says=in_words(tally, days),
        **{name: getattr(tally, name) for name in names},
    )


def _entry(session: Session, row: Remediation, incident: Incident) -> Entry:
    return Entry(
        category=Category(row.category),
        action=row.action,
        mode=Mode(row.mode),
        state=RemediationState(row.state),
        approved=bool(row.approvals),
        hindsight=None if row.begun_at else _hindsight(session, row, incident),
    )


def _hindsight(session: Session, row: Remediation, incident: Incident) -> Hindsight:
    if row.action in airflow_repair.ACTIONS:
        return remediation_hindsight.of_task(session, row.decision["proposal"]["target"], row.planned_at)
    return remediation_hindsight.of_incident(session, incident, row.planned_at)
