"""A bound on what may be sent to us, before anything reads it.

Airflow 3.3 mounts Flask behind a middleware that gathers the whole body in memory first: without a bound at
the root, anybody could fill the API server's memory through any Flask route.
"""

from __future__ import annotations

import json
from typing import Any

MAX_BODY_BYTES = 1024 * 1024
_PREFIXES = ("/pluginsv2/rca/", "/rca/")
_ANSWER = json.dumps(
    {"error": {"code": "body_too_large", "message": f"The body is larger than {MAX_BODY_BYTES} bytes."}}
).encode()


class _TooLargeError(Exception):
    pass


class BodyLimit:
    """ASGI middleware that answers 413 to a body over 1 MiB on the plugin's own routes."""

    def __init__(self, app: Any) -> None:
        self._app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Pass the request on, counting its body."""
        if scope["type"] != "http" or not _is_ours(scope):
            await self._app(scope, receive, send)
            return
        if _announced_length(scope) > MAX_BODY_BYTES:
            await _refuse(send)
            return
        await self._counted(scope, receive, send)

    async def _counted(self, scope: Any, receive: Any, send: Any) -> None:
        received = 0
        started = False

        async def counting_receive() -> Any:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > MAX_BODY_BYTES:
                raise _TooLargeError
            return message

        async def noting_send(message: Any) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            await self._app(scope, counting_receive, noting_send)
        except _TooLargeError:
            if started:
                raise
            await _refuse(send)


def _is_ours(scope: Any) -> bool:
    path = scope["path"].removeprefix(scope.get("root_path", ""))
    return any(path.startswith(prefix) for prefix in _PREFIXES)


def _announced_length(scope: Any) -> int:
    for name, value in scope["headers"]:
        if name == b"content-length" and value.isdigit():
            return int(value)
    return 0


async def _refuse(send: Any) -> None:
    headers = [(b"content-type", b"application/json"), (b"connection", b"close")]
    await send({"type": "http.response.start", "status": 413, "headers": headers})
    await send({"type": "http.response.body", "body": _ANSWER})
