"""Where Jira tells what happened to tickets: POST /pluginsv2/rca/webhooks/jira.

Verify the signature, hold Jira to its rate, read the event, have the incident follow. A 200 means that it is committed,
or that it concerns no incident; Jira tells again what is answered otherwise.
"""

from __future__ import annotations

import time
from datetime import datetime, timezone
from functools import cache

from airflow.providers.fab.www.app import csrf
from flask import Blueprint, Response, jsonify, request
from pydantic import ValidationError

from rca_plugin.config import ConfigError, settings, webhook_secrets
from rca_plugin.core.json_body import parse_json
from rca_plugin.core.rate import TokenBucket
from rca_plugin.core.signature import is_signed_by_jira
from rca_plugin.core.tracker import jira
from rca_plugin.server import tickets
from rca_plugin.server.auth import UnauthenticatedError
from rca_plugin.server.database import transaction
from rca_plugin.server.webhook_errors import RateLimitedError, answer_errors, refusal

blueprint = Blueprint("rca_jira_webhook", __name__, url_prefix="/rca/webhooks")
# Jira has no form to take a CSRF token from; it signs each request.
csrf.exempt(blueprint)
answer_errors(blueprint)

_BURST_SECONDS = 10


@blueprint.post("/jira", strict_slashes=False)
def happened() -> Response:
    """Take in what happened to a ticket."""
    body = request.get_data(cache=False)
    _verify(body)
    _hold_to_rate()
    event = jira.parse(parse_json(body), datetime.now(timezone.utc))
    if event is None:
        return jsonify({"result": "ignored"})
    try:
        outcome = transaction(lambda session: tickets.apply(session, event))
    except tickets.UnknownTicketError:
        return jsonify({"result": "ignored"})
    return jsonify({"result": "applied", "changes": outcome.changes})


def _verify(body: bytes) -> None:
    secrets = webhook_secrets("jira")
    if not secrets:
        raise ConfigError("[rca] webhook_secret_jira: set it to hear from Jira what happens to tickets")
    if not is_signed_by_jira(secrets, body, request.headers.get("X-Hub-Signature", "")):
        raise UnauthenticatedError("Jira must send X-Hub-Signature: give its webhook the secret.")


def _hold_to_rate() -> None:
    if seconds := _bucket().take(time.monotonic()):
        raise RateLimitedError(seconds)


@cache
def _bucket() -> TokenBucket:
    """One in each process of the API server."""
    rate = settings().rate_limit
    return TokenBucket(rate, burst=_BURST_SECONDS * rate)


@blueprint.errorhandler(ValidationError)
def _invalid(_: ValidationError) -> tuple[Response, int]:
    return refusal(422, "invalid_fields", "This is no webhook of Jira.")
