"""Repairs, by the JSON API: tasks plan, begin and conclude them; people look, answer, and stop them."""

from __future__ import annotations

from typing import Annotated

from airflow.utils.session import create_session
from fastapi import APIRouter, Depends, Query
from sqlalchemy.orm import Session

from rca_plugin.core.remediation.proposal import Proposal
from rca_plugin.server import api_models as models
from rca_plugin.server import api_remediation_models as shown
from rca_plugin.server import (
    approvals,
    auth,
    playbook_report,
    remediation_backtest,
    remediation_begin,
    remediation_outcome,
    remediation_plan,
    remediation_record,
    remediation_switch,
    remediations,
)
from rca_plugin.server.api_callers import Actor, Anyone, service
from rca_plugin.server.api_remediation_models import RemediationId
from rca_plugin.server.database import transaction
from rca_plugin.server.incidents import UnknownIncidentError
from rca_plugin.server.models import Incident, Remediation

_RESPONSES = {
    **models.ERRORS,
    404: {"model": models.Problem, "description": "`unknown_remediation`, or `unknown_incident`."},
    409: {"model": models.Problem, "description": "`not_answered`, or `wrong_state`: it says why."},
}
people = APIRouter(prefix="/api/v1", responses=_RESPONSES, tags=["repairs"])
tasks = APIRouter(prefix="/api/v1", responses=_RESPONSES, tags=["tasks"], dependencies=[Depends(service)])


@tasks.get("/incidents/{incident_id}/repair-options", summary="Which actions are worth proposing")
def repair_options(incident_id: models.IncidentId) -> shown.RepairOptions:
    """Before anybody asks outside what they would do."""
    with create_session(scoped=False) as session:
        found = remediation_plan.options(session, _incident(session, incident_id))
    options = [shown.RepairOption(action=action, settings=known) for action, known in found.options]
    return shown.RepairOptions(options=options, why_not=found.why_not)


@tasks.post("/incidents/{incident_id}/remediations", summary="Decide about a repair, and plan it")
def plan_remediation(incident_id: models.IncidentId, body: shown.PlanIn) -> shown.PlanOut:
    """The same again answers the same. With `dry_run` nothing is kept. Targets within Airflow are looked up here."""
    proposals = body.to_proposals()
    planned = transaction(
        lambda session: remediation_plan.plan(
            session, incident_id, proposals, body.problems, dry_run=body.dry_run
        )
    )
    return shown.PlanOut.model_validate(planned)


@people.get("/incidents/{incident_id}/remediations", summary="The attempts to repair an incident")
def list_remediations(caller: Anyone, incident_id: models.IncidentId) -> shown.Remediations:
    """Newest first."""
    with create_session(scoped=False) as session:
        incident = _incident(session, incident_id, caller)
        rows = remediations.of_incident(session, incident.id)
        return shown.Remediations(remediations=[shown.RemediationOut.of(session, row) for row in rows])


@people.get("/remediations/{remediation_id}", summary="One attempt to repair")
def get_remediation(caller: Anyone, remediation_id: RemediationId) -> shown.RemediationOut:
    """With what is asked, what was decided, and what can be seen of it."""
    with create_session(scoped=False) as session:
        return shown.RemediationOut.of(session, _remediation(session, remediation_id, caller))


@tasks.post("/remediations/{remediation_id}/begin", summary="Decide once more, and begin")
def begin_remediation(remediation_id: RemediationId) -> shown.BegunOut:
    """The intent is kept before anything is done. What is done within Airflow is done by this call."""

    def begin(session: Session) -> shown.BegunOut:
        begun = remediation_begin.begin(session, remediation_id)
        return shown.BegunOut(
            granted=begun.granted, reason=begun.reason, begun_before=begun.begun_before,
            intent_at=begun.row.begun_at, external_run_id=begun.row.external_run_id, action=begun.row.action,
            target=begun.row.decision["proposal"]["target"],
        )  # fmt: skip

    return transaction(begin)


@tasks.put("/remediations/{remediation_id}/external", summary="Keep what it became outside")
def record_external(remediation_id: RemediationId, body: shown.StartedIn) -> shown.RemediationOut:
    """The same again changes nothing; something else answers 409."""

    def record(session: Session) -> shown.RemediationOut:
        row = remediation_begin.started(session, remediation_id, body.external_run_id, body.external_url)
        return shown.RemediationOut.of(session, row)

    return transaction(record)


