"""What people think of analyses, by the JSON API."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Annotated

from airflow.utils.session import create_session
from fastapi import APIRouter
from pydantic import Field

from rca_plugin.server import api_models as models
from rca_plugin.server import feedback, scores, spending
from rca_plugin.server.api_callers import Person, Sender
from rca_plugin.server.api_model_call_models import SpendingOut
from rca_plugin.server.database import transaction

router = APIRouter(
    prefix="/api/v1",
    tags=["feedback"],
    responses={
        **models.ERRORS,
        403: {"model": models.Problem, "description": "`cross_site`."},
        409: {"model": models.Problem, "description": "`wrong_status`: there is no analysis to judge."},
        415: {"model": models.Problem, "description": "`not_json`."},
    },
)


class FeedbackIn(models.In):
    """Whether the analysis helped, and why."""

    helpful: bool
    reason: Annotated[str, Field(max_length=feedback.REASON_CHARS)] = ""


class FeedbackOut(models.Out):
    """What a person thinks of an analysis."""

    incident_id: int
    person: str = Field(examples=["ada"])
    analyzed_at: datetime = Field(description="Which analysis of the incident.")
    helpful: bool
    reason: str
    at: datetime
    method: str = Field(examples=["gemini"])
    model: str = Field(examples=["gemini-2.5-flash"], description="Empty where no model wrote it.")
    prompt: str = Field(examples=["root_cause 1 (0f3a9c12)"])


class Score(models.Out):
    """How many found helpful what one author wrote, with the interval that holds the true share at 95 %."""

    method: str = Field(examples=["gemini"])
    model: str
    prompt: str
    rated: int = Field(examples=[12])
    helpful: int = Field(examples=[9])
    share: float = Field(examples=[0.75])
    low: float = Field(examples=[0.47])
    high: float = Field(examples=[0.91])


class AnalysisScores(models.Out):
    """What people think of analyses, the most rated first, and what is spent on them today."""

    scores: list[Score]
    spending: SpendingOut


@router.put("/incidents/{incident_id}/feedback", summary="Say whether the analysis helped, and why")
def give_feedback(caller: Sender, incident_id: models.IncidentId, body: FeedbackIn) -> FeedbackOut:
    """One for each person and analysis: a newer one replaces it."""
    return transaction(
        lambda session: FeedbackOut.model_validate(
            feedback.give(session, incident_id, caller, helpful=body.helpful, reason=body.reason)
        )
    )


@router.get("/analysis-scores", summary="How helpful people find the analyses of each author")
def get_scores(_caller: Person) -> AnalysisScores:
    """By method, model and prompt."""
    today = datetime.now(timezone.utc).date()
    with create_session(scoped=False) as session:
        found = [Score.model_validate(score) for score in scores.scores(session)]
        return AnalysisScores(
            scores=found, spending=SpendingOut.model_validate(spending.of_day(session, today))
        )
