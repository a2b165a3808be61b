"""Incidents whose hand-off could not be made when they were opened."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

from airflow.utils.session import create_session
from sqlalchemy import and_, select
from sqlalchemy.orm import Session

from rca_plugin.core.incident import VISIBLE
from rca_plugin.server import pool
from rca_plugin.server.database import transaction
from rca_plugin.server.handoff import start
from rca_plugin.server.incidents import locked
from rca_plugin.server.models import Incident
from rca_plugin.server.rca_dag import HandoffError

# After a long pause of the RCA DAG many wait: they start a few at a time, oldest first.
_BATCH = 50


@dataclass(frozen=True)
class HandedOff:
    """How many waiting incidents were handed off now, and why the others still wait."""

    handed_off: int
    still_waiting: int
    reason: str | None


def hand_off_waiting() -> HandedOff:
    """Try again for the incidents that wait. The pool comes back too, where somebody deleted it."""
    transaction(pool.create)
    with create_session(scoped=False) as session:
        waiting = _waiting(session)
    done = 0
    for incident_id in waiting[:_BATCH]:
        try:
            done += transaction(partial(_start, incident_id=incident_id))
        except HandoffError as error:
            # What stops one stops all: the DAG is paused, missing or broken.
            return HandedOff(done, len(waiting) - done, str(error))
    return HandedOff(done, len(waiting) - done, None)


def is_waiting() -> Any:
    """The condition that an incident has not been handed off."""
    return and_(
        Incident.rca_run_id.is_(None),
        Incident.analysis_problem.is_not(None),
        Incident.status.in_([status.value for status in VISIBLE]),
    )


def _waiting(session: Session) -> list[int]:
    return list(session.scalars(select(Incident.id).where(is_waiting()).order_by(Incident.id)))


def _start(session: Session, incident_id: int) -> bool:
    incident = locked(session, incident_id)
    if incident.rca_run_id is not None:
        return False
    start(session, [incident], waits_for=None)
    return True
