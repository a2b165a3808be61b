"""Why a model must not be asked about an incident now."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from rca_plugin.config import settings
from rca_plugin.core.incident import Status, incident_label
from rca_plugin.core.model_call import Purpose
from rca_plugin.core.model_request import ModelRequest
from rca_plugin.core.money import in_words, micros
from rca_plugin.server import spending, storm
from rca_plugin.server.model_calls import asked_to_wait
from rca_plugin.server.models import Incident, ModelCall


@dataclass(frozen=True)
class Question:
    """What is to be asked, and what that costs at most; `unpriced` says why nobody knows."""

    purpose: Purpose
    key: str
    request: ModelRequest
    at: datetime
    worst: int
    unpriced: str


class RefusedError(Exception):
    """It must not be asked now. The text says why, in one sentence."""


def refuse_quiet(session: Session, incident: Incident) -> None:
    """Not about what a storm speaks for, or what is kept quiet.

    Raises RefusedError.
    """
    label = incident_label(incident.id)
    if whole := storm.around(session, incident):
        raise RefusedError(f"{label} is part of storm {incident_label(whole.id)}, which is analyzed instead")
    if incident.status == Status.SUPPRESSED:
        raise RefusedError(f"{label} is suppressed: {incident.suppressed_why}")


def refuse_while_waiting(session: Session, now: datetime) -> None:
    """Not while the model wants to be left alone.

    Raises RefusedError.
    """
    if until := asked_to_wait(session, now):
        raise RefusedError(f"Gemini asked to wait until {until:%Y-%m-%d %H:%M:%S} UTC")


def refuse_beyond_budget(session: Session, incident: Incident, question: Question) -> None:
    """Not for more than is left of the incident's budget and of the day's, from which its worst cost is taken.

    Raises RefusedError.
    """
    limits = settings()
    budget = micros(limits.gemini_incident_budget)
    spent = _spent_on(session, incident.id)
    worst = in_words(question.worst)
    if spent + question.worst > budget:
        raise RefusedError(f"the budget of {incident_label(incident.id)} does not suffice: {in_words(spent)} of "
                            f"{in_words(budget)} is used, and this call may cost {worst} "
                            "([rca] gemini_incident_budget)")  # fmt: skip
    if not spending.reserve(session, question.at.date(), question.worst):
        day = spending.of_day(session, question.at.date())
        raise RefusedError(f"the budget of the day does not suffice until 00:00 UTC: {in_words(micros(day.spent))} "
                            f"of {in_words(micros(day.budget))} is used, and this call may cost {worst} "
                            "([rca] gemini_daily_budget)")  # fmt: skip


def _spent_on(session: Session, incident_id: int) -> int:
    """With what is reserved for calls that run."""
    each = func.coalesce(ModelCall.cost_micros, ModelCall.reserved_micros)
    return int(session.scalar(select(func.sum(each)).where(ModelCall.incident_id == incident_id)) or 0)
