"""The past incidents that tell most about one, and what became of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import case, func, select
from sqlalchemy.orm import Session, defer

from rca_plugin.core.duration import in_words
from rca_plugin.core.evidence import Fact
from rca_plugin.core.incident import incident_label
from rca_plugin.core.similarity import Match, closest
from rca_plugin.core.text import head
from rca_plugin.server.incidents import Readable
from rca_plugin.server.models import AuditRow, Incident
from rca_plugin.server.similar_candidates import past_of
from rca_plugin.server.similarity_index import SUBJECT, subject_of

MOST = 5
_HOW_CHARS = 400


@dataclass(frozen=True)
class SimilarIncident:
    """A past incident, and what became of it.

    score: how much it tells, 0 to 1. age: how long before the one in question it opened.
    times: how often the same happened before, this one included. siblings: how many others of the same error and
        hour it stands for.
    resolved_after, resolved_by: None while it is not resolved.
    """

    incident: Incident
    score: float
    age: timedelta
    times: int
    siblings: int
    resolved_after: timedelta | None
    resolved_by: str | None


def find(session: Session, incident: Incident, readable: Readable) -> list[SimilarIncident]:
    """Of the incidents that opened before this one and that the caller may read, those that tell most, best first."""
    own = subject_of(session.execute(select(*SUBJECT).where(Incident.id == incident.id)).one())
    return _told(session, incident, closest(own, past_of(session, incident, own, readable), MOST))


def facts(session: Session, incident_id: int) -> list[Fact]:
    """The same as evidence; only what everybody may read who may read this incident."""
    incident = session.get(Incident, incident_id, options=[defer(Incident.evidence)])
    if incident is None:
        return []
    found = find(session, incident, lambda dag_ids: dag_ids & {incident.dag_id})
    text = "\n".join(map(_line, found))
    return [Fact("similar", "past incidents", None, text)] if found else []


def _line(similar: SimilarIncident) -> str:
    past = similar.incident
    often = f", {similar.times} times so far" if similar.times > 1 else ""
    about = f"{in_words(similar.age)} ago, {past.category}, {past.resource}{often}"
    return f"{incident_label(past.id)} ({about}): {_outcome(similar)}"


def _outcome(similar: SimilarIncident) -> str:
    if similar.resolved_after is None:
        return f"not resolved, {similar.incident.status}"
    how = head(" ".join((similar.incident.resolved_how or "").split()), _HOW_CHARS)
    return f"resolved after {in_words(similar.resolved_after)}: {how}"


def _told(session: Session, incident: Incident, matches: list[Match]) -> list[SimilarIncident]:
    """What became of the matches: of those that happened several times, of the last one that was resolved."""
    if not matches:
        return []
    history = _history(session, incident.id, {match.past.subject.fingerprint for match in matches})
    shown = {
        match.past.id: history[match.past.subject.fingerprint].last_resolved or match.past.id
        for match in matches
    }
    incidents = _incidents(session, shown.values())
    resolved_by = _resolved_by(session, shown.values())
    return [
        _similar(incident, match, incidents[shown[match.past.id]], history, resolved_by) for match in matches
    ]


def _similar(
    incident: Incident,
    match: Match,
    past: Incident,
    history: Mapping[str, Any],
    resolved_by: Mapping[int, str],
) -> SimilarIncident:
    took = max(past.resolved_at - past.first_failure_at, timedelta(0)) if past.resolved_at else None
    return SimilarIncident(
        incident=past,
        score=match.score,
        age=incident.opened_at - past.opened_at,
        times=history[past.fingerprint].times,
        siblings=len(match.siblings),
        resolved_after=took,
        resolved_by=resolved_by.get(past.id) if past.resolved_at else None,
    )


def _history(session: Session, incident_id: int, prints: Iterable[str]) -> dict[str, Any]:
    resolved = case((Incident.resolved_at.is_not(None), Incident.id))
    rows = session.execute(
        select(
            Incident.fingerprint,
            func.count().label("times"),
            func.max(resolved).label("last_resolved"),
        )
        .where(Incident.fingerprint.in_(list(prints)), Incident.id < incident_id)
        .group_by(Incident.fingerprint)
    )
    return {row.fingerprint: row for row in rows}


def _incidents(session: Session, numbers: Iterable[int]) -> dict[int, Incident]:
    found = select(Incident).options(defer(Incident.evidence)).where(Incident.id.in_(list(numbers)))
    return {incident.id: incident for incident in session.scalars(found)}


def _resolved_by(session: Session, numbers: Iterable[int]) -> dict[int, str]:
    rows = session.execute(
        select(AuditRow.incident_id, AuditRow.actor)
        .where(AuditRow.incident_id.in_(list(numbers)), AuditRow.action == "resolved")
        .order_by(AuditRow.incident_id, AuditRow.seq)
    )
    return {row.incident_id: row.actor for row in rows}
