"""Whether an incident has to be kept quiet: a silence, a cause that is known already, or a storm."""

from __future__ import annotations

from sqlalchemy.orm import Session

from rca_plugin.core.failure import Failure
from rca_plugin.core.incident import UNRESOLVED, Status
from rca_plugin.server import inhibition, silences, storm
from rca_plugin.server.facts import facts_of
from rca_plugin.server.lifecycle import Quiet
from rca_plugin.server.models import Incident


def reason(session: Session, incident: Incident, failure: Failure, waits_for: str | None) -> Quiet | None:
    """Why an incident that begins with this failure should be quiet; None when it should not.

    Raises HandoffError when `waits_for` is None and a storm that begins cannot be handed off.
    """
    return (
        _silenced(session, incident, failure)
        or inhibition.inhibited(session, incident, failure)
        or storm.joined(session, incident, waits_for)
    )


def still_quiet(session: Session, incident: Incident, failure: Failure) -> bool:
    """Whether what has kept an incident quiet so far still does."""
    if incident.parent_id is None:
        return _silenced(session, incident, failure) is not None
    parent = session.get(Incident, incident.parent_id, populate_existing=True)
    return parent is not None and Status(parent.status) in UNRESOLVED


def _silenced(session: Session, incident: Incident, failure: Failure) -> Quiet | None:
    silence = silences.holding(session, facts_of(incident, failure), failure.occurred_at)
    if silence is None:
        return None
    return Quiet("silence", f"silenced by {silence.created_by}: {silence.reason}", silence_id=silence.id)
