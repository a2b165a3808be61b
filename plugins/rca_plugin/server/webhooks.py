"""Where failures are reported: POST /pluginsv2/rca/webhooks/<source>.

Verify the sender, read the body, take it in. A 202 means committed. Errors are JSON with a stable code and
never repeat what was sent.
"""

from __future__ import annotations

import json
import logging
from dataclasses import asdict
from typing import Any

from airflow.providers.fab.www.app import csrf
from flask import Blueprint, Response, jsonify, request
from pydantic import ValidationError
from sqlalchemy.exc import DBAPIError
from werkzeug.exceptions import HTTPException

from rca_plugin.config import ConfigError
from rca_plugin.core.json_body import BodyError, parse_json
from rca_plugin.core.sources import airflow
from rca_plugin.server import auth
from rca_plugin.server.intake import BusyError, take_in

log = logging.getLogger(__name__)

blueprint = Blueprint("rca_webhooks", __name__, url_prefix="/rca/webhooks")
# A sender has no form to take a CSRF token from; it proves itself with each request.
csrf.exempt(blueprint)

_PARSERS = {"airflow": airflow.parse}
_RETRY_AFTER_SECONDS = 5


@blueprint.post("/<source>")
def report(source: str) -> tuple[Response, int]:
    """Take in what a source reports."""
    parse = _PARSERS.get(source)
    if parse is None:
        return _error(404, "unknown_source", f"There is no such source; known: {', '.join(_PARSERS)}.")
    auth.service(request.headers.get("Authorization"))
    receipts = take_in(parse(parse_json(request.get_data(cache=False))))
    return jsonify({"results": [asdict(receipt) for receipt in receipts]}), 202


@blueprint.errorhandler(auth.UnauthenticatedError)
def _unauthenticated(error: auth.UnauthenticatedError) -> tuple[Response, int]:
    return _error(401, "unauthenticated", str(error))


@blueprint.errorhandler(ConfigError)
def _not_configured(error: ConfigError) -> tuple[Response, int]:
    return _error(503, "not_configured", str(error))


@blueprint.errorhandler(BodyError)
def _unreadable(error: BodyError) -> tuple[Response, int]:
    return _error(400, error.code, str(error))


@blueprint.errorhandler(ValidationError)
def _invalid(error: ValidationError) -> tuple[Response, int]:
    places = sorted({".".join(str(part) for part in e["loc"])[:80] or "body" for e in error.errors()})
    return _error(422, "invalid_fields", f"Not as documented: {', '.join(places[:10])}.")


@blueprint.errorhandler(BusyError)
@blueprint.errorhandler(DBAPIError)
def _unavailable(error: Exception) -> tuple[Response, int]:
    log.warning("A report could not be stored: %s", type(error).__name__)
    response, status = _error(503, "try_again", "The report could not be stored now; nothing of it was.")
    response.headers["Retry-After"] = str(_RETRY_AFTER_SECONDS)
    return response, status


@blueprint.errorhandler(Exception)
def _unexpected(error: Exception) -> Any:
    if isinstance(error, HTTPException):
        return _error(error.code or 500, error.name.lower().replace(" ", "_"), error.name)
    # FAB's own handler would show the traceback to the sender.
    log.exception("A report was not taken in")
    return _error(500, "internal_error", "The report was not taken in; the API server's log says why.")


def _error(status: int, code: str, message: str) -> tuple[Response, int]:
    body = json.dumps({"error": {"code": code, "message": message}})
    return Response(body, mimetype="application/json"), status
