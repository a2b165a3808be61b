"""Calls of a model, looked up."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session, aliased, defer

from rca_plugin.core.incident import incident_label
from rca_plugin.core.model_call import CallState, Purpose
from rca_plugin.server.models import Incident, ModelCall

_SHOWN = 100
_Original = aliased(ModelCall)


class UnknownCallError(LookupError):
    """There is no such call."""


@dataclass(frozen=True)
class Call:
    """A call, and the incident whose answer it took over."""

    row: ModelCall
    answered_for: str | None

    def request(self) -> dict[str, Any]:
        """What was asked, exactly."""
        asked: dict[str, Any] = json.loads(self.row.request)
        return asked


def of_incident(session: Session, incident_id: int) -> list[Call]:
    """The newest calls of an incident, newest first, without what was asked and answered."""
    newest = _calls().where(ModelCall.incident_id == incident_id).order_by(ModelCall.id.desc()).limit(_SHOWN)
    rows = session.execute(newest.options(defer(ModelCall.request), defer(ModelCall.answer)))
    return [_call(row, original) for row, original in rows]


def one(session: Session, incident_id: int, call_id: int) -> Call:
    """A call of an incident.

    Raises UnknownCallError.
    """
    found = session.execute(
        _calls().where(ModelCall.id == call_id, ModelCall.incident_id == incident_id)
    ).one_or_none()
    if found is None:
        raise UnknownCallError(f"{incident_label(incident_id)} has no model call {call_id}")
    return _call(*found)


def author(session: Session, incident: Incident) -> ModelCall | None:
    """The call that the analysis of an incident was made from: the newest one that brought an answer to it."""
    return session.scalar(
        select(ModelCall)
        .where(
            ModelCall.incident_id == incident.id,
            ModelCall.purpose == Purpose.ANALYSIS.value,
            ModelCall.state.in_([CallState.ANSWERED.value, CallState.REUSED.value]),
            ModelCall.ended_at <= incident.analyzed_at,
        )
        .order_by(ModelCall.id.desc())
        .limit(1)
    )


def asked_to_wait(session: Session, now: datetime) -> datetime | None:
    """Until when the model wants to be left alone; None when it does not."""
    return session.scalar(select(func.max(ModelCall.wait_until)).where(ModelCall.wait_until > now))


def _calls() -> Any:
    return select(ModelCall, _Original.incident_id).outerjoin(_Original, ModelCall.reused_id == _Original.id)


def _call(row: ModelCall, original: int | None) -> Call:
    return Call(row, None if original is None else incident_label(original))
