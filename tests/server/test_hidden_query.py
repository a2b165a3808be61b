"""A secret in the URL of a webhook reaches the route, and no log: through uvicorn and Airflow's own access log."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest
import structlog
import uvicorn
from airflow.api_fastapi.common.http_access_log import HttpAccessLogMiddleware
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Mount, Route

from rca_plugin.server.body_limit import MAX_BODY_BYTES, BodyLimit
from rca_plugin.server.hidden_query import HiddenQuery

SECRET = "not-for-any-log-0123456789"
WEBHOOK = "/pluginsv2/rca/webhooks/azure_monitor"


async def tell(request: Request) -> JSONResponse:
    await request.body()
    return JSONResponse({
        "secrets": request.headers.getlist("X-RCA-Query-Secret"),
        "query": request.url.query,
    })  # fmt: skip


async def break_down(_: Request) -> JSONResponse:
    raise ZeroDivisionError


def an_app(*ours: Any) -> Starlette:
    routes = [
        Route("/rca/webhooks/broken", break_down, methods=["POST"]),
        Route("/{rest:path}", tell, methods=["POST"]),
    ]
    # As Airflow 3.3 adds them: its access log around those of plugins.
    return Starlette(
        routes=[Mount("/pluginsv2", routes=routes)],
        middleware=[Middleware(HttpAccessLogMiddleware), *map(Middleware, ours)],
    )


@contextmanager
def served(app: Starlette) -> Iterator[str]:
    """With uvicorn's own access log, which Airflow switches off unless it is given a log configuration."""
    server = uvicorn.Server(
        uvicorn.Config(app, port=0, log_config=None, access_log=True, log_level="debug", lifespan="off")
    )
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    [listening] = [socket for one in server.servers for socket in one.sockets]
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()


class Lines(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(self.format(record))


@contextmanager
def logs() -> Iterator[list[str]]:
    """What uvicorn and Airflow write, once the context is left."""
    handler, names = Lines(), ("uvicorn.access", "uvicorn.error", "asyncio")
    for name in names:
        logging.getLogger(name).addHandler(handler)
    with structlog.testing.capture_logs() as structured:
        yield handler.lines
    handler.lines += map(str, structured)
    for name in names:
        logging.getLogger(name).removeHandler(handler)


def post(app: Starlette, path: str, query: str, content: bytes = b"{}") -> tuple[httpx.Response, str]:
    """The answer, and what was logged."""
    with logs() as lines, served(app) as url:
        answer = httpx.post(f"{url}{path}?{query}", content=content, headers={"X-RCA-Query-Secret": "mine"})
    return answer, "\n".join(lines)


ENCODED = "".join(f"%{ord(character):02x}" for character in SECRET)
QUERIES = [
    f"secret={SECRET}",
    f"x=1&secret={SECRET}&secret=two",
    f"secrte={SECRET}",
    f"SECRET={SECRET}",
    f"secret%3D{SECRET}",
    SECRET,
    f"secret={ENCODED}",
]
PATHS = [
    WEBHOOK,
    f"{WEBHOOK}/",
    "/pluginsv2/rca/webhooks/broken",
    "/rca/webhooks/wrong",
    "/pluginsv2/rca/webhooks",
]


@pytest.mark.parametrize("query", QUERIES)
@pytest.mark.parametrize("path", PATHS)
def test_the_query_string_of_a_webhook_is_in_no_log(path: str, query: str) -> None:
    _, logged = post(an_app(BodyLimit, HiddenQuery), path, query)
    assert f'"POST {path} HTTP/1.1"' in logged, "uvicorn's log was not looked at"
    assert "request finished" in logged, "Airflow's log was not looked at"
    assert SECRET not in logged
    assert ENCODED not in logged


def test_not_even_when_the_body_is_too_large() -> None:
    answer, logged = post(
        an_app(HiddenQuery, BodyLimit), WEBHOOK, f"secret={SECRET}", b"x" * (MAX_BODY_BYTES + 1)
    )
    assert answer.status_code == 413
    assert "request finished" in logged
    assert SECRET not in logged


def test_without_it_the_secret_would_be_logged() -> None:
    _, logged = post(an_app(BodyLimit), WEBHOOK, f"secrte={SECRET}")
    assert f"?secrte={SECRET}" in logged
    assert f"'query': 'secrte={SECRET}'" in logged


@pytest.mark.parametrize(
    ("query", "secrets"),
    [
        ("", []),
        ("secret=", [""]),
        (f"secret={SECRET}", [SECRET]),
        (f"secret={ENCODED}&x=1", [SECRET]),
        ("secret=a+b/c==", ["a+b/c=="]),
        ("secret=a%2Bb%2Fc%3D%3D", ["a+b/c=="]),
        ("a=1&secret=x&secret=y", ["x", "y"]),
    ],
)
def test_the_route_gets_the_secret_and_nobody_else_s(query: str, secrets: list[str]) -> None:
    answer, _ = post(an_app(HiddenQuery), WEBHOOK, query)
    assert answer.json() == {"secrets": secrets, "query": ""}


def test_the_query_strings_of_pages_are_left_alone() -> None:
    answer, _ = post(an_app(HiddenQuery), "/pluginsv2/rca/incidents", "status=open")
    assert answer.json() == {"secrets": ["mine"], "query": "status=open"}
