"""What can go wrong between a client and a service, for a fake service to do on demand."""

from __future__ import annotations

import contextlib
import json
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

#: A status, a status with its Retry-After, or: "reset", "stall", "trickle", "truncated", "invalid", "wrong". All but a
#: status below 500, and "lost" (reset before anything was read), come after the service has done what it was told.
Trouble = int | tuple[int, str] | str


@dataclass
class Service:
    """A fake service. `troubles` are had in turn by the call of that name, the last one for ever; None is none.

    `arrivals` of the calls are in monotonic seconds.
    """

    troubles: dict[str, list[Trouble | None]] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    arrivals: list[float] = field(default_factory=list)
    closing: threading.Event = field(default_factory=threading.Event)
    port: int = 0

    def trouble(self, call: str) -> Trouble | None:
        self.calls.append(call)
        self.arrivals.append(time.monotonic())
        troubles = self.troubles.get(call) or self.troubles.get("*") or [None]
        return troubles.pop(0) if len(troubles) > 1 else troubles[0]

    def pause_before(self, call: str) -> float:
        """How long the last call of that name came after the one before it."""
        earlier, later = [at for name, at in zip(self.calls, self.arrivals, strict=True) if name == call][-2:]
        return later - earlier

    def error(self, status: int) -> Mapping[str, Any]:
        """How this service words an error."""
        raise NotImplementedError


class ServiceHandler(BaseHTTPRequestHandler):
    """Answers one call, or does what goes wrong with it."""

    service: Service
    disable_nagle_algorithm = True  # header and content go out one by one

    def reply(self, call: str, status: int, answer: Any) -> None:
        self.do(call, lambda: (status, answer))

    def do(self, call: str, action: Callable[[], tuple[int, Any]]) -> None:
        trouble = self.service.trouble(call)
        status, answer = (0, {}) if _keeps_from_acting(trouble) else action()
        content = json.dumps(answer).encode()
        with contextlib.suppress(OSError):
            if trouble is None:
                self._send(status, content)
            else:
                self._go_wrong(trouble, content)

    def _go_wrong(self, trouble: Trouble, content: bytes) -> None:
        if isinstance(trouble, str):
            self._misbehave(trouble, content)
            return
        code, retry_after = trouble if isinstance(trouble, tuple) else (trouble, None)
        self._send(code, json.dumps(self.service.error(code)).encode(), retry_after)

    def _send(self, status: int, content: bytes, retry_after: str | None = None, length: int = 0) -> None:
        self.send_response(status)
        if retry_after is not None:
            self.send_header("Retry-After", retry_after)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(length or len(content)))
        self.end_headers()
        self.wfile.write(content)

    def _misbehave(self, trouble: str, content: bytes) -> None:
        if trouble == "invalid":
            self._send(200, content[: len(content) // 2])
            return
        if trouble == "wrong":
            self._send(200, b'["not", "what", "was", "asked", "for"]')
            return
        self.close_connection = True
        if trouble == "truncated":
            self._send(200, content[: len(content) // 2], length=len(content))
        elif trouble in ("reset", "lost"):
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        elif trouble == "stall":
            self.service.closing.wait()
        elif trouble == "trickle":
            self._send(200, b"", length=1_000_000)
            while not self.service.closing.wait(0.05):
                self.wfile.write(b" ")

    def log_message(self, *_: Any) -> None:
        """Not into the output of the tests."""


def _keeps_from_acting(trouble: Trouble | None) -> bool:
    status = trouble[0] if isinstance(trouble, tuple) else trouble
    return status == "lost" or (isinstance(status, int) and status < 500)


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: Any) -> None:
        """A client that went away is what the tests are about."""


@contextmanager
def running(service: Service, handler: type[ServiceHandler]) -> Iterator[None]:
    """Run it on a free port."""
    httpd = _Server(("127.0.0.1", 0), type("Handler", (handler,), {"service": service}))
    service.port = httpd.server_port
    thread = threading.Thread(target=httpd.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield
    finally:
        _calm(service)
        httpd.shutdown()
        httpd.server_close()
        thread.join()


def _calm(service: Service) -> None:
    """End the threads that were left behind, before what they talk to is gone."""
    service.troubles.clear()
    service.closing.set()
    for asking in threading.enumerate():
        if asking.name.startswith("rca-asks-"):
            asking.join(20)
