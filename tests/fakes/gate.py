"""A gate on the way to a service: a call can be stopped there, before the service has it or before its answer leaves.

Whoever waits at the gate can be killed exactly there, without any switch for tests in what is killed.
"""

from __future__ import annotations

import base64
import json
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

BEFORE, WITHIN, AFTER = "before", "within", "after"
_UPSTREAM_SECONDS = 600.0
# What is compressed could not be read here.
_NOT_FORWARDED = {
    "accept-encoding",
    "connection",
    "keep-alive",
    "transfer-encoding",
    "content-length",
    "host",
}


class LostError(Exception):
    """The call, or its answer, does not arrive."""


@dataclass
class Call:
    """What is on its way. `answer` is there once the service has answered."""

    method: str
    path: str
    subject: str = ""
    """Who asks, by its token."""
    body: Any = None
    answer: Any = None


@dataclass(eq=False)
class Stop:
    """Where the first call that is `wanted` waits. WITHIN: it is only said that the service has it."""

    wanted: Callable[[Call], bool]
    when: str
    reached: threading.Event = field(default_factory=threading.Event)
    _go: threading.Event = field(default_factory=threading.Event)
    _lost: bool = False

    def go_on(self, *, lost: bool) -> None:
        """Let it go; `lost`: what waits here never arrives."""
        self._lost = lost
        self._go.set()

    def wait(self) -> None:
        self.reached.set()
        if self.when != WITHIN:
            self._go.wait()
        if self._lost:
            raise LostError


@dataclass(eq=False)
class Gate:
    """Calls pass through it, one thread each."""

    stops: list[Stop] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def passes(self, call: Call, do: Callable[[], Any]) -> Any:
        """Have it done, and answer what that answers. Raises LostError."""
        self._stop(call, BEFORE, WITHIN)
        call.answer = do()
        self._stop(call, AFTER)
        return call.answer

    def _stop(self, call: Call, *when: str) -> None:
        for stop in list(self.stops):
            if stop.when in when and stop.wanted(call) and self._takes(stop):
                stop.wait()

    def _takes(self, stop: Stop) -> bool:
        with self._lock:
            if stop in self.stops:
                self.stops.remove(stop)
                return True
            return False


class _Handler(BaseHTTPRequestHandler):
    gate: Gate
    upstream: list[int]
    disable_nagle_algorithm = True

    def _pass(self) -> None:
        content = self.rfile.read(int(self.headers["Content-Length"] or 0))
        call = Call(self.command, self.path, _subject(self.headers["Authorization"]), _read(content))
        answered: dict[str, Any] = {}

        def forward() -> Any:
            answered.update(self._forwarded(content))
            return _read(answered["content"])

        try:
            self.gate.passes(call, forward)
            self.send_response(answered["status"])
            for name, value in answered["headers"]:
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(answered["content"])))
            self.end_headers()
            self.wfile.write(answered["content"])
        except (LostError, OSError, HTTPException):
            # As a service that is gone: reset.
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    def do_GET(self) -> None:
        self._pass()

    def do_POST(self) -> None:
        self._pass()

    def do_PUT(self) -> None:
        self._pass()

    def do_PATCH(self) -> None:
        self._pass()

    def do_DELETE(self) -> None:
        self._pass()

    def do_HEAD(self) -> None:
        self._pass()

    def _forwarded(self, content: bytes) -> dict[str, Any]:
        connection = HTTPConnection("127.0.0.1", self.upstream[0], timeout=_UPSTREAM_SECONDS)
        kept = {name: value for name, value in self.headers.items() if name.lower() not in _NOT_FORWARDED}
        try:
            connection.request(self.command, self.path, content or None, {**kept, "Connection": "close"})
            answer = connection.getresponse()
            headers = [one for one in answer.getheaders() if one[0].lower() not in _NOT_FORWARDED]
            return {"status": answer.status, "headers": headers, "content": answer.read()}
        finally:
            connection.close()

    def log_message(self, *_: Any) -> None:
        """Not into the output of the tests."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, *_: Any) -> None:
        """Whoever was killed does not hear the answer."""


@dataclass(frozen=True)
class Proxy:
    """The gate in front of a service on this machine, whose port may be known later."""

    gate: Gate
    port: int
    upstream: list[int]


@contextmanager
def proxy() -> Iterator[Proxy]:
    """Run one on a free port."""
    gate, upstream = Gate(), [0]
    httpd = _Server(("127.0.0.1", 0), type("Handler", (_Handler,), {"gate": gate, "upstream": upstream}))
    thread = threading.Thread(target=httpd.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield Proxy(gate, httpd.server_port, upstream)
    finally:
        httpd.shutdown()
        httpd.server_close()
        thread.join()


def _read(content: bytes) -> Any:
    try:
        return json.loads(content)
    except ValueError:
        return None


def _subject(authorization: str | None) -> str:
    parts = (authorization or "").split(".")
    if len(parts) != 3:
        return ""
    claims = _read(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    return str(claims.get("sub", "")) if isinstance(claims, dict) else ""
