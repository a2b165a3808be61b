"""Silences, by the JSON API."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Annotated

from airflow.utils.session import create_session
from fastapi import APIRouter, Path

from rca_plugin.core.matcher import Matchers
from rca_plugin.core.recurrence import Window
from rca_plugin.server import api_models as models
from rca_plugin.server import silences
from rca_plugin.server.api_callers import Actor, Person
from rca_plugin.server.api_silence_models import (
    SHOWN_WINDOWS,
    Preview,
    PreviewIn,
    SilenceIn,
    SilenceList,
    SilenceOut,
)
from rca_plugin.server.database import transaction
from rca_plugin.server.facts import matching

router = APIRouter(
    prefix="/api/v1/silences",
    tags=["silences"],
    responses={
        **models.ERRORS,
        403: {"model": models.Problem, "description": "`not_allowed`, or `cross_site`."},
        404: {"model": models.Problem, "description": "`unknown_silence`."},
        415: {"model": models.Problem, "description": "`not_json`."},
    },
)
SilenceId = Annotated[int, Path(ge=1, le=2**63 - 1)]


@router.get("", summary="List silences")
def list_silences(_caller: Person) -> SilenceList:
    """All that hold or will (at most 500), and the newest 50 that are over."""
    now = _now()
    with create_session(scoped=False) as session:
        listed = silences.listing(session, now)
        return SilenceList(silences=[SilenceOut.of(one, now) for one in listed])


@router.post("", status_code=201, summary="Keep incidents quiet")
def create_silence(caller: Actor, body: SilenceIn) -> SilenceOut:
    """Failures are recorded and counted all the same; incidents that match stay suppressed meanwhile."""
    now = _now()
    silence = body.to_silence(now)
    silence_id = transaction(
        lambda session: silences.create(session, silence, body.reason, body.time_zone, caller.name, now).id
    )
    return _shown(silence_id, now)


@router.post("/preview", summary="Which unresolved incidents a silence would match, and when")
def preview_silence(caller: Person, body: PreviewIn) -> Preview:
    """Changes nothing. What is wrong with the times is said in `problem`."""
    now = _now()
    matchers = Matchers.from_text(body.matchers)
    windows, problem = _windows(body, now)
    with create_session(scoped=False) as session:
        return Preview.of(matching(session, matchers, caller.readable), windows, problem)


@router.get("/{silence_id}", summary="One silence")
def get_silence(_caller: Person, silence_id: SilenceId) -> SilenceOut:
    """Also one that is over."""
    return _shown(silence_id, _now())


@router.delete("/{silence_id}", summary="End a silence now")
def end_silence(caller: Actor, silence_id: SilenceId) -> SilenceOut:
    """It stays in the list, with who ended it. One that is over already stays as it is."""
    now = _now()
    transaction(lambda session: silences.end(session, silence_id, caller.name, now).id)
    return _shown(silence_id, now)


def _shown(silence_id: int, now: datetime) -> SilenceOut:
    with create_session(scoped=False) as session:
        return SilenceOut.of(silences.get(session, silence_id, now), now)


def _windows(body: PreviewIn, now: datetime) -> tuple[list[Window], str | None]:
    try:
        return body.to_schedule(now).windows(now, SHOWN_WINDOWS), None
    except ValueError as error:
        return [], str(error)


def _now() -> datetime:
    return datetime.now(timezone.utc)
