"""Whether a model may be asked about an incident now: ask, take over an earlier answer, or leave it, and why.

What is decided is on the timeline. A call that may be made is on record, with its worst cost reserved, before
anything is sent: a task that is killed meanwhile leaves a trace, and what it may have spent stays spent.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timezone
from functools import partial

from sqlalchemy import select
from sqlalchemy.orm import Session

from rca_plugin.core.incident import incident_label
from rca_plugin.core.model_call import CallState, Purpose
from rca_plugin.core.model_request import ModelRequest, request_to_json
from rca_plugin.core.money import dollars
from rca_plugin.server import audit, pricing, spending
from rca_plugin.server.database import transaction
from rca_plugin.server.incidents import locked
from rca_plugin.server.masking import redactor
from rca_plugin.server.model_refusal import (
    Question,
    RefusedError,
    refuse_beyond_budget,
    refuse_quiet,
    refuse_while_waiting,
)
from rca_plugin.server.models import Incident, ModelCall


@dataclass(frozen=True)
class Plan:
    """What is to be done: "ask", "reuse" or "refuse". `reason` is one sentence that says why it is refused."""

    decision: str
    call_id: int | None = None
    reason: str = ""
    answer: str | None = None
    answered_for: str | None = None
    answered_at: datetime | None = None


def plan(incident_id: int, purpose: Purpose, key: str, request: ModelRequest) -> Plan:
    """Decide, and keep what was decided.

    Raises UnknownIncidentError, and ValueError for a request with a secret in it.
    """
    _check_redacted(request)
    now = datetime.now(timezone.utc)
    # Prices are looked up before anything is locked.
    try:
        question = Question(purpose, key, request, now, pricing.worst_cost(request, now), "")
    except pricing.UnknownPriceError as error:
        question = Question(purpose, key, request, now, 0, str(error))
    return transaction(partial(_plan, incident_id=incident_id, question=question))


def _check_redacted(request: ModelRequest) -> None:
    """What is stored is what is sent, to the letter. So it is not redacted here: it has to be so already."""
    redact = redactor()
    plain = (request.model, request.prompt, request.system, request.text)
    if any(redact.text(part) != part for part in plain) or redact.tree(request.schema) != request.schema:
        raise ValueError(
            "request: there is something in it that looks like a secret: redact it, then ask again"
        )


def _plan(session: Session, incident_id: int, question: Question) -> Plan:
    incident = locked(session, incident_id)
    spending.open_day(session, question.at.date())
    try:
        return _decided(session, incident, question)
    except RefusedError as refusal:
        audit.append(
            session, incident_id, "rca", "model_refused",
            why=str(refusal), purpose=question.purpose.value, model=question.request.model,
        )  # fmt: skip
        return Plan("refuse", reason=str(refusal))


def _decided(session: Session, incident: Incident, question: Question) -> Plan:
    if question.purpose is Purpose.ANALYSIS:
        # What a person asks for is one call: only what runs by itself could become many.
        refuse_quiet(session, incident)
        if earlier := _answered(session, question.key):
            return _reuse(session, incident, question, earlier)
    if question.unpriced:
        raise RefusedError(question.unpriced)
    refuse_while_waiting(session, question.at)
    refuse_beyond_budget(session, incident, question)
    return _ask(session, incident, question)


def _answered(session: Session, key: str) -> ModelCall | None:
    """The newest call that was really made with this key, and answered."""
    return session.scalar(
        select(ModelCall)
        .where(ModelCall.key == key, ModelCall.state == CallState.ANSWERED.value)
        .order_by(ModelCall.id.desc())
        .limit(1)
    )


def _reuse(session: Session, incident: Incident, question: Question, earlier: ModelCall) -> Plan:
    call = _recorded(
        session, incident, question,
        state=CallState.REUSED.value, answer=earlier.answer, reused_id=earlier.id, reserved_micros=0,
        cost_micros=0, ended_at=question.at,
    )  # fmt: skip
    label = incident_label(earlier.incident_id)
    audit.append(
        session, incident.id, "rca", "model_answer_reused",
        call=call.id, answered_for=label, model=call.model, prompt=call.prompt,
    )  # fmt: skip
    return Plan("reuse", call.id, "", earlier.answer, label, earlier.ended_at)


def _ask(session: Session, incident: Incident, question: Question) -> Plan:
    call = _recorded(
        session, incident, question, state=CallState.RUNNING.value, reserved_micros=question.worst
    )
    audit.append(
        session, incident.id, "rca", "model_asked",
        call=call.id, purpose=call.purpose, model=call.model, prompt=call.prompt,
        costs_at_most=dollars(question.worst),
    )  # fmt: skip
    return Plan("ask", call.id)


def _recorded(session: Session, incident: Incident, question: Question, **more: object) -> ModelCall:
    call = ModelCall(
        incident_id=incident.id,
        purpose=question.purpose.value,
        key=question.key,
        model=question.request.model,
        prompt=question.request.prompt,
        request=json.dumps(request_to_json(question.request)),
        asked_at=question.at,
        problem="", input_tokens=0, cached_tokens=0, output_tokens=0, seconds=0.0,
        **more,
    )  # fmt: skip
    session.add(call)
    session.flush()
    return call
