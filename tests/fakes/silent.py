"""Something in front of a server that takes connections, and says nothing until it is told to let them through."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress


class Silence:
    """`port` is where it listens; `tried` counts those who came while it was silent."""

    def __init__(self, behind: tuple[str, int] | str) -> None:
        self._behind = behind
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.tried = 0
        self._through = threading.Event()
        self._open: list[socket.socket] = [self._listener]

    def end(self) -> None:
        """From now on, who comes is let through."""
        self._through.set()

    def serve(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                self._open.append(near)
                if not self._through.is_set():
                    self.tried += 1
                    continue
                far = self._connected()
                self._open.append(far)
                for source, sink in ((near, far), (far, near)):
                    threading.Thread(target=_copy, args=(source, sink), daemon=True).start()

    def _connected(self) -> socket.socket:
        if isinstance(self._behind, tuple):
            return socket.create_connection(self._behind)
        far = socket.socket(socket.AF_UNIX)
        far.connect(self._behind)
        return far

    def close(self) -> None:
        for one in self._open:
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()


def _copy(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while sent := source.recv(65_536):
            sink.sendall(sent)
        sink.shutdown(socket.SHUT_WR)


@contextmanager
def silent(behind: tuple[str, int] | str) -> Iterator[Silence]:
    """Run one in front of a server, at an address or a socket in a folder."""
    silence = Silence(behind)
    threading.Thread(target=silence.serve, daemon=True).start()
    try:
        yield silence
    finally:
        silence.close()
