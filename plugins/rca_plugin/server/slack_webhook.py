"""Where Slack reports clicks: POST /pluginsv2/rca/webhooks/slack.

Verify the signature, hold Slack to its rate, read the click, do it once. A 200 means that it was taken; the answer for
whoever clicked goes to Slack.
"""

from __future__ import annotations

import hashlib
import time
from functools import cache

from airflow.providers.fab.www.app import csrf
from flask import Blueprint, Response, jsonify, request

from rca_plugin.config import ConfigError, separated, settings
from rca_plugin.core.rate import TokenBucket
from rca_plugin.core.remembered import Remembered
from rca_plugin.core.signature import REPLAY_WINDOW_SECONDS, is_signed_by_slack
from rca_plugin.core.slack_click import Click, read_click
from rca_plugin.server import slack_work
from rca_plugin.server.auth import UnauthenticatedError
from rca_plugin.server.group_commit import BusyError
from rca_plugin.server.webhook_errors import RateLimitedError, answer_errors

blueprint = Blueprint("rca_slack_webhook", __name__, url_prefix="/rca/webhooks")
# Slack has no form to take a CSRF token from; it signs each request.
csrf.exempt(blueprint)
answer_errors(blueprint)

_BURST_SECONDS = 10
# A signature may be for a time ahead of ours: it is believed up to twice the window from now on.
_taken: Remembered[bool] = Remembered(2 * REPLAY_WINDOW_SECONDS, most=10_000)


@blueprint.post("/slack", strict_slashes=False)
def click() -> Response:
    """Take a click."""
    body = request.get_data(cache=False)
    _verify(body)
    _hold_to_rate()
    found = read_click(body)
    if found is None:
        return jsonify({"result": "ignored"})
    return jsonify({"result": _once(found, hashlib.sha256(body).hexdigest())})


def _once(found: Click, name: str) -> str:
    if not _taken.add(name, True, time.monotonic()):
        return "repeated"
    try:
        return slack_work.take(found)
    except BusyError:
        _taken.forget(name)
        raise


def _verify(body: bytes) -> None:
    secrets = separated(settings().slack_signing_secret)
    if not secrets:
        raise ConfigError("[rca] slack_signing_secret: set it to take clicks from Slack")
    signature = request.headers.get("X-Slack-Signature", "")
    timestamp = request.headers.get("X-Slack-Request-Timestamp", "")
    if not is_signed_by_slack(secrets, body, signature, timestamp, time.time()):
        raise UnauthenticatedError("Slack must send X-Slack-Signature and X-Slack-Request-Timestamp.")


def _hold_to_rate() -> None:
    if seconds := _bucket().take(time.monotonic()):
        raise RateLimitedError(seconds)


@cache
def _bucket() -> TokenBucket:
    """One in each process of the API server."""
    rate = settings().rate_limit
    return TokenBucket(rate, burst=_BURST_SECONDS * rate)
