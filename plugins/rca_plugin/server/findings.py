"""What an RCA run finds out, recorded on its incident. Recording the same again changes nothing."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timezone
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from rca_plugin.core.analysis import MODEL, RULES, Analysis, analysis_to_json
from rca_plugin.core.category import Priority, Severity
from rca_plugin.core.classification import Classification
from rca_plugin.core.evidence import Evidence, Fact, evidence_to_json
from rca_plugin.server import audit, deliveries, evidence, lifecycle, similar, similarity_index, triage
from rca_plugin.server.incidents import UnknownIncidentError, locked, of_incident
from rca_plugin.server.models import FailureRow, Incident


def collect_evidence(
    session: Session, incident_id: int, *, wait: bool, outside: Sequence[Fact] = ()
) -> list[Evidence]:
    """Collect and keep what Airflow knows of the newest failure of an incident, what was found outside, and what
    became of similar incidents.

    Raises UnknownIncidentError, and NotSettledError while more is to come and `wait` is set.
    """
    failure = _newest_failure(session, incident_id)
    known = [*outside, *similar.facts(session, incident_id)]
    facts = evidence.collect(session, failure, wait=wait, outside=known)
    incident = locked(session, incident_id)
    similarity_index.file_again(session, incident_id)
    incident.evidence = [evidence_to_json(fact) for fact in facts]
    audit.append(session, incident_id, "rca", "evidence_collected", kinds=[fact.kind for fact in facts])
    return facts


def record_classification(session: Session, incident_id: int, found: Classification, by: str = RULES) -> None:
    """Keep the category, and what follows from it.

    Raises UnknownIncidentError.
    """
    incident = locked(session, incident_id)
    reported = _newest_failure(session, incident_id).severity
    values = triage.columns(found, Severity(reported) if reported else None)
    if incident.priority_by is not None:
        # Somebody knew better.
        values["priority"] = incident.priority
    if all(getattr(incident, name) == value for name, value in values.items()):
        return
    before = incident.category
    _update(incident, values)
    audit.append(
        session, incident_id, "rca", "classified",
        category=incident.category, before=before, rule=found.rule, matched=found.matched, by=by,
    )  # fmt: skip


def record_analysis(session: Session, incident_id: int, analysis: Analysis) -> None:
    """Keep the analysis; where a model decided the category, the incident follows.

    Raises UnknownIncidentError.
    """
    if analysis.category_by == MODEL:
        record_classification(
            session,
            incident_id,
            triage.said_by_model(analysis.category, analysis.confidence),
            by=analysis.method,
        )
    incident = locked(session, incident_id)
    stored = analysis_to_json(analysis)
    if incident.analysis == stored:
        return
    incident.analysis = stored
    incident.analyzed_at = datetime.now(timezone.utc)
    incident.analysis_problem = None
    audit.append(
        session, incident_id, "rca", "analyzed", method=analysis.method, confidence=analysis.confidence
    )
    deliveries.want(session, incident_id)


def _update(incident: Incident, values: dict[str, Any]) -> None:
    lifecycle.follow_priority(incident, Priority(values["priority"]))
    for name, value in values.items():
        setattr(incident, name, value)


def _newest_failure(session: Session, incident_id: int) -> FailureRow:
    failure = session.scalar(
        select(FailureRow)
        .where(of_incident(session, incident_id), FailureRow.final.is_(True))
        .order_by(FailureRow.occurred_at.desc(), FailureRow.id.desc())
        .limit(1)
    )
    if failure is None:
        raise UnknownIncidentError(f"there is no incident {incident_id}")
    return failure
