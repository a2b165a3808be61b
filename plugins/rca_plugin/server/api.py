"""The JSON API at /rca: for people with Airflow's own API token or session, and for the tasks of the RCA DAGs.

Plugins' FastAPI apps have no authentication of their own in Airflow 3.3, /docs and /openapi.json included:
here each route asks who is calling, and the two documents are routes like any other.
"""

from __future__ import annotations

from typing import Annotated, Any

from airflow.utils.session import create_session
from fastapi import APIRouter, Depends, FastAPI, Query, Request
from fastapi.exceptions import RequestValidationError
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.responses import HTMLResponse, JSONResponse

import rca_plugin
from rca_plugin.config import ConfigError
from rca_plugin.core.analysis import analysis_from_json
from rca_plugin.core.evidence import evidence_to_json
from rca_plugin.server import (
    api_actions,
    api_deliveries,
    api_digests,
    api_feedback,
    api_model_calls,
    api_remediations,
    api_silences,
    api_tickets,
    auth,
    findings,
    incidents,
    similar,
)
from rca_plugin.server import api_models as models
from rca_plugin.server.api_callers import (
    Anyone,
    CrossSiteError,
    NotAllowedError,
    NotJsonError,
    Person,
    person,
    service,
)
from rca_plugin.server.approvals import ApprovalError, NotApproverError
from rca_plugin.server.database import transaction
from rca_plugin.server.deliveries import LeaseLostError
from rca_plugin.server.evidence import NotSettledError
from rca_plugin.server.health import health
from rca_plugin.server.lifecycle import TransitionError
from rca_plugin.server.model_calls import UnknownCallError
from rca_plugin.server.models import Incident
from rca_plugin.server.rca_dag import HandoffError
from rca_plugin.server.reconcile import reconcile
from rca_plugin.server.remediations import UnknownRemediationError, WrongStateError
from rca_plugin.server.settling import settle
from rca_plugin.server.silences import UnknownSilenceError
from rca_plugin.server.tickets import UnknownTicketError
from rca_plugin.server.waiting import hand_off_waiting

people = APIRouter(prefix="/api/v1", responses=models.ERRORS, tags=["incidents"])
tasks = APIRouter(prefix="/api/v1", responses=models.ERRORS, tags=["tasks"], dependencies=[Depends(service)])
documents = APIRouter(dependencies=[Depends(person)], include_in_schema=False)


@people.get("/health", summary="Whether incidents can be taken in and analyzed now")
def get_health(_caller: Anyone) -> models.Health:
    """Tables, RCA DAGs and what waits; `status` is `ok` or `degraded`, with the reasons."""
    with create_session(scoped=False) as session:
        return models.Health.model_validate(health(session))


@people.get("/incidents", summary="List incidents")
def list_incidents(caller: Person, query: Annotated[models.IncidentFilter, Query()]) -> models.IncidentPage:
    """The incidents you may read, filtered, sorted and paged."""
    with create_session(scoped=False) as session:
        page = incidents.find(session, query.to_query(), caller.readable)
        rows = [models.IncidentSummary.model_validate(incident) for incident in page.incidents]
    return models.IncidentPage(incidents=rows, total=page.total)


@people.get(
    "/incidents/{incident_id}", summary="One incident with its failures, evidence, analysis and timeline"
)
def get_incident(caller: Anyone, incident_id: models.IncidentId) -> models.IncidentDetail:
    """Everything about one incident that you may read."""
    with create_session(scoped=False) as session:
        incident = session.get(Incident, incident_id)
        if incident is None or (isinstance(caller, auth.Person) and not caller.may_read(incident.dag_id)):
            raise incidents.UnknownIncidentError(f"there is no incident {incident_id}")
        return models.IncidentDetail.load(session, incident)


@people.get(
    "/incidents/{incident_id}/similar", summary="Past incidents like this one, and what became of them"
)
def get_similar(caller: Person, incident_id: models.IncidentId) -> models.SimilarList:
    """At most five that you may read, best first. One that opened in the last minute may not be found yet."""
    with create_session(scoped=False) as session:
        incident = session.get(Incident, incident_id)
        if incident is None or not caller.may_read(incident.dag_id):
            raise incidents.UnknownIncidentError(f"there is no incident {incident_id}")
        found = similar.find(session, incident, caller.readable)
        return models.SimilarList(incidents=[models.SimilarOut.of(each) for each in found])


@tasks.post("/incidents/{incident_id}/evidence", summary="Collect and keep what is known of the failure")
def collect_evidence(incident_id: models.IncidentId, body: models.CollectEvidence) -> models.EvidenceList:
    """Answers 409 `not_settled` while more is to come, unless `wait` is false."""
    outside = [fact.to_fact() for fact in body.facts]
    evidence = transaction(
        lambda session: findings.collect_evidence(session, incident_id, wait=body.wait, outside=outside)
    )
    return models.EvidenceList.model_validate({"evidence": [evidence_to_json(fact) for fact in evidence]})


