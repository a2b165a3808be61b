"""What the root cause panel shows beside the analysis: the call it was made from, and what people think of it."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import case, func, select
from sqlalchemy.orm import Session

from rca_plugin.core.analysis import GEMINI
from rca_plugin.server import feedback, model_calls
from rca_plugin.server.models import Feedback, Incident, ModelCall


@dataclass(frozen=True)
class Authorship:
    """The call that the analysis was made from, and the one whose answer that took over; None where there is none.

    newest: of all calls about the incident, whatever became of it.
    """

    call: ModelCall | None
    original: ModelCall | None
    newest: ModelCall | None


@dataclass(frozen=True)
class Rating:
    """What the person who looks thinks of the analysis, and how many others found it helpful."""

    own: Feedback | None
    others: int
    helpful_to_others: int


def authorship(session: Session, incident: Incident) -> Authorship:
    """Who wrote the present analysis of an incident."""
    written = (incident.analysis or {}).get("method") == GEMINI
    call = model_calls.author(session, incident) if written else None
    original = session.get(ModelCall, call.reused_id) if call and call.reused_id else None
    calls = model_calls.of_incident(session, incident.id)
    return Authorship(call, original, calls[0].row if calls else None)


def rating(session: Session, incident: Incident, person: str) -> Rating:
    """What is thought of the present analysis of an incident."""
    of_others = select(func.count(), func.sum(case((Feedback.helpful.is_(True), 1), else_=0))).where(
        Feedback.incident_id == incident.id,
        Feedback.analyzed_at == incident.analyzed_at,
        Feedback.person != person,
    )
    others, helpful = session.execute(of_others).one()
    return Rating(feedback.of_person(session, incident, person), others, int(helpful or 0))
