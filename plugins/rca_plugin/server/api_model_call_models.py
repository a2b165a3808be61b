"""What goes in and out of the JSON API about calls of a model."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any, Literal

from fastapi import Path
from pydantic import Field

from rca_plugin.core.model_call import CallState, Purpose
from rca_plugin.core.model_request import ModelRequest
from rca_plugin.core.money import dollars
from rca_plugin.server.api_models import In, Out
from rca_plugin.server.model_calls import Call
from rca_plugin.server.model_outcome import Outcome

CallId = Annotated[int, Path(ge=1, le=2**63 - 1, examples=[7])]

_Tokens = Annotated[int, Field(ge=0, le=100_000_000)]


class ModelRequestIn(In):
    """A question to a model, exactly as it will be sent: redacted."""

    model: Annotated[str, Field(min_length=1, max_length=200, examples=["gemini-2.5-flash"])]
    prompt: Annotated[str, Field(min_length=1, max_length=200, examples=["root_cause 1 (0f3a9c12)"])]
    system: Annotated[str, Field(max_length=50_000)]
    text: Annotated[str, Field(min_length=1, max_length=400_000)]
    # Not `schema`: pydantic's own models have a method of that name.
    schema_: Annotated[dict[str, Any], Field(alias="schema")]
    output_tokens: Annotated[int, Field(ge=1, le=1_000_000)]

    def to_request(self) -> ModelRequest:
        """The same as a value."""
        return ModelRequest(
            model=self.model,
            prompt=self.prompt,
            system=self.system,
            text=self.text,
            schema=self.schema_,
            output_tokens=self.output_tokens,
        )


class PlanModelCall(In):
    """What an analysis, or a replay of one, wants to ask."""

    purpose: Purpose
    key: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$", description="The same for the same failure.")]
    request: ModelRequestIn


class ModelCallPlan(Out):
    """Whether to ask."""

    decision: Literal["ask", "reuse", "refuse"]
    call_id: int | None = Field(description="What was recorded of it; nothing of what is refused.")
    reason: str = Field(description="Why not, when it is refused.")
    answer: str | None = Field(description="What was answered to the same question, when that is reused.")
    answered_for: str | None = Field(examples=["RCA-17"])
    answered_at: datetime | None


class ModelCallOutcome(In):
    """What came of a call."""

    answer: Annotated[str | None, Field(max_length=64_000)] = None
    problem: Annotated[str, Field(max_length=2_000, description="Empty when it was answered.")] = ""
    input_tokens: _Tokens = 0
    cached_tokens: Annotated[_Tokens, Field(description="Of the input tokens, those from a cache.")] = 0
    output_tokens: Annotated[_Tokens, Field(description="Thoughts included.")] = 0
    seconds: Annotated[float, Field(ge=0, le=86_400)] = 0.0
    retry_after: Annotated[float, Field(ge=0, description="Seconds to leave the model alone.")] = 0.0
    asked: Annotated[bool, Field(description="False: nothing was sent, so there is nothing to pay.")] = True
    counted: Annotated[
        bool,
        Field(
            description="False: it was sent, and nobody knows what was used: what was reserved stays spent."
        ),
    ] = True

    def to_outcome(self) -> Outcome:
        """The same as a value."""
        return Outcome(**self.model_dump())


class ModelCallRecorded(Out):
    """It is kept."""

    incident_id: int
    cost: float = Field(examples=[0.0042], description="In US dollars.")


class ModelCallSummary(Out):
    """A call, without what was asked and answered."""

    id: int
    incident_id: int
    purpose: str = Field(examples=["analysis"])
    model: str = Field(examples=["gemini-2.5-flash"])
    prompt: str = Field(examples=["root_cause 1 (0f3a9c12)"])
    state: CallState = Field(
        description="`running` also when its task was killed: then what was reserved stays spent."
    )
    problem: str
    input_tokens: int
    cached_tokens: int
    output_tokens: int
    seconds: float
    cost: float | None = Field(examples=[0.0042], description="In US dollars; none until it is known.")
    reserved: float = Field(description="In US dollars: what it costs at most.")
    asked_at: datetime
    ended_at: datetime | None
    wait_until: datetime | None = Field(description="The model asked to be left alone until then.")
    answered_for: str | None = Field(examples=["RCA-17"], description="Whose answer was reused.")

    @classmethod
    def of(cls, call: Call) -> ModelCallSummary:
        """The same for the API."""
        return cls(**_shown(cls, call))


class ModelCallList(Out):
    """The newest 100 calls of an incident, newest first."""

    model_calls: list[ModelCallSummary]


class ModelCallDetail(ModelCallSummary):
    """A call, with what was asked and answered."""

    key: str
    request: dict[str, Any] = Field(description="Exactly as it was sent.")
    answer: str | None

    @classmethod
    def of(cls, call: Call) -> ModelCallDetail:
        """The same for the API."""
        own: dict[str, Any] = {"key": call.row.key, "request": call.request(), "answer": call.row.answer}
        return cls(**_shown(ModelCallSummary, call), **own)


def _shown(model: type[Out], call: Call) -> dict[str, Any]:
    row = call.row
    stored = {name: getattr(row, name) for name in model.model_fields if hasattr(row, name)}
    cost = None if row.cost_micros is None else dollars(row.cost_micros)
    return {
        **stored,
        "cost": cost,
        "reserved": dollars(row.reserved_micros),
        "answered_for": call.answered_for,
    }


class SpendingOut(Out):
    """What the calls of a day (UTC) cost so far, what is reserved for running ones included; in US dollars."""

    day: date
    spent: float = Field(examples=[1.37])
    budget: float = Field(examples=[5.0])
    stopped: bool = Field(description="A call was refused today because of the budget.")
