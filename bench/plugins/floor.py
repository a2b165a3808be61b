"""The floor that intake is measured against: a route on the same server that reads the body and answers 202."""

from __future__ import annotations

from airflow.plugins_manager import AirflowPlugin
from airflow.providers.fab.www.app import csrf
from flask import Blueprint, Response, request

blueprint = Blueprint("bench_floor", __name__, url_prefix="/bench")
csrf.exempt(blueprint)


@blueprint.post("/floor")
def floor() -> tuple[Response, int]:
    request.get_data(cache=False)
    return Response("{}", mimetype="application/json"), 202


class FloorPlugin(AirflowPlugin):
    name = "bench_floor"
    flask_blueprints = (blueprint,)
