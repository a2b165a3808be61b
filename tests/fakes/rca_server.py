"""An API server that answers as it is told: statuses, silence, a trickle, a closed connection."""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class RcaServer:
    """`answers` are taken in turn, the last one for ever: a status, "stall", "trickle" or "reset".

    `retry_after` goes with each status that is an error; `arrivals` are in monotonic seconds.
    """

    answers: list[int | str]
    retry_after: str | None = None
    url: str = ""
    requests: list[dict[str, Any]] = field(default_factory=list)
    tokens: list[str] = field(default_factory=list)
    arrivals: list[float] = field(default_factory=list)

    def next_answer(self) -> int | str:
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, state: RcaServer) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.state = state


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_POST(self) -> None:
        state = self.server.state
        state.arrivals.append(time.monotonic())
        state.requests.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        state.tokens.append(self.headers["Authorization"].removeprefix("Bearer "))
        answer = state.next_answer()
        if answer == "stall":
            time.sleep(30)
        elif answer == "trickle":
            self._trickle()
        elif isinstance(answer, int):
            self._answer(answer)

    def _trickle(self) -> None:
        """A byte at a time: no read ever takes long, and the answer never ends."""
        self.send_response(202)
        self.send_header("Content-Length", "1000")
        self.end_headers()
        with contextlib.suppress(OSError):
            for _ in range(300):
                self.wfile.write(b" ")
                time.sleep(0.1)

    def _answer(self, status: int) -> None:
        content = json.dumps({"error": {"code": "told_so", "message": "as told"}} if status >= 400 else {})
        self.send_response(status)
        if status >= 400 and self.server.state.retry_after is not None:
            self.send_header("Retry-After", self.server.state.retry_after)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content.encode())

    def log_message(self, *_: Any) -> None:
        """Not into the output of the tests."""


@contextmanager
def rca_server(*answers: int | str, retry_after: str | None = None) -> Iterator[RcaServer]:
    """Run one on a free port."""
    state = RcaServer(list(answers), retry_after)
    httpd = _Server(state)
    state.url = f"http://127.0.0.1:{httpd.server_port}"
    thread = threading.Thread(target=httpd.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield state
    finally:
        httpd.shutdown()
        httpd.server_close()
        thread.join()
