"""What people do to an incident, by the JSON API."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter
from pydantic import Field
from sqlalchemy.orm import Session

from rca_plugin.core.incident import Status, incident_label
from rca_plugin.core.text import clean
from rca_plugin.server import api_models as models
from rca_plugin.server import auth, incidents, lifecycle
from rca_plugin.server.api_callers import Actor
from rca_plugin.server.database import transaction
from rca_plugin.server.models import Incident

router = APIRouter(
    prefix="/api/v1/incidents/{incident_id}",
    tags=["actions"],
    responses={
        **models.ERRORS,
        403: {"model": models.Problem, "description": "`not_allowed`, or `cross_site`."},
        409: {
            "model": models.Problem,
            "description": "`wrong_status`: the incident is in no state for this.",
        },
        415: {"model": models.Problem, "description": "`not_json`."},
    },
)


class Acknowledge(models.In):
    """Nothing more to say."""


class Resolve(models.In):
    """Why it is over."""

    reason: Annotated[str, Field(min_length=1, max_length=2_000, examples=["The password was renewed."])]


class Reopen(models.In):
    """Why it is not over."""

    reason: Annotated[str, Field(max_length=2_000)] = ""


@router.post("/acknowledge", summary="Look after an incident")
def acknowledge(caller: Actor, incident_id: models.IncidentId, _body: Acknowledge) -> models.IncidentSummary:
    """From open to acknowledged."""
    return _act(caller, incident_id, lambda session, it: lifecycle.acknowledge(session, it, caller.name))


@router.post("/resolve", summary="Say that it is over, and why")
def resolve(caller: Actor, incident_id: models.IncidentId, body: Resolve) -> models.IncidentSummary:
    """From open, acknowledged or suppressed to resolved."""
    reason = clean(body.reason).strip()
    if not reason:
        raise ValueError("reason: say why it is over")
    return _act(caller, incident_id, lambda session, it: lifecycle.resolve(session, it, caller.name, reason))


@router.post("/reopen", summary="Say that it is not over")
def reopen(caller: Actor, incident_id: models.IncidentId, body: Reopen) -> models.IncidentSummary:
    """From resolved to open; a closed incident stays closed."""
    reason = clean(body.reason).strip()

    def change(session: Session, incident: Incident) -> None:
        # An acknowledged or suppressed one may become open too, but not because it was resolved.
        if incident.status not in (Status.RESOLVED.value, Status.CLOSED.value):
            raise lifecycle.TransitionError(f"{incident_label(incident_id)} is {incident.status}: only a "
                                            "resolved incident can be reopened")  # fmt: skip
        lifecycle.reopen(session, incident, caller.name, **({"reason": reason} if reason else {}))

    return _act(caller, incident_id, change)


def _act(
    caller: auth.Person, incident_id: int, change: Callable[[Session, Incident], None]
) -> models.IncidentSummary:
    def work(session: Session) -> models.IncidentSummary:
        incident = incidents.locked(session, incident_id)
        if not caller.may_read(incident.dag_id):
            raise incidents.UnknownIncidentError(f"there is no incident {incident_id}")
        change(session, incident)
        session.flush()
        return models.IncidentSummary.model_validate(incident)

    return transaction(work)
