"""The list of incidents, and one incident."""

from __future__ import annotations

import mimetypes
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

from airflow.api_fastapi.app import API_ROOT_PATH
from airflow.utils.session import create_session
from flask import Response, g, redirect, render_template, request, url_for
from flask_appbuilder import BaseView, expose
from flask_appbuilder.hooks import before_request
from pydantic import ValidationError
from werkzeug.wrappers import Response as BaseResponse

from rca_plugin import __version__
from rca_plugin.core.category import Category, Priority
from rca_plugin.core.failure import Source
from rca_plugin.core.incident import Status, incident_label
from rca_plugin.server import audit, auth, incidents
from rca_plugin.server.api_models import IncidentFilter
from rca_plugin.server.handoff import DAG_ID
from rca_plugin.server.models import FailureRow, Incident

_HERE = Path(__file__).parent
_STATIC = {file.name: file for file in (_HERE / "static").iterdir()}
_CHOICES = {
    "status": [status.value for status in Status],
    "source": [source.value for source in Source],
    "category": [category.value for category in Category],
    "priority": [priority.value for priority in Priority],
}
_HEADERS = {
    # Only Airflow's own UI may show a page in a frame; nothing but our own files runs in it.
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'self'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
}


class IncidentsView(BaseView):
    """Flask-AppBuilder's own `has_access` loops or fails under /pluginsv2 in Airflow 3.3, and its session would
    overwrite Airflow's: the hook below asks Airflow's auth manager instead, and writes no session.
    """

    route_base = "/rca"
    template_folder = str(_HERE / "templates")
    default_view = "incident_list"

    @before_request
    def _sign_in(self) -> Any:
        try:
            g.person = auth.person(None, request.cookies.get(auth.COOKIE))
        except auth.UnauthenticatedError:
            return redirect(auth.login_url(next_url=request.url))
        return None

    @expose("/incidents")
    def incident_list(self) -> Response:
        """All incidents that the person may read, filtered, sorted and paged."""
        chosen = _chosen(request.args)
        with create_session(scoped=False) as session:
            page = incidents.find(session, chosen.to_query(), g.person.readable)
            return _page(
                "rca/incidents.html", page=page, chosen=chosen, choices=_CHOICES, link=_list_link(chosen)
            )

    @expose("/incidents/<int:incident_id>")
    def incident(self, incident_id: int) -> Response:
        """One incident."""
        with create_session(scoped=False) as session:
            found = session.get(Incident, incident_id) if incident_id < 2**63 else None
            if found is None or not g.person.may_read(found.dag_id):
                return _page("rca/missing.html", label=incident_label(incident_id), status=404)
            return _page(
                "rca/incident.html",
                incident=found,
                failures=incidents.failures_of(session, incident_id),
                timeline=audit.timeline(session, incident_id),
            )

    @expose("/of-task")
    def of_task(self) -> BaseResponse:
        """The incidents of a DAG run or of a task instance, as tabs in Airflow's UI ask for them."""
        dag_id, run_id = request.args.get("dag_id", ""), request.args.get("run_id", "")
        if not g.person.may_read(dag_id):
            return _page("rca/none.html")
        with create_session(scoped=False) as session:
            ids = incidents.of_task(session, dag_id, run_id, request.args.get("task_id"), _map_index())
            if len(ids) == 1:
                return redirect(url_for("IncidentsView.incident", incident_id=ids[0]))
            found = [session.get(Incident, incident_id) for incident_id in ids]
            return _page("rca/of_run.html" if found else "rca/none.html", incidents=found)

    @expose("/static/<name>")
    def static(self, name: str) -> Response:
        """Style, script and icons."""
        file = _STATIC.get(name)
        if file is None:
            return Response("There is no such file.", status=404, mimetype="text/plain")
        # In one piece: what Airflow 3.3 mounts Flask with never closes a file that is sent as a stream.
        response = Response(file.read_bytes(), mimetype=mimetypes.guess_type(name)[0])
        response.headers["Cache-Control"] = "private, max-age=3600"
        response.headers["X-Content-Type-Options"] = "nosniff"
        return response


def _page(template: str, *, status: int = 200, **values: Any) -> Response:
    common = {"label_of": incident_label, "task_url": task_url, "rca_url": rca_url, "version": __version__}
    html = render_template(template, **common, **values)
    return Response(html, status=status, headers=_HEADERS, mimetype="text/html")


def _chosen(arguments: Mapping[str, str]) -> IncidentFilter:
    """The filter in the address; one that is not valid is as good as none."""
    try:
        return IncidentFilter.model_validate(dict(arguments))
    except ValidationError as error:
        wrong = {str(problem["loc"][0]) for problem in error.errors() if problem["loc"]}
        return IncidentFilter.model_validate({k: v for k, v in arguments.items() if k not in wrong})


def _list_link(chosen: IncidentFilter) -> Any:
    """A function for the template: the address of the same list with some values changed."""

    def link(**changes: Any) -> str:
        values = {**chosen.model_dump(mode="json", exclude_defaults=True), **changes}
        return url_for("IncidentsView.incident_list", **values)

    return link


def _map_index() -> int | None:
    try:
        return int(request.args.get("map_index", ""))
    except ValueError:
        return None


def task_url(failure: FailureRow) -> str:
    """The page of a failed try in Airflow's UI."""
    url = f"{API_ROOT_PATH}dags/{quote(failure.dag_id or '', safe='')}/runs/{quote(failure.run_id or '', safe='')}"
    if failure.task_id is None:
        return url
    url += f"/tasks/{quote(failure.task_id, safe='')}"
    mapped = f"/mapped/{failure.map_index}" if failure.map_index >= 0 else ""
    return f"{url}{mapped}?try_number={failure.try_number}"


def rca_url(incident: Incident) -> str:
    """The page of the RCA run in Airflow's UI."""
    return f"{API_ROOT_PATH}dags/{DAG_ID}/runs/{quote(incident.rca_run_id or '', safe='')}"
