"""Where failures are reported: POST /pluginsv2/rca/webhooks/<source>.

Verify the sender, hold it to its rate, read the body, take it in. A 202 means committed. Errors are JSON with a
stable code and never repeat what was sent.
"""

from __future__ import annotations

import json
import logging
import math
import time
from dataclasses import asdict
from datetime import datetime, timezone
from functools import cache
from typing import Any

from airflow.providers.fab.www.app import csrf
from flask import Blueprint, Response, jsonify, request
from pydantic import ValidationError
from sqlalchemy.exc import DBAPIError
from werkzeug.exceptions import HTTPException

from rca_plugin.config import ConfigError, settings
from rca_plugin.core.failure import Source
from rca_plugin.core.json_body import BodyError, parse_json
from rca_plugin.core.rate import TokenBucket
from rca_plugin.core.sources import PARSERS
from rca_plugin.server import senders
from rca_plugin.server.auth import UnauthenticatedError
from rca_plugin.server.intake import BusyError, take_in
from rca_plugin.server.jwks import KeysUnavailableError

log = logging.getLogger(__name__)

blueprint = Blueprint("rca_webhooks", __name__, url_prefix="/rca/webhooks")
# A sender has no form to take a CSRF token from; it proves itself with each request.
csrf.exempt(blueprint)

_BURST_SECONDS = 10
_RETRY_AFTER_SECONDS = 5


class UnknownSourceError(Exception):
    """There is no parser for what this source would send."""


class RateLimitedError(Exception):
    """The source sent more than `[rca] rate_limit`; `seconds` later it may send again."""

    def __init__(self, seconds: float) -> None:
        super().__init__("More requests a second than [rca] rate_limit; nothing was stored.")
        self.seconds = seconds


@blueprint.post("/<source>", strict_slashes=False)
def report(source: str) -> tuple[Response, int]:
    """Take in what a source reports."""
    known = _known(source)
    body = request.get_data(cache=False)
    senders.verify(senders.Delivery(known, request.headers, body, time.time()))
    # After the proof, so that strangers cannot use up what a source may send.
    _hold_to_rate(known)
    receipts = take_in(PARSERS[known](parse_json(body), datetime.now(timezone.utc)))
    return jsonify({"results": [asdict(receipt) for receipt in receipts]}), 202


def _known(name: str) -> Source:
    for source in PARSERS:
        if source.value == name:
            return source
    raise UnknownSourceError


def _hold_to_rate(source: Source) -> None:
    seconds = _bucket(source).take(time.monotonic())
    if seconds:
        raise RateLimitedError(seconds)


@cache
def _bucket(source: Source) -> TokenBucket:  # noqa: ARG001  the key of the cache
    """One for each source, in each process of the API server."""
    rate = settings().rate_limit
    return TokenBucket(rate, burst=_BURST_SECONDS * rate)


@blueprint.errorhandler(UnknownSourceError)
def _unknown(_: UnknownSourceError) -> tuple[Response, int]:
    known = ", ".join(source.value for source in PARSERS)
    return _error(404, "unknown_source", f"There is no such source; known: {known}.")


@blueprint.errorhandler(UnauthenticatedError)
def _unauthenticated(error: UnauthenticatedError) -> tuple[Response, int]:
    response, status = _error(401, "unauthenticated", str(error))
    response.headers["WWW-Authenticate"] = error.challenge
    return response, status


@blueprint.errorhandler(ConfigError)
def _not_configured(error: ConfigError) -> tuple[Response, int]:
    return _error(503, "not_configured", str(error))


@blueprint.errorhandler(RateLimitedError)
def _rate_limited(error: RateLimitedError) -> tuple[Response, int]:
    return _later(429, "rate_limited", str(error), error.seconds)


@blueprint.errorhandler(BodyError)
def _unreadable(error: BodyError) -> tuple[Response, int]:
    return _error(400, error.code, str(error))


@blueprint.errorhandler(ValidationError)
def _invalid(error: ValidationError) -> tuple[Response, int]:
    places = sorted({".".join(str(part) for part in e["loc"])[:80] or "body" for e in error.errors()})
    return _error(422, "invalid_fields", f"Not as documented: {', '.join(places[:10])}.")


@blueprint.errorhandler(BusyError)
@blueprint.errorhandler(DBAPIError)
@blueprint.errorhandler(KeysUnavailableError)
def _unavailable(error: Exception) -> tuple[Response, int]:
    log.warning("A report could not be taken in now: %s", type(error).__name__)
    message = "The report could not be stored now; nothing of it was."
    return _later(503, "try_again", message, _RETRY_AFTER_SECONDS)


@blueprint.errorhandler(Exception)
def _unexpected(error: Exception) -> Any:
    if isinstance(error, HTTPException):
        return _error(error.code or 500, error.name.lower().replace(" ", "_"), error.name)
    # FAB's own handler would show the traceback to the sender.
    log.exception("A report was not taken in")
    return _error(500, "internal_error", "The report was not taken in; the API server's log says why.")


def _later(status: int, code: str, message: str, seconds: float) -> tuple[Response, int]:
    response, _ = _error(status, code, message)
    response.headers["Retry-After"] = str(max(1, math.ceil(seconds)))
    return response, status


def _error(status: int, code: str, message: str) -> tuple[Response, int]:
    body = json.dumps({"error": {"code": code, "message": message}})
    return Response(body, mimetype="application/json"), status
