"""Repairs whose run has ended without a word: killed, timed out, deleted. Each is concluded by what can be seen."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from functools import partial
from typing import Any

from airflow.models.dagrun import DagRun
from airflow.utils.session import create_session
from airflow.utils.state import DagRunState
from sqlalchemy import and_, exists, or_, select
from sqlalchemy.orm import Session

from rca_plugin.core.remediation.state import RemediationState
from rca_plugin.server import airflow_repair, remediations
from rca_plugin.server.database import transaction
from rca_plugin.server.models import Remediation
from rca_plugin.server.rca_dag import REPAIR_DAG_ID, HandoffError
from rca_plugin.server.remediation_outcome import Outcome, conclude

_BATCH = 100
# What a person answers about in the last second has this long to begin.
_GRACE = timedelta(minutes=30)
# Nobody follows for longer what was cleared in Airflow.
_LONGEST = timedelta(hours=24)


def settle_repairs() -> int:
    """Conclude those that nobody will conclude any more; answer how many."""
    with create_session(scoped=False) as session:
        found = list(
            session.scalars(select(Remediation.id).where(_left()).order_by(Remediation.id).limit(_BATCH))
        )
    return sum(_settled(remediation_id) for remediation_id in found)


def _left() -> Any:
    run = and_(DagRun.dag_id == REPAIR_DAG_ID, DagRun.run_id == Remediation.run_id)
    goes_on = exists().where(run, DagRun.state.in_([DagRunState.QUEUED, DagRunState.RUNNING]))
    begun = Remediation.state == RemediationState.RUNNING.value
    late = and_(~begun, Remediation.expires_at < datetime.now(timezone.utc) - _GRACE)
    return and_(Remediation.state.in_(remediations.UNFINISHED), or_(~goes_on, late))


def _settled(remediation_id: int) -> bool:
    try:
        return transaction(partial(_settle, remediation_id=remediation_id))
    except HandoffError:
        # The next attempt could not be made: the next run of housekeeping tries again.
        return False


def _settle(session: Session, remediation_id: int) -> bool:
    row, _incident = remediations.locked(session, remediation_id)
    if session.scalar(select(Remediation.id).where(Remediation.id == remediation_id, _left())) is None:
        return False
    if row.state == RemediationState.RUNNING.value and _still_works(session, row):
        return False
    outcome = Outcome.UNKNOWN if row.begun_at else Outcome.NOT_BEGUN
    conclude(session, remediation_id, outcome, "its run ended, and nobody could say what came of it"
             if row.begun_at else "")  # fmt: skip
    return True


def _still_works(session: Session, row: Remediation) -> bool:
    if row.action not in airflow_repair.ACTIONS or row.begun_at is None:
        return False
    seen = airflow_repair.observed(session, remediations.proposal_of(row).target)
    return seen == "running" and row.begun_at > datetime.now(timezone.utc) - _LONGEST