@tasks.put("/remediations/{remediation_id}/outcome", summary="Conclude it")
def record_outcome(remediation_id: RemediationId, body: shown.OutcomeIn) -> shown.OutcomeOut:
    """Resolves the incident, plans the next attempt, or calls people. The same again changes nothing."""
    fresh = [Proposal.from_json(one) for one in body.proposals]
    done = transaction(
        lambda session: remediation_outcome.conclude(session, remediation_id, body.outcome, body.text, fresh)
    )
    return shown.OutcomeOut(then=done.then.value, remediation_id=done.next_id)


@people.post("/remediations/{remediation_id}/outcome", summary="What a playbook says came of it")
def report_outcome(
    remediation_id: RemediationId, body: Annotated[bytes, Depends(playbook_report.proven_body)]
) -> models.Recorded:
    """Signed by X-RCA-Signature over X-RCA-Timestamp and the body."""
    report = shown.ReportIn.read(body, remediation_id)
    row = transaction(
        lambda session: playbook_report.record(session, remediation_id, report.outcome, report.text)
    )
    return models.Recorded(incident_id=row.incident_id)


@people.post("/remediations/{remediation_id}/approval", summary="Agree to a repair, or reject it")
def answer(caller: Actor, remediation_id: RemediationId, body: shown.AnswerIn) -> shown.RemediationOut:
    """As if answered in Airflow's own page. Answers 409 with the reason where that is not possible."""

    def work(session: Session) -> shown.RemediationOut:
        row = approvals.answer(session, remediation_id, caller, body.approve)
        session.flush()
        return shown.RemediationOut.of(session, row)

    return transaction(work)


@people.get("/remediation-switch", summary="Whether repairs are on")
def get_switch(_caller: Anyone) -> shown.SwitchOut:
    """The switch, and what else keeps repairs off."""
    with create_session(scoped=False) as session:
        switch = remediation_switch.read(session)
        return shown.SwitchOut.of(switch, remediation_switch.why_off(switch))


@people.put("/remediation-switch", summary="Stop all repairs, or go on")
def put_switch(caller: Actor, body: shown.SwitchIn) -> shown.SwitchOut:
    """Once this is answered, none begins."""

    def turn(session: Session) -> shown.SwitchOut:
        switch = remediation_switch.turn(session, on=body.on, person=caller.name, reason=body.reason)
        session.flush()
        return shown.SwitchOut.of(switch, remediation_switch.why_off(switch))

    return transaction(turn)


@people.get("/remediation-record", summary="What came of repairs, by category, action and mode")
def get_record(_caller: Anyone, days: Annotated[int, Query(ge=1, le=365)] = 30) -> shown.RecordOut:
    """Of those that were only suggested, what became of the same target when somebody tried again."""
    with create_session(scoped=False) as session:
        found = remediation_record.record(session, days)
    return shown.RecordOut(days=days, record=[remediation_record.to_out(tally, days) for tally in found])


@people.post("/remediation-backtest", summary="What policy would have decided in the past")
def backtest(caller: Anyone, body: shown.BacktestIn) -> shown.BacktestOut:
    """Nothing is done, and nothing kept. Of the incidents that you may read."""
    readable = caller.readable if isinstance(caller, auth.Person) else None
    with create_session(scoped=False) as session:
        return remediation_backtest.backtest_of(session, body.days, readable)


def _incident(session: Session, incident_id: int, caller: object | None = None) -> Incident:
    incident = session.get(Incident, incident_id)
    if incident is None or (isinstance(caller, auth.Person) and not caller.may_read(incident.dag_id)):
        raise UnknownIncidentError(f"there is no incident {incident_id}")
    return incident


def _remediation(session: Session, remediation_id: int, caller: object) -> Remediation:
    row = remediations.find(session, remediation_id)
    if isinstance(caller, auth.Person):
        incident = session.get_one(Incident, row.incident_id)
        if not caller.may_read(incident.dag_id):
            raise remediations.UnknownRemediationError(f"there is no repair {remediation_id}")
    return row
