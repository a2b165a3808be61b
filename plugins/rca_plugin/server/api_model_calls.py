"""Calls of a model, by the JSON API: tasks plan and record them, people look at them."""

from __future__ import annotations

from airflow.utils.session import create_session
from fastapi import APIRouter, Depends
from sqlalchemy.orm import Session

from rca_plugin.core.service_token import ServiceToken
from rca_plugin.server import api_models as models
from rca_plugin.server import model_calls, model_outcome, model_plan
from rca_plugin.server.api_callers import Anyone, service
from rca_plugin.server.api_model_call_models import (
    CallId,
    ModelCallDetail,
    ModelCallList,
    ModelCallOutcome,
    ModelCallPlan,
    ModelCallRecorded,
    ModelCallSummary,
    PlanModelCall,
)
from rca_plugin.server.incidents import UnknownIncidentError
from rca_plugin.server.models import Incident

router = APIRouter(prefix="/api/v1", responses=models.ERRORS, tags=["model calls"])
tasks = APIRouter(prefix="/api/v1", responses=models.ERRORS, tags=["tasks"], dependencies=[Depends(service)])


@tasks.post("/incidents/{incident_id}/model-calls", summary="Ask whether a model may be asked")
def plan_model_call(incident_id: models.IncidentId, body: PlanModelCall) -> ModelCallPlan:
    """`ask`: it is recorded, and its worst cost reserved. `reuse`: here is the answer. `refuse`: here is why."""
    plan = model_plan.plan(incident_id, body.purpose, body.key, body.request.to_request())
    return ModelCallPlan.model_validate(plan)


@tasks.put("/model-calls/{call_id}", summary="Keep what came of a call")
def record_model_call(call_id: CallId, body: ModelCallOutcome) -> ModelCallRecorded:
    """Recording the same again changes nothing."""
    return ModelCallRecorded.model_validate(model_outcome.record(call_id, body.to_outcome()))


@router.get("/incidents/{incident_id}/model-calls", summary="What models were asked about an incident")
def list_model_calls(caller: Anyone, incident_id: models.IncidentId) -> ModelCallList:
    """The newest 100, newest first, without what was asked and answered."""
    with create_session(scoped=False) as session:
        _readable(session, caller, incident_id)
        calls = model_calls.of_incident(session, incident_id)
        return ModelCallList(model_calls=[ModelCallSummary.of(call) for call in calls])


@router.get("/incidents/{incident_id}/model-calls/{call_id}", summary="One call, with request and answer")
def get_model_call(caller: Anyone, incident_id: models.IncidentId, call_id: CallId) -> ModelCallDetail:
    """The request is exactly what was sent; the answer is redacted."""
    with create_session(scoped=False) as session:
        _readable(session, caller, incident_id)
        return ModelCallDetail.of(model_calls.one(session, incident_id, call_id))


def _readable(session: Session, caller: Anyone, incident_id: int) -> None:
    incident = session.get(Incident, incident_id)
    if incident is None or not (isinstance(caller, ServiceToken) or caller.may_read(incident.dag_id)):
        raise UnknownIncidentError(f"there is no incident {incident_id}")
