from __future__ import annotations

import asyncio
from typing import Any

import pytest

from rca_plugin.server.body_limit import MAX_BODY_BYTES, BodyLimit


async def reads_everything(scope: Any, receive: Any, send: Any) -> None:
    more = True
    while more:
        more = (await receive()).get("more_body", False)
    await send({"type": "http.response.start", "status": 202, "headers": []})
    await send({"type": "http.response.body", "body": b""})


def status_of(path: str, chunks: list[bytes], headers: list[tuple[bytes, bytes]], root_path: str = "") -> int:
    messages = [
        {"type": "http.request", "body": c, "more_body": i + 1 < len(chunks)} for i, c in enumerate(chunks)
    ]
    sent: list[dict[str, Any]] = []

    async def receive() -> Any:
        return messages.pop(0)

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": "http", "path": path, "root_path": root_path, "headers": headers}
    asyncio.run(BodyLimit(reads_everything)(scope, receive, send))
    return int(sent[0]["status"])


CHUNK = b"x" * 65_536
TOO_MANY = [CHUNK] * (MAX_BODY_BYTES // len(CHUNK) + 1)
LENGTH = [(b"content-length", str(MAX_BODY_BYTES + 1).encode())]


@pytest.mark.parametrize("path", ["/pluginsv2/rca/webhooks/airflow", "/rca/api/v1/incidents/1/evidence"])
@pytest.mark.parametrize(
    ("chunks", "headers"), [(TOO_MANY, []), ([b""], LENGTH)], ids=["streamed", "announced"]
)
def test_too_much_is_refused_before_it_is_read(path: str, chunks: list[bytes], headers: Any) -> None:
    assert status_of(path, chunks, headers) == 413
    assert status_of("/airflow" + path, chunks, headers, root_path="/airflow") == 413


def test_the_routes_of_others_are_left_alone() -> None:
    assert status_of("/api/v2/dags", TOO_MANY, LENGTH) == 202


def test_what_is_just_small_enough_passes() -> None:
    assert status_of("/rca/api/v1/health", TOO_MANY[:-1], []) == 202
