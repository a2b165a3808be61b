"""What people think of an analysis: one opinion for each person and analysis, the newest."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from rca_plugin.core.analysis import GEMINI
from rca_plugin.core.incident import incident_label
from rca_plugin.core.storable import beginning
from rca_plugin.server import audit, auth, model_calls
from rca_plugin.server.database import insert_once
from rca_plugin.server.incidents import UnknownIncidentError, locked
from rca_plugin.server.lifecycle import TransitionError
from rca_plugin.server.masking import redactor
from rca_plugin.server.models import Feedback, Incident

REASON_CHARS = 2_000


def give(session: Session, incident_id: int, caller: auth.Person, *, helpful: bool, reason: str) -> Feedback:
    """Keep what a person thinks of the analysis of an incident. Saying the same again changes nothing.

    Raises UnknownIncidentError, and TransitionError where there is no analysis.
    """
    incident = locked(session, incident_id)
    if not caller.may_read(incident.dag_id):
        raise UnknownIncidentError(f"there is no incident {incident_id}")
    if incident.analysis is None:
        raise TransitionError(f"{incident_label(incident_id)} has no analysis yet")
    said = {"helpful": helpful, "reason": beginning(reason, REASON_CHARS, redactor())}
    given, changed = _kept(session, incident, caller.name, said)
    if changed:
        audit.append(session, incident_id, caller.name, "feedback_given", method=given.method, **said)
    return given


def of_person(session: Session, incident: Incident, person: str) -> Feedback | None:
    """What a person thinks of the present analysis."""
    return session.scalar(
        select(Feedback).where(
            Feedback.incident_id == incident.id,
            Feedback.person == person,
            Feedback.analyzed_at == incident.analyzed_at,
        )
    )


def _kept(session: Session, incident: Incident, person: str, said: dict[str, Any]) -> tuple[Feedback, bool]:
    now = datetime.now(timezone.utc)
    key = {"incident_id": incident.id, "person": person, "analyzed_at": incident.analyzed_at}
    new = insert_once(session, Feedback, {**key, **said, **_author(session, incident), "at": now})
    given = of_person(session, incident, person)
    if given is None:
        raise AssertionError("it was stored just now")
    changed = new or any(getattr(given, name) != value for name, value in said.items())
    if changed:
        given.helpful, given.reason, given.at = said["helpful"], said["reason"], now
        session.flush()
    return given, changed


def _author(session: Session, incident: Incident) -> dict[str, str]:
    method = str((incident.analysis or {}).get("method", ""))
    call = model_calls.author(session, incident) if method == GEMINI else None
    return {"method": method, "model": call.model if call else "", "prompt": call.prompt if call else ""}
