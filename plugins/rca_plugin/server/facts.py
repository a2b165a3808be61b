"""What a matcher may ask of an incident, and which incidents matchers mean."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session, defer

from rca_plugin.core.failure import Failure
from rca_plugin.core.incident import UNRESOLVED
from rca_plugin.core.matcher import MAX_VALUE_CHARS, Matcher, Matchers
from rca_plugin.server.incidents import Readable, visible
from rca_plugin.server.models import FailureRow, Incident

_SHOWN = 20
# More unresolved incidents than anybody looks through; the newest say what a silence would do.
_LOOKED_AT = 2_000
_UNRESOLVED = [status.value for status in UNRESOLVED]


@dataclass(frozen=True)
class Matching:
    """How many unresolved incidents match, and the newest 20 of them."""

    total: int
    incidents: list[Incident]


def facts_of(incident: Incident, failure: FailureRow | Failure | None) -> Mapping[str, str]:
    """The facts of an incident and its latest failure; `core.matcher.FACTS` says what they mean.

    A label cannot take the name of another fact.
    """
    task = failure.task if isinstance(failure, Failure) else failure
    known = {
        "source": incident.source,
        "environment": incident.environment,
        "resource": incident.resource,
        "dag_id": incident.dag_id,
        "owner": incident.owner,
        "category": incident.category,
        "severity": incident.severity,
        "priority": incident.priority,
        "task_id": task and task.task_id,
        "run_id": failure.run if isinstance(failure, Failure) and not task else task and task.run_id,
        "operator": failure and failure.operator,
        "code": failure and failure.code,
        "message": failure and failure.message,
    }
    labels = {name: str(text) for name, text in (failure.labels if failure else {}).items()}
    return labels | {name: text or "" for name, text in known.items()}


def meaning(incident: Incident) -> Matchers:
    """The matchers that mean one incident: what fails there, whatever it is."""
    facts = {"source": incident.source, "resource": incident.resource}
    return Matchers(tuple(Matcher(name, "=", text[:MAX_VALUE_CHARS]) for name, text in facts.items()))


def matching(session: Session, matchers: Matchers, readable: Readable) -> Matching:
    """The unresolved incidents that match and that the caller may read, newest first."""
    found = [i for i, failure in _unresolved(session, readable) if matchers.match(facts_of(i, failure))]
    return Matching(len(found), found[:_SHOWN])


def _unresolved(session: Session, readable: Readable) -> Iterator[tuple[Incident, FailureRow | None]]:
    newest = (
        select(FailureRow.incident_id, func.max(FailureRow.id).label("id"))
        .where(FailureRow.incident_id.in_(select(Incident.id).where(Incident.status.in_(_UNRESOLVED))))
        .group_by(FailureRow.incident_id)
        .subquery()
    )
    statement = (
        select(Incident, FailureRow)
        .outerjoin(newest, newest.c.incident_id == Incident.id)
        .outerjoin(FailureRow, FailureRow.id == newest.c.id)
        .where(Incident.status.in_(_UNRESOLVED), visible(session, readable))
        .options(defer(Incident.evidence), defer(FailureRow.detail))
        .order_by(Incident.last_failure_at.desc(), Incident.id.desc())
        .limit(_LOOKED_AT)
    )
    return ((incident, failure) for incident, failure in session.execute(statement))
