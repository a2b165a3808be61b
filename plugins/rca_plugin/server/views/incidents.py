"""The list of incidents, and one incident."""

from __future__ import annotations

import mimetypes
from collections.abc import Mapping
from typing import Any

from airflow.utils.session import create_session
from flask import Response, g, redirect, request, url_for
from flask_appbuilder import expose
from pydantic import ValidationError
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as BaseResponse

from rca_plugin.core.category import Category, Priority
from rca_plugin.core.delivery import ordinal
from rca_plugin.core.duration import in_words
from rca_plugin.core.failure import Source
from rca_plugin.core.incident import Status, incident_label
from rca_plugin.server import audit, deliveries, incidents, similar, ticket_store
from rca_plugin.server.api_models import IncidentFilter
from rca_plugin.server.models import Incident
from rca_plugin.server.views import repair, root_cause
from rca_plugin.server.views.page import HERE, SignedInView, page

_STATIC = {file.name: file for file in (HERE / "static").iterdir()}
_DEFAULT_STATUS = "active"
_CHOICES = {
    "status": [_DEFAULT_STATUS, *(status.value for status in Status)],
    "source": [source.value for source in Source],
    "category": [category.value for category in Category],
    "priority": [priority.value for priority in Priority],
}
_SHOWN_ATTACHED = 20


class IncidentsView(SignedInView):
    """Incidents, and the files that all pages need."""

    default_view = "incident_list"

    @expose("/incidents")
    def incident_list(self) -> Response:
        """The incidents that the person may read, filtered, sorted and paged; at first what needs somebody."""
        chosen = _chosen(request.args)
        query = chosen.to_query()
        with create_session(scoped=False) as session:
            return page(
                "rca/incidents.html",
                page=incidents.find(session, query, g.person.readable),
                counts=incidents.count_by_status(session, query, g.person.readable),
                shown=_shown(chosen.status),
                chosen=chosen,
                choices=_CHOICES,
                link=_list_link(chosen),
            )

    @expose("/incidents/<int:incident_id>")
    def incident(self, incident_id: int) -> Response:
        """One incident."""
        with create_session(scoped=False) as session:
            found = session.get(Incident, incident_id) if incident_id < 2**63 else None
            if found is None or not g.person.may_read(found.dag_id):
                return page("rca/missing.html", label=incident_label(incident_id), status=404)
            return page("rca/incident.html", incident=found, **_belonging(session, found))

    @expose("/of-task")
    def of_task(self) -> BaseResponse:
        """The incidents of a DAG run or of a task instance, as tabs in Airflow's UI ask for them."""
        dag_id, run_id = request.args.get("dag_id", ""), request.args.get("run_id", "")
        if not g.person.may_read(dag_id):
            return page("rca/none.html")
        with create_session(scoped=False) as session:
            ids = incidents.of_task(session, dag_id, run_id, request.args.get("task_id"), _map_index())
            if len(ids) == 1:
                return redirect(url_for("IncidentsView.incident", incident_id=ids[0]))
            found = [session.get(Incident, incident_id) for incident_id in ids]
            return page("rca/of_run.html" if found else "rca/none.html", incidents=found)

    @expose("/static/<name>")
    def static(self, name: str) -> Response:
        """Style, scripts and icons."""
        file = _STATIC.get(name)
        if file is None:
            return Response("There is no such file.", status=404, mimetype="text/plain")
        # In one piece: what Airflow 3.3 mounts Flask with never closes a file that is sent as a stream.
        response = Response(file.read_bytes(), mimetype=mimetypes.guess_type(name)[0])
        response.headers["Cache-Control"] = "private, max-age=3600"
        response.headers["X-Content-Type-Options"] = "nosniff"
        return response


def _belonging(session: Session, incident: Incident) -> dict[str, Any]:
    """What is shown of an incident beside itself."""
    attached = incidents.IncidentQuery(parent=incident.id, limit=_SHOWN_ATTACHED)
    return {
        "failures": incidents.failures_of(session, incident.id),
        "timeline": audit.timeline(session, incident.id),
        "deliveries": deliveries.of_incident(session, incident.id),
        "tickets": ticket_store.of_incident(session, incident.id),
        "ordinal": ordinal,
        "attached": incidents.find(session, attached, g.person.readable),
        "author": root_cause.authorship(session, incident),
        "rating": root_cause.rating(session, incident, g.person.name),
        "similar": similar.find(session, incident, g.person.readable),
        "in_words": in_words,
        "may_act": g.person.may_act(),
        "repair": repair.shown(session, incident, g.person, request.args.get("dry_run", "")),
    }


def _chosen(arguments: Mapping[str, str]) -> IncidentFilter:
    """The filter in the address; one that is not valid is as good as none."""
    default = {"status": _DEFAULT_STATUS}
    given = {name: text for name, text in arguments.items() if text or name == "status"}
    try:
        return IncidentFilter.model_validate(default | given)
    except ValidationError as error:
        wrong = {str(problem["loc"][0]) for problem in error.errors() if problem["loc"]}
        valid = {name: text for name, text in given.items() if name not in wrong}
        return IncidentFilter.model_validate(default | valid)


def _shown(status: str) -> list[str]:
    """The statuses that a choice of status leaves in the list."""
    everything = tuple(Status)
    one = tuple(each for each in everything if each.value == status)
    return [each.value for each in incidents.STATUS_GROUPS.get(status, one or everything)]


def _list_link(chosen: IncidentFilter) -> Any:
    """A function for the template: the address of the same list with some values changed."""

    def link(**changes: Any) -> str:
        values = {**chosen.model_dump(mode="json", exclude_defaults=True), "status": chosen.status, **changes}
        return url_for("IncidentsView.incident_list", **values)

    return link


def _map_index() -> int | None:
    try:
        return int(request.args.get("map_index", ""))
    except ValueError:
        return None
