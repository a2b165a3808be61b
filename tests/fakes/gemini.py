"""Gemini as far as somebody sees it who asks one question: generateContent, of the Gemini API and of Vertex AI."""

from __future__ import annotations

import contextlib
import json
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import urlsplit

from tests.fakes.trouble import Service, ServiceHandler, Trouble, running

KEY = "AIza-of-these-tests-0123456789"
MODEL = "gemini-2.5-flash"
_GEMINI_API = re.compile(r"/v1beta/models/([^/:]+):generateContent")
_VERTEX_AI = re.compile(
    r"/v1beta1/projects/[^/]+/locations/[^/]+/publishers/google/models/([^/:]+):generateContent"
)
_STATUSES = {
    400: "INVALID_ARGUMENT", 401: "UNAUTHENTICATED", 403: "PERMISSION_DENIED", 404: "NOT_FOUND",
    429: "RESOURCE_EXHAUSTED", 500: "INTERNAL", 503: "UNAVAILABLE", 504: "DEADLINE_EXCEEDED",
}  # fmt: skip
Words = str | Callable[[dict[str, Any]], str]


def candidate(text: str, finish: str = "STOP") -> dict[str, Any]:
    return {"content": {"role": "model", "parts": [{"text": text}]}, "finishReason": finish, "index": 0}


def tokens(read: int = 3000, written: int = 400, thought: int = 112, cached: int = 0) -> dict[str, int]:
    return {
        "promptTokenCount": read,
        "candidatesTokenCount": written,
        "thoughtsTokenCount": thought,
        "cachedContentTokenCount": cached,
        "totalTokenCount": read + written + thought,
    }


@dataclass
class GeminiService(Service):
    """Answers every question with `words`, or with the whole `response` where one is set.

    `bodies` are the requests as they came, byte for byte; `asked` the same read, `keys` what came with them.
    `seconds` is how long it thinks.
    """

    words: Words = "{}"
    response: dict[str, Any] | None = None
    usage: dict[str, int] = field(default_factory=tokens)
    retry_delay: str | None = None
    seconds: float = 0.0
    bodies: list[bytes] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def connection(self) -> str:
        """The Airflow connection to it, as an environment variable has it."""
        return json.dumps({"conn_type": "generic", "host": self.url, "password": KEY})

    @property
    def asked(self) -> list[dict[str, Any]]:
        return [json.loads(body) for body in self.bodies]

    def answer(self, question: dict[str, Any], model: str) -> dict[str, Any]:
        if self.response is not None:
            return self.response
        words = self.words if isinstance(self.words, str) else self.words(question)
        return {
            "candidates": [candidate(words)],
            "usageMetadata": self.usage,
            "modelVersion": model,
            "responseId": "of-these-tests",
        }

    def error(self, status: int) -> dict[str, Any]:
        wait = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": self.retry_delay}
        return {
            "error": {
                "code": status,
                "message": f"of these tests: {status}",
                "status": _STATUSES.get(status, "UNKNOWN"),
                "details": [wait] if self.retry_delay else [],
            }
        }


class _Handler(ServiceHandler, BaseHTTPRequestHandler):
    service: GeminiService

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        path = urlsplit(self.path).path
        found = _GEMINI_API.fullmatch(path) or _VERTEX_AI.fullmatch(path)
        key = self.headers.get("x-goog-api-key") or self.headers.get("Authorization", "")
        if not found:
            self._send(404, json.dumps(self.service.error(404)).encode())
        elif key not in (KEY, f"Bearer {KEY}"):
            self._send(401, json.dumps(self.service.error(401)).encode())
        else:
            self.service.bodies.append(body)
            self.service.keys.append(key)
            self._think()
            self.reply("generateContent", 200, self.service.answer(json.loads(body), found[1]))

    def _think(self) -> None:
        ready = time.monotonic() + self.service.seconds
        self.service.closing.wait(max(0.0, ready - time.monotonic()))


@contextmanager
def gemini(words: Words = "{}", *troubles: Trouble | None, **more: Any) -> Iterator[GeminiService]:
    """Run one on a free port; it has these troubles in turn, the last one for ever."""
    service = GeminiService(words=words, troubles={"*": list(troubles)}, **more)
    with contextlib.ExitStack() as stack:
        stack.enter_context(running(service, _Handler))
        yield service
