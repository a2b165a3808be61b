"""Answering the question whether to repair: from our page, from Slack, and by the API, by people who may."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timezone

from airflow.api_fastapi.core_api.datamodels.hitl import UpdateHITLDetailPayload
from airflow.api_fastapi.core_api.routes.public.hitl import update_hitl_detail
from fastapi import HTTPException
from sqlalchemy.orm import Session

from rca_plugin.core.incident import VISIBLE, Status, incident_label
from rca_plugin.core.remediation.state import RemediationState
from rca_plugin.server import approval_answers, audit, deliveries, remediations
from rca_plugin.server.approval_answers import APPROVE, REJECT, Answer
from rca_plugin.server.auth import Person
from rca_plugin.server.models import Incident, Remediation
from rca_plugin.server.rca_dag import REPAIR_DAG_ID


class ApprovalError(ValueError):
    """The answer was not taken, and nothing happens because of it. The text says why, to whoever answered."""


class NotApproverError(Exception):
    """Whoever answered may not."""


def answer(session: Session, remediation_id: int, person: Person, approve: bool) -> Remediation:
    """Take the answer of a person, as if given in Airflow's own page.

    Raises UnknownRemediationError, also for what the person may not see; NotApproverError; and ApprovalError.
    """
    row, incident = remediations.locked(session, remediation_id)
    if not person.may_read(incident.dag_id):
        raise remediations.UnknownRemediationError(f"there is no repair {remediation_id}")
    if not person.may_act():
        raise NotApproverError("you may answer if you may trigger the DAG rca_incident")
    if problem := why_not(session, row, incident, person_id(person)):
        raise ApprovalError(problem)
    question = _open_question(approval_answers.of_run(session, row.run_id))
    assert question is not None
    _tell_airflow(session, row, question, person, APPROVE if approve else REJECT)
    if approve:
        _note_approval(session, row, person)
    else:
        remediations.end(
            session, row, RemediationState.REJECTED, f"{person.name} rejected it", actor=person.name
        )
    return row


def why_not(session: Session, row: Remediation, incident: Incident, person_id: str) -> str:
    """Why a person cannot answer now; empty where that is possible."""
    label = incident_label(incident.id)
    if row.state != RemediationState.WAITING.value:
        return f"this repair of {label} is {row.state}: nobody is asked any more"
    if Status(incident.status) not in VISIBLE:
        return f"{label} is {incident.status} meanwhile: there is nothing to repair"
    if datetime.now(timezone.utc) > row.expires_at:
        return f"the time to answer ended at {row.expires_at:%Y-%m-%d %H:%M} UTC: it is not repaired"
    answers = approval_answers.of_run(session, row.run_id)
    if any(one.choice == REJECT for one in answers):
        return f"this repair of {label} was rejected already"
    if any(one.person_id == person_id for one in answers):
        return "you have answered already: a second person has to agree"
    if _open_question(answers) is None:
        return "nobody is asked yet, or everybody has answered: look again in a moment"
    return ""


def person_id(person: Person) -> str:
    """How Airflow keeps who answered."""
    # FAB's are numbers; Airflow keeps them as text.
    return str(person.user.get_id())


def _open_question(answers: Sequence[Answer]) -> Answer | None:
    return next((one for one in answers if one.at is None), None)


def _tell_airflow(session: Session, row: Remediation, question: Answer, person: Person, choice: str) -> None:
    payload = UpdateHITLDetailPayload(chosen_options=[choice], params_input={})
    try:
        update_hitl_detail(
            REPAIR_DAG_ID, str(row.run_id), question.task_id, payload, person.user, session, map_index=-1
        )
    except HTTPException as error:
        raise ApprovalError(f"Airflow did not take the answer: {error.detail}") from error


def _note_approval(session: Session, row: Remediation, person: Person) -> None:
    session.flush()
    row.approvals = approvals_to_json(session, row)
    audit.append(session, row.incident_id, person.name, "repair_approved", repair=row.id, what=row.action)
    deliveries.changed(session, row.incident_id)


def approvals_to_json(session: Session, row: Remediation) -> list[dict[str, str]]:
    """Who agreed so far, as the repair keeps it."""
    return [
        {"person_id": one.person_id, "name": one.name, "at": one.at.isoformat()}
        for one in approval_answers.approvals(session, row)
    ]
