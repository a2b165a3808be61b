"""The JSON API at /rca: for people with Airflow's own API token or session, and for the tasks of the RCA DAGs.

Plugins' FastAPI apps have no authentication of their own in Airflow 3.3, /docs and /openapi.json included:
here each route asks who is calling, and the two documents are routes like any other.
"""

from __future__ import annotations

from typing import Annotated, Any

from airflow.utils.session import create_session
from fastapi import APIRouter, Depends, FastAPI, Query, Request
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.responses import HTMLResponse, JSONResponse

import rca_plugin
from rca_plugin.config import ConfigError
from rca_plugin.core.analysis import analysis_from_json
from rca_plugin.core.evidence import evidence_to_json
from rca_plugin.core.service_token import ServiceToken
from rca_plugin.server import api_models as models
from rca_plugin.server import auth, findings, incidents
from rca_plugin.server.database import transaction
from rca_plugin.server.evidence import NotSettledError
from rca_plugin.server.health import health
from rca_plugin.server.models import Incident
from rca_plugin.server.reconcile import reconcile
from rca_plugin.server.waiting import hand_off_waiting


def _service(request: Request) -> ServiceToken:
    return auth.service(request.headers.get("Authorization"))


def _person(request: Request) -> auth.Person:
    return auth.person(request.headers.get("Authorization"), request.cookies.get(auth.COOKIE))


def _anyone(request: Request) -> ServiceToken | auth.Person:
    """A task of ours, else a person."""
    try:
        return _service(request)
    except auth.UnauthenticatedError:
        return _person(request)


Person = Annotated[auth.Person, Depends(_person)]
Anyone = Annotated[ServiceToken | auth.Person, Depends(_anyone)]
_ERRORS: dict[int | str, dict[str, Any]] = {
    401: {"model": models.Problem, "description": "Nobody we know is calling."},
    404: {"model": models.Problem, "description": "There is no such incident, or you may not see it."},
}

people = APIRouter(prefix="/api/v1", responses=_ERRORS, tags=["incidents"])
tasks = APIRouter(prefix="/api/v1", responses=_ERRORS, tags=["tasks"], dependencies=[Depends(_service)])
documents = APIRouter(dependencies=[Depends(_person)], include_in_schema=False)


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


@tasks.post("/incidents/{incident_id}/evidence", summary="Collect and keep what Airflow knows of the failure")
def collect_evidence(incident_id: models.IncidentId, body: models.CollectEvidence) -> models.EvidenceList:
    """Answers 409 `not_settled` while more is to come, unless `wait` is false."""
    facts = transaction(lambda session: findings.collect_evidence(session, incident_id, wait=body.wait))
    return models.EvidenceList.model_validate({"evidence": [evidence_to_json(fact) for fact in facts]})


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


def create_app() -> FastAPI:
    """The app that Airflow mounts at /rca."""
    app = FastAPI(
        title="RCA API", version=rca_plugin.__version__, docs_url=None, redoc_url=None, openapi_url=None
    )
    for router in (people, tasks, documents):
        app.include_router(router)
    app.add_exception_handler(auth.UnauthenticatedError, _answer(401, "unauthenticated"))
    app.add_exception_handler(incidents.UnknownIncidentError, _answer(404, "unknown_incident"))
    app.add_exception_handler(NotSettledError, _answer(409, "not_settled"))
    app.add_exception_handler(ConfigError, _answer(503, "not_configured"))
    app.add_exception_handler(ValueError, _answer(422, "invalid_fields"))
    return app


def _answer(status: int, code: str) -> Any:
    def handler(_request: Request, error: Exception) -> JSONResponse:
        return JSONResponse({"error": {"code": code, "message": str(error)}}, status_code=status)

    return handler
