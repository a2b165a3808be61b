"""What came of a call of a model, and what it cost. The first outcome that is recorded stays."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from functools import partial
from typing import Any

from airflow.utils.session import create_session
from sqlalchemy import update
from sqlalchemy.orm import Session

from rca_plugin.core.model_call import CallState
from rca_plugin.core.money import dollars
from rca_plugin.core.storable import beginning
from rca_plugin.server import audit, pricing, spending
from rca_plugin.server.database import changed_rows, transaction
from rca_plugin.server.incidents import locked
from rca_plugin.server.masking import redactor
from rca_plugin.server.model_calls import UnknownCallError
from rca_plugin.server.models import ModelCall

ANSWER_CHARS = 64_000
PROBLEM_CHARS = 2_000
# Whoever answers could say a year.
_LONGEST_WAIT = timedelta(days=1).total_seconds()


@dataclass(frozen=True)
class Outcome:
    """What came of a call.

    problem: empty when it was answered. seconds: how long it took. retry_after: seconds to leave the model alone.
    asked: whether anything was sent. counted: whether the tokens are known; if not, what was reserved stays spent.
    """

    answer: str | None
    problem: str
    input_tokens: int
    cached_tokens: int
    output_tokens: int
    seconds: float
    retry_after: float
    asked: bool
    counted: bool

    @property
    def state(self) -> CallState:
        """How the call ended."""
        if not self.asked:
            return CallState.NOT_SENT
        return CallState.FAILED if self.answer is None or self.problem else CallState.ANSWERED


@dataclass(frozen=True)
class Recorded:
    """It is kept; the cost is in US dollars."""

    incident_id: int
    cost: float


def record(call_id: int, outcome: Outcome) -> Recorded:
    """Keep what came of a call, and settle its cost. Recording again changes nothing.

    Raises UnknownCallError.
    """
    # Redaction and prices take their time: before anything is locked.
    with create_session(scoped=False) as session:
        columns = _columns(_call(session, call_id), outcome)
    return transaction(partial(_record, call_id=call_id, columns=columns))


def _call(session: Session, call_id: int) -> ModelCall:
    call = session.get(ModelCall, call_id)
    if call is None:
        raise UnknownCallError(f"there is no model call {call_id}")
    return call


def _columns(call: ModelCall, outcome: Outcome) -> dict[str, Any]:
    now = datetime.now(timezone.utc)
    wait = timedelta(seconds=min(outcome.retry_after, _LONGEST_WAIT))
    answer = outcome.answer
    return {
        "state": outcome.state.value,
        "answer": None if answer is None else beginning(answer, ANSWER_CHARS, redactor()),
        "problem": beginning(outcome.problem, PROBLEM_CHARS, redactor()),
        "input_tokens": outcome.input_tokens,
        "cached_tokens": outcome.cached_tokens,
        "output_tokens": outcome.output_tokens,
        "seconds": outcome.seconds,
        "cost_micros": _cost(call, outcome),
        "ended_at": now,
        "wait_until": now + wait if wait else None,
    }


def _cost(call: ModelCall, outcome: Outcome) -> int:
    if not outcome.asked:
        return 0
    if not outcome.counted:
        return call.reserved_micros
    used = pricing.Tokens(outcome.input_tokens, outcome.output_tokens, outcome.cached_tokens)
    try:
        return pricing.cost(call.model, used, call.asked_at)
    except pricing.UnknownPriceError:
        # The options were changed since it was asked.
        return call.reserved_micros


def _record(session: Session, call_id: int, columns: dict[str, Any]) -> Recorded:
    call = _call(session, call_id)
    locked(session, call.incident_id)
    running = update(ModelCall).where(ModelCall.id == call_id, ModelCall.state == CallState.RUNNING.value)
    first = changed_rows(session, running.values(columns).execution_options(synchronize_session=False)) == 1
    session.refresh(call)
    cost = call.cost_micros or 0
    if first:
        spending.settle(session, call.asked_at.date(), call.reserved_micros, cost)
        _audit(session, call)
    return Recorded(call.incident_id, dollars(cost))


def _audit(session: Session, call: ModelCall) -> None:
    answered = call.state == CallState.ANSWERED.value
    audit.append(
        session, call.incident_id, "rca", "model_answered" if answered else "model_failed",
        call=call.id, model=call.model, prompt=call.prompt, input_tokens=call.input_tokens,
        cached_tokens=call.cached_tokens, output_tokens=call.output_tokens, cost=dollars(call.cost_micros or 0),
        seconds=call.seconds, **({} if answered else {"problem": call.problem}),
    )  # fmt: skip
