"""Beginning a repair: one at a time, so that every limit is exact, and once, whatever is asked again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

from sqlalchemy.orm import Session

from rca_plugin.core.category import Category
from rca_plugin.core.policy import decide
from rca_plugin.core.remediation.decision import Decision, Verdict
from rca_plugin.core.remediation.proposal import Proposal
from rca_plugin.core.remediation.state import ENDED, RemediationState
from rca_plugin.server import (
    airflow_repair,
    approval_answers,
    approvals,
    audit,
    deliveries,
    remediation_switch,
    remediations,
)
from rca_plugin.server.airflow_repair_checks import NoRepairError
from rca_plugin.server.models import Incident, Remediation
from rca_plugin.server.remediation_case import case_of
from rca_plugin.server.remediation_plan import why_not
from rca_plugin.server.remediation_rules import knowledge, policy

_URL_CHARS = 2_000


@dataclass(frozen=True)
class Begun:
    """Whether to act. `begun_before`: somebody did, or was about to: look for what became of that."""

    granted: bool
    reason: str
    begun_before: bool
    row: Remediation


def begin(session: Session, remediation_id: int) -> Begun:
    """Decide once more, with everything as it is now, and record that it begins before anything is done.

    What is to be done in Airflow itself is done here, in the same transaction.
    Raises UnknownRemediationError, and WrongStateError before the wait is over.
    """
    switch = remediation_switch.locked(session)
    row, incident = remediations.locked(session, remediation_id)
    state = RemediationState(row.state)
    if state is RemediationState.RUNNING:
        return Begun(True, "", True, row)
    if state in ENDED:
        return Begun(False, row.outcome or f"it is {row.state}", False, row)
    note_approvals(session, row)
    now = datetime.now(timezone.utc)
    if ended_unanswered(session, row, now):
        return Begun(False, row.outcome or "", False, row)
    if now < row.not_before:
        raise remediations.WrongStateError(
            f"{remediations.title(row)} waits until {row.not_before:%Y-%m-%d %H:%M:%S} UTC"
        )
    return _decide(session, row, incident, remediation_switch.why_off(switch), now)


def started(session: Session, remediation_id: int, external_run_id: str, url: str | None) -> Remediation:
    """Keep what it became outside. The same again changes nothing.

    Raises UnknownRemediationError, and WrongStateError where it became something else before, or has not begun.
    """
    row, _incident = remediations.locked(session, remediation_id)
    if row.external_run_id == external_run_id:
        return row
    if row.begun_at is None or row.external_run_id is not None:
        raise remediations.WrongStateError(
            f"{remediations.title(row)} "
            + (f"is {row.external_run_id} already" if row.external_run_id else f"is {row.state}")
        )
    row.external_run_id, row.external_url = external_run_id, url and url[:_URL_CHARS]
    audit.append(
        session, row.incident_id, "rca", "repair_started", repair=row.id, run=external_run_id, url=row.external_url
    )  # fmt: skip
    return row


def note_approvals(session: Session, row: Remediation) -> None:
    """Approvals that were given in Airflow's own page are on the timeline, too."""
    known = {one["person_id"] for one in row.approvals}
    row.approvals = approvals.approvals_to_json(session, row)
    for one in row.approvals:
        if one["person_id"] not in known:
            audit.append(
                session, row.incident_id, one["name"], "repair_approved", repair=row.id, what=row.action
            )


def ended_unanswered(session: Session, row: Remediation, now: datetime) -> bool:
    """End a repair that was rejected, or that nobody approved in time; tell whether it was."""
    rejection = approval_answers.rejection(session, row)
    if rejection is not None and rejection.name:
        remediations.end(
            session, row, RemediationState.REJECTED, f"{rejection.name} rejected it", actor=rejection.name
        )
        return True
    waits = row.state == RemediationState.WAITING.value
    approved = waits and len(row.approvals) >= int(row.decision["approvals_needed"])
    if rejection is None and (approved or now <= row.expires_at):
        return False
    why = "it was not approved" if waits else "it did not begin"
    until = f"{row.expires_at:%Y-%m-%d %H:%M} UTC"
    remediations.end(session, row, RemediationState.EXPIRED, f"{why} until {until}")
    return True


def _decide(session: Session, row: Remediation, incident: Incident, off: str, now: datetime) -> Begun:
    proposal, rules = remediations.proposal_of(row), policy()
    agreed = approval_answers.approvals(session, row)
    case = case_of(
        session, incident, [proposal], rules.window, now, switched_off=off, approvals=agreed, without=row.id
    )
    decision = decide(rules, knowledge()[Category(incident.category)], case, [proposal])
    as_json = decision.to_json()
    row.decision = as_json | {"not_before": row.decision["not_before"]}
    if decision.verdict is not Verdict.ACT or decision.proposal != proposal:
        return _refused(session, row, _refusal(decision, as_json, len(agreed)) + _not_counted(session, row))
    try:
        _act_in_airflow(session, row, proposal)
    except NoRepairError as error:
        return _refused(session, row, str(error))
    remediations.move(row, RemediationState.RUNNING)
    row.begun_at = now
    audit.append(
        session, row.incident_id, "rca", "repair_begun", repair=row.id, what=row.action, resource=row.resource,
        approved_by=[one.name for one in agreed],
    )  # fmt: skip
    deliveries.changed(session, row.incident_id)
    return Begun(True, "", False, row)


def _refusal(decision: Decision, as_json: dict[str, Any], agreed: int) -> str:
    if decision.verdict is Verdict.ASK and decision.approvals_needed == 1:
        return "it was not approved yet"
    if decision.verdict is Verdict.ASK:
        return f"{decision.approvals_needed} different people have to approve it, {agreed or 'nobody'} did"
    return why_not(as_json) or f"policy says {decision.verdict.value} now"


def _not_counted(session: Session, row: Remediation) -> str:
    names = approval_answers.not_counted(session, row)
    return f"; {' and '.join(names)} may not approve it" if names else ""


def _refused(session: Session, row: Remediation, reason: str) -> Begun:
    remediations.end(session, row, RemediationState.REFUSED, reason)
    return Begun(False, row.outcome or "", False, row)


def _act_in_airflow(session: Session, row: Remediation, proposal: Proposal) -> None:
    if proposal.action in airflow_repair.ACTIONS:
        airflow_repair.clear(session, proposal)
        row.external_run_id = airflow_repair.external_id(proposal.target)
