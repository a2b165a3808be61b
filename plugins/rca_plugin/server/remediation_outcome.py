"""What came of a repair, and what follows: the incident is resolved, another attempt is planned, or people are called.

Nothing is believed that can be seen here: the answers of people, and the tasks of Airflow.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from enum import Enum

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from rca_plugin.config import ConfigError
from rca_plugin.core.category import Priority
from rca_plugin.core.incident import VISIBLE, Status
from rca_plugin.core.remediation.proposal import Proposal
from rca_plugin.core.remediation.state import BEGUN, ENDED, RemediationState
from rca_plugin.server import airflow_repair, audit, deliveries, lifecycle, recoveries, remediations
from rca_plugin.server.models import FailureRow, Incident, Remediation
from rca_plugin.server.remediation_begin import ended_unanswered, note_approvals
from rca_plugin.server.remediation_case import last_opened
from rca_plugin.server.remediation_plan import next_one, why_not

# A failure is recorded in the transaction that opens its incident again.
_NOTED_WITHIN = timedelta(seconds=30)


class Outcome(str, Enum):
    """What whoever followed a repair has seen."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    UNKNOWN = "unknown"
    NOT_BEGUN = "not_begun"


class Then(str, Enum):
    """What follows."""

    RESOLVED = "resolved"
    NEXT_ATTEMPT = "next_attempt"
    ESCALATED = "escalated"
    ENDED = "ended"


@dataclass(frozen=True)
class Concluded:
    """What followed; `next_id` is the next attempt, where there is one."""

    then: Then
    next_id: int | None = None


def conclude(
    session: Session, remediation_id: int, outcome: Outcome, text: str, fresh: Sequence[Proposal] = ()
) -> Concluded:
    """Keep what came of a repair, and do what follows. The same again changes nothing.

    `fresh` is what could be done next, where somebody has looked again.
    Raises UnknownRemediationError, and HandoffError where the next attempt could not be made.
    """
    row, incident = remediations.locked(session, remediation_id)
    state = RemediationState(row.state)
    if state not in ENDED:
        if state is RemediationState.RUNNING:
            _end_begun(session, row, outcome, text)
        else:
            _end_unbegun(session, row, text)
    if row.followed_by is None:
        _follow(session, row, incident, fresh)
    return Concluded(Then(row.followed_by), row.next_id)


def _end_begun(session: Session, row: Remediation, outcome: Outcome, text: str) -> None:
    seen = _seen(session, row)
    if seen is not None and seen != outcome.value:
        text = {"running": "it still runs", "succeeded": "it worked", "failed": "it failed again"}[seen]
        outcome = Outcome.UNKNOWN if seen == "running" else Outcome(seen)
    ends = {Outcome.SUCCEEDED: RemediationState.SUCCEEDED, Outcome.FAILED: RemediationState.FAILED}
    state = ends.get(outcome, RemediationState.UNKNOWN)
    remediations.end(session, row, state, text or state.value)


def _seen(session: Session, row: Remediation) -> str | None:
    """What can be seen here of what it did: running, succeeded or failed."""
    if row.action in airflow_repair.ACTIONS:
        return airflow_repair.observed(session, remediations.proposal_of(row).target)
    return row.reported


def _end_unbegun(session: Session, row: Remediation, text: str) -> None:
    note_approvals(session, row)
    if not ended_unanswered(session, row, datetime.now(timezone.utc)):
        remediations.end(session, row, RemediationState.CANCELED, text or "its run ended before it began")


def _follow(session: Session, row: Remediation, incident: Incident, fresh: Sequence[Proposal]) -> None:
    state = RemediationState(row.state)
    then = Then.ENDED
    if state is RemediationState.SUCCEEDED:
        then = _resolve(session, row, incident)
    elif state in BEGUN and Status(incident.status) in VISIBLE:
        then = _next_or_escalate(session, row, incident, fresh)
    row.followed_by = then.value


def _resolve(session: Session, row: Remediation, incident: Incident) -> Then:
    how = how_it_was(session, row, incident)
    if Status(incident.status) in (Status.RESOLVED, Status.CLOSED):
        if row.begun_at and incident.resolved_at and incident.resolved_at >= row.begun_at:
            # Whoever sends its failures was faster; what they said stays on the timeline.
            incident.resolved_how = how
            deliveries.changed(session, incident.id)
            return Then.RESOLVED
        return Then.ENDED
    settled = recoveries.settle(session, incident, "rca", how, row.ended_at or datetime.now(timezone.utc))
    return Then.RESOLVED if settled else Then.ENDED


def how_it_was(session: Session, row: Remediation, incident: Incident) -> str:
    """By what it works again, who approved that, and how long it took since it failed."""
    names = " and ".join(one["name"] for one in row.approvals)
    ended = row.ended_at or datetime.now(timezone.utc)
    minutes = max(0, round((ended - _failed_at(session, incident)).total_seconds() / 60))
    return (
        f"repaired by {row.action} (attempt {row.attempt}), "
        + (f"approved by {names}, " if names else "without being asked, ")
        + f"{minutes} minute{'' if minutes == 1 else 's'} after it failed"
    )


def _failed_at(session: Session, incident: Incident) -> datetime:
    """When it failed, of what it was opened for last."""
    if not incident.reopened_count:
        return incident.first_failure_at
    ours = (FailureRow.incident_id == incident.id, FailureRow.final.is_(True))
    since = last_opened(session, incident) - _NOTED_WITHIN
    first = select(func.min(FailureRow.occurred_at)).where(*ours, FailureRow.recorded_at >= since)
    return session.scalar(first) or incident.last_failure_at


def _next_or_escalate(
    session: Session, row: Remediation, incident: Incident, fresh: Sequence[Proposal]
) -> Then:
    why = row.outcome or row.state
    if row.state == RemediationState.FAILED.value:
        row.next_id, no_more = _next(session, row, incident, fresh)
        if row.next_id is not None:
            return Then.NEXT_ATTEMPT
        why = f"{why}; no further attempt: {no_more}"
    escalate(session, incident, f"{remediations.title(row)} {row.state}: {why}")
    return Then.ESCALATED


def _next(
    session: Session, row: Remediation, incident: Incident, fresh: Sequence[Proposal]
) -> tuple[int | None, str]:
    """The next attempt, or why there is none."""
    try:
        planned = next_one(session, incident, fresh or [Proposal.from_json(one) for one in row.proposals])
    except ConfigError as error:
        # People are called all the same.
        return None, str(error)
    verdict = planned.decision["verdict"]
    if planned.remediation_id is not None and verdict in ("ask", "act"):
        return planned.remediation_id, ""
    return None, why_not(planned.decision) or f"policy says {verdict} now"


def escalate(session: Session, incident: Incident, why: str) -> None:
    """Call people: a locked incident becomes more urgent, and everywhere it is known it says so."""
    before = Priority(incident.priority)
    more = list(Priority)[max(0, list(Priority).index(before) - 1)]
    if more is not before:
        lifecycle.prioritize(session, incident, "rca", more)
    audit.append(session, incident.id, "rca", "escalated", why=why, priority=incident.priority)
    deliveries.changed(session, incident.id)
