"""What Slack knows of a person: asked with the bot token, briefly, and remembered for an hour."""

from __future__ import annotations

import logging
import time
from typing import Any

import httpx
from airflow.exceptions import AirflowNotFoundException
from airflow.models.connection import Connection

from rca_plugin.config import settings
from rca_plugin.core.json_body import parse_json
from rca_plugin.core.protected_url import is_protected
from rca_plugin.core.remembered import Remembered

log = logging.getLogger(__name__)

SECONDS = 2.0
MAX_BYTES = 256 * 1024
# Who is one of these is no full member of the workspace.
_OTHERS = (
    "deleted", "is_bot", "is_app_user", "is_restricted", "is_ultra_restricted", "is_stranger", "is_invited_user",
)  # fmt: skip
_API = "https://slack.com/api/"
_emails: Remembered[str] = Remembered(3600.0, most=10_000)


class SlackUnavailableError(Exception):
    """Slack could not be asked now. The text says what stood in the way, without the token."""


def confirmed_email(user_id: str, team_id: str) -> str | None:
    """The address that a full member of our own workspace has confirmed; None for everybody else.

    Raises SlackUnavailableError.
    """
    name = f"{team_id}/{user_id}"
    known = _emails.get(name, time.monotonic())
    if known is None and (known := _asked(user_id, team_id)):
        _emails.add(name, known, time.monotonic())
    return known


def _asked(user_id: str, team_id: str) -> str | None:
    connection = _connection()
    deadline = time.monotonic() + SECONDS
    # Who administers another workspace can confirm any address there: it has to be the one of our token.
    if _call(connection, "auth.test", {}, deadline).get("team_id") != team_id:
        return None
    user = _call(connection, "users.info", {"user": user_id}, deadline).get("user")
    return _email(user, user_id, team_id) if isinstance(user, dict) else None


def _email(user: dict[str, Any], user_id: str, team_id: str) -> str | None:
    is_ours = (user.get("id"), user.get("team_id")) == (user_id, team_id)
    if not is_ours or user.get("is_email_confirmed") is not True or any(user.get(other) for other in _OTHERS):
        return None
    profile = user.get("profile")
    email = profile.get("email") if isinstance(profile, dict) else None
    return email if isinstance(email, str) and 3 <= len(email) <= 320 else None


def _connection() -> Connection:
    conn_id = settings().slack_conn_id
    if not conn_id:
        raise SlackUnavailableError("[rca] slack_conn_id is empty")
    try:
        connection = Connection.get_connection_from_secrets(conn_id)
    except AirflowNotFoundException:
        raise SlackUnavailableError(f"there is no connection {conn_id}") from None
    if not connection.password:
        raise SlackUnavailableError(f"the connection {conn_id} has no token as its password")
    return connection


def _call(connection: Connection, method: str, fields: dict[str, str], deadline: float) -> dict[str, Any]:
    base = str(connection.extra_dejson.get("base_url") or _API).rstrip("/")
    if not is_protected(base):
        raise SlackUnavailableError(
            "it must be reached by https: see base_url in the extra of the connection"
        )
    headers = {"Authorization": f"Bearer {connection.password}", "Accept-Encoding": "identity"}
    try:
        answer = parse_json(_post(f"{base}/{method}", fields, headers, deadline))
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
        raise SlackUnavailableError(f"{method}: {type(error).__name__}") from None
    if not isinstance(answer, dict) or answer.get("ok") is not True:
        problem = str(answer.get("error"))[:100] if isinstance(answer, dict) else "no object"
        raise SlackUnavailableError(f"{method}: {problem}")
    return answer


def _post(url: str, fields: dict[str, str], headers: dict[str, str], deadline: float) -> bytes:
    # Each read may take the timeout again: the whole needs a bound of its own.
    seconds = max(0.05, deadline - time.monotonic())
    with httpx.stream("POST", url, data=fields, headers=headers, timeout=seconds) as response:
        response.raise_for_status()
        body = b""
        for chunk in response.iter_raw():
            body += chunk
            if len(body) > MAX_BYTES or time.monotonic() > deadline:
                raise ValueError(f"more than {MAX_BYTES} bytes, or more than {SECONDS:g} seconds")
        return body
