"""How webhooks answer what they do not take: JSON with a stable code, which never repeats what was sent."""

from __future__ import annotations

import json
import logging
import math
from typing import Any

from flask import Blueprint, Response
from sqlalchemy.exc import DBAPIError
from werkzeug.exceptions import HTTPException

from rca_plugin.config import ConfigError
from rca_plugin.core.json_body import BodyError
from rca_plugin.server.auth import UnauthenticatedError
from rca_plugin.server.group_commit import BusyError

log = logging.getLogger(__name__)

_RETRY_AFTER_SECONDS = 5


class RateLimitedError(Exception):
    """The source sent more than `[rca] rate_limit`; `seconds` later it may send again."""

    def __init__(self, seconds: float) -> None:
        super().__init__("More requests a second than [rca] rate_limit; nothing was stored.")
        self.seconds = seconds


def answer_errors(blueprint: Blueprint) -> None:
    """Answer the errors of a blueprint's routes."""
    for kind, answer in _ANSWERS.items():
        blueprint.register_error_handler(kind, answer)


def unauthenticated(error: UnauthenticatedError) -> tuple[Response, int]:
    """Nobody we know."""
    response, status = refusal(401, "unauthenticated", str(error))
    response.headers["WWW-Authenticate"] = error.challenge
    return response, status


def not_configured(error: ConfigError) -> tuple[Response, int]:
    """The text names the option."""
    return refusal(503, "not_configured", str(error))


def rate_limited(error: RateLimitedError) -> tuple[Response, int]:
    """Too many at once."""
    return later(429, "rate_limited", str(error), error.seconds)


def unreadable(error: BodyError) -> tuple[Response, int]:
    """Not what may be sent."""
    return refusal(400, error.code, str(error))


def unavailable(error: Exception) -> tuple[Response, int]:
    """It may work a little later."""
    log.warning("A report could not be taken in now: %s", type(error).__name__)
    message = "The report could not be stored now; nothing of it was."
    return later(503, "try_again", message, _RETRY_AFTER_SECONDS)


def unexpected(error: Exception) -> Any:
    """What nobody thought of."""
    if isinstance(error, HTTPException):
        return refusal(error.code or 500, error.name.lower().replace(" ", "_"), error.name)
    # FAB's own handler would show the traceback to the sender.
    log.exception("A report was not taken in")
    return refusal(500, "internal_error", "The report was not taken in; the API server's log says why.")


def later(status: int, code: str, message: str, seconds: float) -> tuple[Response, int]:
    """An error that may be gone after so many seconds."""
    response, _ = refusal(status, code, message)
    response.headers["Retry-After"] = str(max(1, math.ceil(seconds)))
    return response, status


def refusal(status: int, code: str, message: str) -> tuple[Response, int]:
    """An error as JSON."""
    body = json.dumps({"error": {"code": code, "message": message}})
    return Response(body, mimetype="application/json"), status


_ANSWERS: dict[type[Exception], Any] = {
    UnauthenticatedError: unauthenticated,
    ConfigError: not_configured,
    RateLimitedError: rate_limited,
    BodyError: unreadable,
    BusyError: unavailable,
    DBAPIError: unavailable,
    Exception: unexpected,
}
