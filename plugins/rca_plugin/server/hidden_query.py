"""Takes the query string of a webhook out of sight before anything can log it.

A plain webhook of Azure Monitor can carry its secret only in the URL. Airflow 3.3 logs the query string of each
request when the request is over, uvicorn's own access log when the answer starts.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote_to_bytes

PARAMETER = "secret"
HEADER = "X-RCA-Query-Secret"
_NAME = HEADER.lower().encode()


class HiddenQuery:
    """ASGI middleware that moves the secret of a webhook's URL into a header that only we set."""

    def __init__(self, app: Any) -> None:
        self._app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Pass the request on without its query string."""
        # Anywhere in the path: hiding too much hurts nobody, and a URL with a typing error has a secret too.
        if scope["type"] == "http" and "/rca/webhooks" in scope["path"]:
            _hide(scope)
        await self._app(scope, receive, send)


def _hide(scope: Any) -> None:
    # In place: Airflow's and uvicorn's access logs hold this very scope, and read it only afterwards.
    kept = [(name, value) for name, value in scope["headers"] if name != _NAME]
    scope["headers"] = kept + [(_NAME, secret) for secret in _secrets_in(scope["query_string"])]
    scope["query_string"] = b""


def _secrets_in(query: bytes) -> list[bytes]:
    pairs = [pair.partition(b"=") for pair in query.split(b"&")]
    # Not parse_qs, which makes a blank of the + that a base64 secret may have.
    return [unquote_to_bytes(value) for name, _, value in pairs if name == PARAMETER.encode()]