@tasks.put("/incidents/{incident_id}/classification", summary="Keep what the incident was classified as")
def record_classification(incident_id: models.IncidentId, body: models.ClassificationIn) -> models.Recorded:
    """Recording the same again changes nothing."""
    found = body.to_classification()
    transaction(lambda session: findings.record_classification(session, incident_id, found))
    return models.Recorded(incident_id=incident_id)


@tasks.put("/incidents/{incident_id}/analysis", summary="Keep the analysis of the incident")
def record_analysis(incident_id: models.IncidentId, body: dict[str, Any]) -> models.Recorded:
    """Recording the same again changes nothing."""
    analysis = analysis_from_json(body)
    transaction(lambda session: findings.record_analysis(session, incident_id, analysis))
    return models.Recorded(incident_id=incident_id)


@tasks.post("/housekeeping/reconcile", summary="Take in the failures that nobody reported")
def run_reconcile() -> models.Reconciled:
    """Bounded in time; `more` says that another call has more to do."""
    return models.Reconciled.model_validate(reconcile())


@tasks.post(
    "/housekeeping/settle", summary="Resolve what works again, close what stayed resolved, file what is new"
)
def run_settle() -> models.Settled:
    """At most 500 are resolved and 500 closed, and filed is for 5 seconds; the next call goes on."""
    return models.Settled.model_validate(settle())


@tasks.post("/housekeeping/handoffs", summary="Hand off the incidents that wait for their analysis")
def run_handoffs() -> models.HandedOff:
    """`reason` says why the others still wait."""
    return models.HandedOff.model_validate(hand_off_waiting())


@documents.get("/openapi.json")
def openapi(request: Request) -> JSONResponse:
    """The description of this API."""
    return JSONResponse(request.app.openapi())


@documents.get("/docs")
def docs(request: Request) -> HTMLResponse:
    """The description of this API, to try out."""
    return get_swagger_ui_html(
        openapi_url=f"{request.scope.get('root_path', '')}/openapi.json", title="RCA API"
    )


# Of two that fit an error the handler of the nearer class answers.
_PROBLEMS: tuple[tuple[type[Exception], int, str], ...] = (
    (auth.UnauthenticatedError, 401, "unauthenticated"),
    (NotAllowedError, 403, "not_allowed"),
    (CrossSiteError, 403, "cross_site"),
    (incidents.UnknownIncidentError, 404, "unknown_incident"),
    (UnknownSilenceError, 404, "unknown_silence"),
    (UnknownTicketError, 404, "unknown_ticket"),
    (UnknownCallError, 404, "unknown_model_call"),
    (UnknownRemediationError, 404, "unknown_remediation"),
    (NotApproverError, 403, "not_allowed"),
    (ApprovalError, 409, "not_answered"),
    (WrongStateError, 409, "wrong_state"),
    (LeaseLostError, 409, "lease_lost"),
    (NotSettledError, 409, "not_settled"),
    (TransitionError, 409, "wrong_status"),
    (NotJsonError, 415, "not_json"),
    (HandoffError, 503, "dag_not_ready"),
    (ConfigError, 503, "not_configured"),
    (ValueError, 422, "invalid_fields"),
)

_ROUTERS = (
    people, api_model_calls.router, api_actions.router, api_feedback.router, api_silences.router, tasks,
    api_model_calls.tasks, api_deliveries.router, api_digests.router, api_tickets.router, api_remediations.people,
    api_remediations.tasks, documents,
)  # fmt: skip


def create_app() -> FastAPI:
    """The app that Airflow mounts at /rca."""
    app = FastAPI(
        title="RCA API", version=rca_plugin.__version__, docs_url=None, redoc_url=None, openapi_url=None
    )
    for router in _ROUTERS:
        app.include_router(router)
    for error, status, code in _PROBLEMS:
        app.add_exception_handler(error, _answer(status, code))
    app.add_exception_handler(RequestValidationError, _invalid)
    return app


def _answer(status: int, code: str) -> Any:
    def handler(_request: Request, error: Exception) -> JSONResponse:
        return JSONResponse({"error": {"code": code, "message": str(error)}}, status_code=status)

    return handler


def _invalid(_request: Request, error: Any) -> JSONResponse:
    # Without what was sent, which FastAPI would repeat.
    said = "; ".join(f"{'.'.join(map(str, p['loc'][1:])) or 'body'}: {p['msg']}" for p in error.errors()[:5])
    return JSONResponse({"error": {"code": "invalid_fields", "message": said[:1_000]}}, status_code=422)
