"""Attempts to repair, as rows: looked up, and taken from state to state."""

from __future__ import annotations

from datetime import datetime, timezone

from sqlalchemy import select
from sqlalchemy.orm import Session

from rca_plugin.core.incident import incident_label
from rca_plugin.core.remediation.proposal import Proposal
from rca_plugin.core.remediation.state import ENDED, RemediationState, may_become
from rca_plugin.core.storable import beginning
from rca_plugin.server import audit, deliveries, incidents
from rca_plugin.server.masking import redactor
from rca_plugin.server.models import Incident, Remediation

_SHOWN = 50
_OUTCOME_CHARS = 1_000
UNFINISHED = tuple(state.value for state in RemediationState if state not in ENDED)


class UnknownRemediationError(LookupError):
    """There is no such repair."""


class WrongStateError(ValueError):
    """The repair is in no state for this. The text says in which it is."""


def find(session: Session, remediation_id: int) -> Remediation:
    """One repair, as it is now.

    Raises UnknownRemediationError.
    """
    row = session.get(Remediation, remediation_id, populate_existing=True)
    if row is None:
        raise UnknownRemediationError(f"there is no repair {remediation_id}")
    return row


def locked(session: Session, remediation_id: int) -> tuple[Remediation, Incident]:
    """One repair and its incident, whose lock is the lock of both.

    Raises UnknownRemediationError.
    """
    this = Remediation.id == remediation_id
    incident_id = session.scalar(select(Remediation.incident_id).where(this))
    if incident_id is None:
        raise UnknownRemediationError(f"there is no repair {remediation_id}")
    incident = incidents.locked(session, incident_id)
    return find(session, remediation_id), incident


def of_incident(session: Session, incident_id: int) -> list[Remediation]:
    """Those of an incident, newest first."""
    ours = select(Remediation).where(Remediation.incident_id == incident_id)
    return list(session.scalars(ours.order_by(Remediation.id.desc()).limit(_SHOWN)))


def unfinished(session: Session, incident_id: int) -> Remediation | None:
    """The one that is planned or running; there is never a second."""
    ours = (Remediation.incident_id == incident_id, Remediation.state.in_(UNFINISHED))
    return session.scalar(select(Remediation).where(*ours).order_by(Remediation.id.desc()).limit(1))


def proposal_of(row: Remediation) -> Proposal:
    """What it is to do."""
    return Proposal.from_json(row.decision["proposal"])


def title(row: Remediation) -> str:
    """How a sentence calls it: repair 2 of RCA-42."""
    return f"repair {row.attempt} of {incident_label(row.incident_id)}"


def end(
    session: Session, row: Remediation, state: RemediationState, outcome: str, actor: str = "rca"
) -> None:
    """A repair of a locked incident is over, and that is on the timeline.

    Raises WrongStateError.
    """
    move(row, state)
    row.ended_at = datetime.now(timezone.utc)
    row.outcome = beginning(outcome, _OUTCOME_CHARS, redactor())
    audit.append(
        session, row.incident_id, actor, f"repair_{state.value}", repair=row.id, what=row.action, why=row.outcome
    )  # fmt: skip
    deliveries.changed(session, row.incident_id)


def move(row: Remediation, state: RemediationState) -> None:
    """Take it to another state.

    Raises WrongStateError.
    """
    if not may_become(RemediationState(row.state), state):
        raise WrongStateError(f"{title(row)} is {row.state}: it cannot become {state.value}")
    row.state = state.value
