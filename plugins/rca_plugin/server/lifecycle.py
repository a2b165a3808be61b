"""Changes of an incident's status: all of them go through here, and each is on the timeline."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

from sqlalchemy.orm import Session

from rca_plugin.config import settings
from rca_plugin.core.incident import Status, incident_label, may_become
from rca_plugin.server import audit
from rca_plugin.server.models import Incident


@dataclass(frozen=True)
class Quiet:
    """Why an incident is kept quiet: `by` is one word for programs, `why` a sentence for people."""

    by: str
    why: str
    parent_id: int | None = None
    silence_id: int | None = None


class TransitionError(ValueError):
    """The incident is in no state for this. The text says in which it is."""


def acknowledge(session: Session, incident: Incident, actor: str) -> None:
    """Somebody looks after a locked incident.

    Raises TransitionError.
    """
    _move(session, incident, Status.ACKNOWLEDGED, actor, "acknowledged")


def resolve(session: Session, incident: Incident, actor: str, how: str, at: datetime | None = None) -> None:
    """It is over: `how` says why we believe so.

    Raises TransitionError.
    """
    _check(incident, Status.RESOLVED)
    incident.resolved_at = at or datetime.now(timezone.utc)
    incident.resolved_how = how
    _move(session, incident, Status.RESOLVED, actor, "resolved", how=how)


def reopen(session: Session, incident: Incident, actor: str, **why: Any) -> None:
    """It was resolved, and is back. An incident that comes back often is flapping.

    Raises TransitionError.
    """
    _check(incident, Status.OPEN)
    incident.resolved_at = incident.resolved_how = None
    incident.reopened_count += 1
    _move(session, incident, Status.OPEN, actor, "reopened", **why)
    if incident.reopened_count >= settings().flapping_threshold and not incident.flapping:
        incident.flapping = True
        audit.append(session, incident.id, "rca", "flapping", reopened=incident.reopened_count)


def suppress(session: Session, incident: Incident, quiet: Quiet) -> None:
    """Keep a locked incident quiet.

    Raises TransitionError.
    """
    _move(session, incident, Status.SUPPRESSED, "rca", "suppressed", by=quiet.by, why=quiet.why)
    incident.suppressed_by, incident.suppressed_why = quiet.by, quiet.why
    incident.parent_id, incident.silence_id = quiet.parent_id, quiet.silence_id
    session.flush()


def release(session: Session, incident: Incident, why: str) -> None:
    """What kept it quiet is over.

    Raises TransitionError.
    """
    _move(session, incident, Status.OPEN, "rca", "released", why=why)


def close(session: Session, incident: Incident) -> None:
    """Nothing came back: the next failure is a new incident.

    Raises TransitionError.
    """
    _check(incident, Status.CLOSED)
    incident.open_fingerprint = None
    _move(session, incident, Status.CLOSED, "rca", "closed")


def _move(session: Session, incident: Incident, to: Status, actor: str, action: str, **detail: Any) -> None:
    _check(incident, to)
    incident.status = to.value
    if to is Status.OPEN:
        # Not when it is resolved: then it stays on the page of its storm.
        incident.suppressed_by = incident.suppressed_why = incident.parent_id = incident.silence_id = None
    audit.append(session, incident.id, actor, action, **detail)


def _check(incident: Incident, to: Status) -> None:
    now = Status(incident.status)
    if not may_become(now, to):
        raise TransitionError(f"{incident_label(incident.id)} is {now.value}: it cannot become {to.value}")
