"""Where failures are reported: POST /pluginsv2/rca/webhooks/<source>.

Verify the sender, hold it to its rate, read the body, take it in. A 202 means committed. Errors are JSON with a
stable code and never repeat what was sent.
"""

from __future__ import annotations

import time
from dataclasses import asdict
from datetime import datetime, timezone
from functools import cache

from airflow.providers.fab.www.app import csrf
from flask import Blueprint, Response, jsonify, request
from pydantic import ValidationError

from rca_plugin.config import settings
from rca_plugin.core.failure import Source
from rca_plugin.core.json_body import parse_json
from rca_plugin.core.rate import TokenBucket
from rca_plugin.core.sources import PARSERS
from rca_plugin.server import senders
from rca_plugin.server.intake import take_in
from rca_plugin.server.jwks import KeysUnavailableError
from rca_plugin.server.webhook_errors import RateLimitedError, answer_errors, refusal, unavailable

blueprint = Blueprint("rca_webhooks", __name__, url_prefix="/rca/webhooks")
# A sender has no form to take a CSRF token from; it proves itself with each request.
csrf.exempt(blueprint)
answer_errors(blueprint)
blueprint.register_error_handler(KeysUnavailableError, unavailable)

_BURST_SECONDS = 10


class UnknownSourceError(Exception):
    """There is no parser for what this source would send."""


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
    return refusal(404, "unknown_source", f"There is no such source; known: {known}.")


@blueprint.errorhandler(ValidationError)
def _invalid(error: ValidationError) -> tuple[Response, int]:
    places = sorted({".".join(str(part) for part in e["loc"])[:80] or "body" for e in error.errors()})
    return refusal(422, "invalid_fields", f"Not as documented: {', '.join(places[:10])}.")
