"""Hand incidents to the DAG that analyzes them, and repairs to the one that carries them out.

The DagRun is a row in the same database and the same transaction as the incident: both exist, or neither.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from typing import Any

from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from rca_plugin.core.incident import incident_label
from rca_plugin.core.text import head
from rca_plugin.server import audit
from rca_plugin.server.audit import Entry
from rca_plugin.server.database import worth_retrying
from rca_plugin.server.models import Incident
from rca_plugin.server.rca_dag import DAG_ID, REPAIR_DAG_ID, HandoffError, rca_dag

_REASON_CHARS = 300


def start(session: Session, incidents: Sequence[Incident], waits_for: str | None) -> None:
    """Hand locked incidents off, or note on them why that has to wait.

    Raises HandoffError when `waits_for` is None and the DAG could not run; the transaction must then be given up.
    """
    if not incidents:
        return
    if waits_for is not None:
        _note_waiting(session, incidents, waits_for)
        return
    for incident in incidents:
        incident.rca_run_id = _run_id(incident)
        incident.analysis_problem = None
    _create_runs(session, {str(i.rca_run_id): {"incident_id": i.id} for i in incidents})
    audit.append_all(session, [Entry(i.id, "rca", "handed_off", {"run_id": i.rca_run_id}) for i in incidents])


def repair(session: Session, run_id: str, remediation_id: int, run_after: datetime) -> None:
    """Have a repair of a locked incident go its way, not before a time.

    Raises HandoffError when the DAG could not run; the transaction must then be given up.
    """
    _create_runs(session, {run_id: {"remediation_id": remediation_id}}, REPAIR_DAG_ID, run_after)


def _note_waiting(session: Session, incidents: Sequence[Incident], reason: str) -> None:
    for incident in incidents:
        incident.analysis_problem = reason
    audit.append_all(session, [Entry(i.id, "rca", "handoff_waiting", {"reason": reason}) for i in incidents])


def _run_id(incident: Incident) -> str:
    """Different each time, also from the runs of an earlier installation whose incidents had the same numbers."""
    return f"{incident_label(incident.id)}_{datetime.now(timezone.utc):%Y%m%dT%H%M%S%f}"


def _create_runs(
    session: Session,
    confs: Mapping[str, dict[str, Any]],
    dag_id: str = DAG_ID,
    run_after: datetime | None = None,
) -> None:
    try:
        rca_dag(session, dag_id).create_runs(session, confs, run_after)
    except HandoffError:
        raise
    except Exception as error:
        if isinstance(error, DBAPIError) and worth_retrying(error):
            raise
        reason = head(f"{type(error).__name__}: {error}", _REASON_CHARS)
        raise HandoffError(f"DAG {dag_id} could not be triggered: {reason}") from error
