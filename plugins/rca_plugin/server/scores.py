"""How helpful people find the analyses of each author: knowledge base, or model and prompt."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import case, func, select
from sqlalchemy.orm import Session

from rca_plugin.core.proportion import proportion
from rca_plugin.server.models import Feedback


@dataclass(frozen=True)
class Score:
    """How many found an author helpful; the true share is from `low` to `high` with a probability of 95 %."""

    method: str
    model: str
    prompt: str
    rated: int
    helpful: int
    share: float
    low: float
    high: float


def scores(session: Session) -> list[Score]:
    """Of every author that was rated, the most rated first."""
    author = (Feedback.method, Feedback.model, Feedback.prompt)
    rated = func.count(Feedback.id)
    helpful = func.sum(case((Feedback.helpful.is_(True), 1), else_=0))
    rows = session.execute(select(*author, rated, helpful).group_by(*author).order_by(rated.desc(), *author))
    return [_score(method, model, prompt, rated, int(good)) for method, model, prompt, rated, good in rows]


def _score(method: str, model: str, prompt: str, rated: int, helpful: int) -> Score:
    found = proportion(helpful, rated)
    return Score(method, model, prompt, rated, helpful, found.share, found.low, found.high)
