"""Send requests over a number of connections for some time, and note how long each took."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass
class Load:
    """What came of one load: the seconds that each request took, and the bodies of those not answered 202."""

    seconds: float = 0.0
    latencies: list[float] = field(default_factory=list)
    refused: list[bytes] = field(default_factory=list)

    @property
    def per_second(self) -> float:
        return len(self.latencies) / self.seconds

    def percentile(self, percent: float) -> float:
        """In milliseconds."""
        ordered = sorted(self.latencies)
        return 1000 * ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))]


def send(
    port: int,
    request: Callable[[int], bytes],
    connections: int,
    *,
    seconds: float = float("inf"),
    most: int | None = None,
) -> Load:
    """Send `request(0)`, `request(1)`, … each once, on as many connections at a time."""
    load = Load()
    numbers = iter(range(most)) if most is not None else iter(range(10**9))
    lock = threading.Lock()
    started = time.perf_counter()
    until = started + seconds

    def work() -> None:
        connection = socket.create_connection(("127.0.0.1", port))
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        answers = connection.makefile("rb")
        while time.perf_counter() < until:
            with lock:
                number = next(numbers, None)
            if number is None:
                break
            message = request(number)
            sent = time.perf_counter()
            connection.sendall(message)
            status, body = _answer(answers)
            load.latencies.append(time.perf_counter() - sent)
            if status != 202:
                load.refused.append(body)
        connection.close()

    threads = [threading.Thread(target=work, daemon=True) for _ in range(connections)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    load.seconds = time.perf_counter() - started
    return load


def post(path: str, body: bytes, authorization: str = "") -> bytes:
    """The bytes of one POST with a JSON body."""
    lines = [
        f"POST {path} HTTP/1.1",
        "Host: localhost",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
        *([f"Authorization: {authorization}"] if authorization else []),
    ]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def _answer(answers: socket.SocketIO) -> tuple[int, bytes]:
    status = int(answers.readline().split()[1])
    length, chunked = 0, False
    while (line := answers.readline().strip().lower()) != b"":
        name, _, value = line.partition(b":")
        length = int(value) if name == b"content-length" else length
        chunked = chunked or (name == b"transfer-encoding" and b"chunked" in value)
    return status, _chunks(answers) if chunked else answers.read(length)


def _chunks(answers: socket.SocketIO) -> bytes:
    body = b""
    while size := int(answers.readline(), 16):
        body += answers.read(size)
        answers.readline()
    answers.readline()
    return body
