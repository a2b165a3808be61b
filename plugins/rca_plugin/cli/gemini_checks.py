"""What `rca doctor` says of Gemini. Without it the knowledge base answers: that it is not there is no fault."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timezone
from importlib.util import find_spec

from rca_plugin.cli.finding import Finding
from rca_plugin.config import settings
from rca_plugin.core.money import in_words, micros

_INSTEAD = "the knowledge base answers"


def gemini_connection() -> Iterator[Finding]:
    """On a worker: whether there is what Gemini is asked with."""
    conn_id = settings().gemini_conn_id
    if not conn_id:
        yield Finding("gemini connection", f"[rca] gemini_conn_id is empty: {_INSTEAD}")
    elif not _is_installed():
        yield Finding("gemini connection", f"google-genai is not installed: {_INSTEAD}")
    else:
        yield Finding("gemini connection", _connection(conn_id))


def _is_installed() -> bool:
    try:
        return find_spec("google.genai") is not None
    except ModuleNotFoundError:
        return False  # nor is any other package of Google


def _connection(conn_id: str) -> str:
    from airflow.exceptions import AirflowNotFoundException
    from airflow.sdk import Connection

    try:
        Connection.get(conn_id)
    except AirflowNotFoundException:
        return f"no connection {conn_id}: {_INSTEAD}"
    except Exception as error:
        # Outside of a task a worker may have no way to the connections that are kept in the database.
        return f"connection {conn_id} cannot be looked up from here ({type(error).__name__})"
    return f"connection {conn_id} is there, and google-genai is installed"


def gemini() -> Iterator[Finding]:
    """On the server, which needs no connection: whether calls may be made now, and what they cost today."""
    from airflow.utils.session import create_session

    from rca_plugin.server import spending
    from rca_plugin.server.model_calls import asked_to_wait

    now = datetime.now(timezone.utc)
    with create_session(scoped=False) as session:
        today = spending.of_day(session, now.date())
        wait = asked_to_wait(session, now)
    yield from _price(now)
    if wait:
        fix = "until then the knowledge base answers; if it comes back often, ask Google for more quota"
        yield Finding("gemini", f"asked to be left alone until {wait:%Y-%m-%d %H:%M:%S} UTC", fix)
    yield _spending(today.spent, today.budget, today.stopped)


def _price(now: datetime) -> Iterator[Finding]:
    from rca_plugin.server import pricing

    limits = settings()
    if not limits.gemini_price and find_spec("genai_prices") is None:
        yield Finding(
            "gemini", f"no prices: install genai-prices, or set [rca] gemini_price; till then {_INSTEAD}"
        )
        return
    try:
        pricing.cost(limits.gemini_model, pricing.Tokens(input=1, output=1), now)
    except pricing.UnknownPriceError as error:
        problem, _, fix = str(error).partition(": ")
        yield Finding("gemini", problem, f"{fix}; a model whose price nobody knows is not asked")


def _spending(spent: float, budget: float, stopped: bool) -> Finding:
    used = (
        f"{in_words(micros(spent))} of {in_words(micros(budget))} is used today (no connection needed here)"
    )
    fix = "calls are stopped until 00:00 UTC; raise [rca] gemini_daily_budget" if stopped else ""
    return Finding("gemini", used, fix)
