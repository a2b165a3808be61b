"""Planning a repair: what could be done, what policy says, and the run that does it, in one transaction."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from typing import Any

from sqlalchemy.orm import Session

from rca_plugin.core.category import Category
from rca_plugin.core.failure import Source
from rca_plugin.core.incident import incident_label
from rca_plugin.core.policy import decide
from rca_plugin.core.remediation.case import PastAttempt
from rca_plugin.core.remediation.decision import Decision, Verdict
from rca_plugin.core.remediation.options import worth_proposing
from rca_plugin.core.remediation.proposal import Proposal
from rca_plugin.core.remediation.question import question
from rca_plugin.core.remediation.sentence import PENDING
from rca_plugin.core.remediation.state import RemediationState
from rca_plugin.core.storable import beginning
from rca_plugin.server import (
    airflow_repair,
    audit,
    deliveries,
    handoff,
    incidents,
    remediation_switch,
    remediations,
)
from rca_plugin.server.airflow_repair_checks import NoRepairError
from rca_plugin.server.masking import redactor
from rca_plugin.server.models import Incident, Remediation
from rca_plugin.server.rca_dag import REPAIR_DAG_ID, HandoffError, rca_dag
from rca_plugin.server.remediation_case import case_of, subject_of
from rca_plugin.server.remediation_rules import knowledge, policy

_PROBLEM_CHARS = 300
_STATES = {
    Verdict.ASK: RemediationState.WAITING,
    Verdict.ACT: RemediationState.READY,
    Verdict.SUGGEST: RemediationState.SUGGESTED,
}


@dataclass(frozen=True)
class Planned:
    """What was decided, as JSON, and the repair that follows from it, if one does."""

    decision: dict[str, Any]
    remediation_id: int | None


@dataclass(frozen=True)
class Options:
    """Which actions are worth proposing, with what each has to know; or none, and why not."""

    options: tuple[tuple[str, dict[str, Any]], ...]
    why_not: str


def options(session: Session, incident: Incident) -> Options:
    """What a worker may look for targets of."""
    now = datetime.now(timezone.utc)
    rules = policy()
    off = remediation_switch.why_off(remediation_switch.read(session))
    case = case_of(session, incident, (), rules.window, now, switched_off=off)
    if (running := remediations.unfinished(session, incident.id)) and running.begun_at:
        # Whoever follows it asks what could be done next, should it have failed.
        case = replace(case, attempts=tuple(_as_failed(one, now) for one in case.attempts))
    found, why_not = worth_proposing(rules, knowledge()[Category(incident.category)], case)
    return Options(tuple((option.action, dict(option.settings)) for option in found), why_not)


def plan(
    session: Session,
    incident_id: int,
    sent: Sequence[Proposal],
    problems: Sequence[str] = (),
    *,
    dry_run: bool = False,
) -> Planned:
    """Decide about the repair of an incident, and have it go its way. The same again answers the same.

    Raises UnknownIncidentError, and HandoffError where its run could not be made.
    """
    incident = incidents.locked(session, incident_id)
    if not dry_run and (known := remediations.unfinished(session, incident.id)):
        return Planned(known.decision, known.id)
    return next_one(session, incident, sent, problems, dry_run=dry_run)


def next_one(
    session: Session,
    incident: Incident,
    sent: Sequence[Proposal],
    problems: Sequence[str] = (),
    *,
    dry_run: bool = False,
) -> Planned:
    """The same for a locked incident of which no repair is unfinished.

    Raises HandoffError.
    """
    now = datetime.now(timezone.utc)
    proposals, ours = _complete(session, incident, sent)
    said = [
        *_hindrance(session),
        *({"name": "target", "allows": bool(proposals), "why": why} for why in [*_read(problems), *ours]),
    ]
    decision = _decide(session, incident, proposals, now)
    as_json = decision.to_json()
    as_json["rules"] += said
    if decision.verdict in (Verdict.ASK, Verdict.ACT) and any(rule["name"] == "dag" for rule in said):
        as_json["verdict"] = Verdict.REFUSE.value
    if dry_run:
        return Planned(as_json, None)
    state = _STATES.get(Verdict(as_json["verdict"]))
    if state is None or decision.proposal is None:
        _note(session, incident, as_json)
        return Planned(as_json, None)
    if state is RemediationState.SUGGESTED and (known := _suggested(session, incident, decision.proposal)):
        return Planned(known.decision, known.id)
    row = _record(session, incident, decision, as_json, proposals, state, now)
    return Planned(as_json, row.id)


def _as_failed(attempt: PastAttempt, now: datetime) -> PastAttempt:
    if attempt.state is not RemediationState.RUNNING:
        return attempt
    return PastAttempt(attempt.action, RemediationState.FAILED, now)


def why_not(decision: dict[str, Any]) -> str:
    """What spoke against it, in one line; that people have still to agree only where nothing else did."""
    against = [rule for rule in decision["rules"] if not rule["allows"]]
    stops = [rule for rule in against if rule["name"] not in PENDING]
    return " ".join(rule["why"] for rule in stops or against)


def _suggested(session: Session, incident: Incident, proposal: Proposal) -> Remediation | None:
    """The same, where it was suggested already since the incident failed last."""
    newest = next(iter(remediations.of_incident(session, incident.id)), None)
    if newest is None or newest.state != RemediationState.SUGGESTED.value:
        return None
    said = newest.planned_at >= incident.last_failure_at and remediations.proposal_of(newest) == proposal
    return newest if said else None


def _complete(
    session: Session, incident: Incident, sent: Iterable[Proposal]
) -> tuple[list[Proposal], list[str]]:
    """What was sent, with our own for Airflow in place of what anybody says there; and why some are missing."""
    proposals = [one for one in sent if one.action not in airflow_repair.ACTIONS]
    problems: list[str] = []
    if incident.source != Source.AIRFLOW.value:
        return proposals, problems
    rules, subject = policy(), subject_of(incident)
    for action in knowledge()[subject.category].actions:
        settings = rules.settings_of(action.name, subject)
        if action.name not in airflow_repair.ACTIONS or settings is None:
            continue
        try:
            proposals.append(airflow_repair.propose(session, incident, action.name, settings))
        except NoRepairError as error:
            problems.append(f"{action.name}: {error}.")
    return proposals, problems


def _hindrance(session: Session) -> list[dict[str, Any]]:
    """Why no run could be made of it now: it would wait unseen."""
    try:
        rca_dag(session, REPAIR_DAG_ID)
    except HandoffError as error:
        return [{"name": "dag", "allows": False, "why": f"{error}."}]
    return []


def _read(problems: Iterable[str]) -> list[str]:
    return [beginning(problem, _PROBLEM_CHARS, redactor()) for problem in problems]


def _decide(session: Session, incident: Incident, proposals: Sequence[Proposal], now: datetime) -> Decision:
    rules = policy()
    off = remediation_switch.why_off(remediation_switch.read(session))
    case = case_of(session, incident, proposals, rules.window, now, switched_off=off)
    return decide(rules, knowledge()[Category(incident.category)], case, proposals)


def _note(session: Session, incident: Incident, decision: dict[str, Any]) -> None:
    """Nothing is done, and the timeline says why: once, however often somebody asks."""
    verdict, why = decision["verdict"], why_not(decision)
    action = "repair_off" if verdict == Verdict.OFF.value else "repair_refused"
    newest = audit.timeline(session, incident.id, limit=20)
    if any(entry.action == action and entry.detail.get("why") == why for entry in newest):
        return
    audit.append(session, incident.id, "rca", action, why=why)


def _record(
    session: Session,
    incident: Incident,
    decision: Decision,
    as_json: dict[str, Any],
    proposals: Sequence[Proposal],
    state: RemediationState,
    now: datetime,
) -> Remediation:
    proposal = decision.proposal
    assert proposal is not None
    not_before = max(now, decision.not_before or now)
    asked = question(incident_label(incident.id), incident.title, subject_of(incident), decision)
    row = Remediation(
        incident_id=incident.id, category=incident.category, attempt=decision.attempt, action=proposal.action,
        mode=decision.mode.value, resource=proposal.resource, decision=as_json,
        proposals=[one.to_json() for one in proposals], state=state.value, approvals=[], planned_at=now,
        not_before=not_before, expires_at=not_before + decision.expires, subject=asked.subject, body=asked.body,
    )  # fmt: skip
    session.add(row)
    session.flush()
    if state is not RemediationState.SUGGESTED:
        row.run_id = f"{incident_label(incident.id)}_repair_{row.id}_{now:%Y%m%dT%H%M%S%f}"
        # Who has to agree is asked at once: the wait may pass meanwhile.
        asks = state is RemediationState.WAITING
        handoff.repair(session, row.run_id, row.id, now if asks else not_before)
    audit.append(
        session, incident.id, "rca", "repair_suggested" if row.run_id is None else "repair_planned", repair=row.id,
        what=row.action, resource=row.resource, attempt=row.attempt, mode=row.mode, run_id=row.run_id,
        touches=len(proposal.blast_radius), approvals_needed=decision.approvals_needed,
    )  # fmt: skip
    deliveries.changed(session, incident.id)
    return row
