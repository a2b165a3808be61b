"""A playbook behind a URL, which keeps what it is sent."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any

from tests.fakes.trouble import Service, ServiceHandler, Trouble, running


@dataclass
class PlaybookService(Service):
    """`taken` are the requests that it has begun to work on: headers and body."""

    taken: list[tuple[dict[str, str], bytes]] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/run"

    def error(self, status: int) -> Mapping[str, Any]:
        return {"error": f"told to answer {status}"}


class _Handler(ServiceHandler, BaseHTTPRequestHandler):
    service: PlaybookService

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.do("run", lambda: self._take(body))

    def _take(self, body: bytes) -> tuple[int, Any]:
        self.service.taken.append((dict(self.headers), body))
        return 202, {}


@contextmanager
def playbook(*troubles: Trouble | None) -> Iterator[PlaybookService]:
    """Run one on a free port."""
    service = PlaybookService({"run": list(troubles)} if troubles else {})
    with running(service, _Handler):
        yield service
