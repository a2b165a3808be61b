"""The body of an answer, which is cut off when it becomes longer than any real one: a gateway may send anything."""

from __future__ import annotations

from collections.abc import Iterator

import httpx

MOST_BYTES = 4 * 1024 * 1024
#: The headers of a request whose answer is to be counted.
PLAIN = {"Accept-Encoding": "identity"}


class BodyError(Exception):
    """An answer began, and cannot be read to its end. The text says why."""


class _Bounded(httpx.SyncByteStream):
    def __init__(self, stream: httpx.SyncByteStream) -> None:
        self._stream = stream

    def __iter__(self) -> Iterator[bytes]:
        taken = 0
        for chunk in self._chunks():
            taken += len(chunk)
            if taken > MOST_BYTES:
                raise BodyError(f"it is longer than {MOST_BYTES:,} bytes")
            yield chunk

    def _chunks(self) -> Iterator[bytes]:
        try:
            yield from self._stream
        except httpx.TimeoutException:
            raise
        except httpx.TransportError as error:
            # Told apart from a connection that was cut before: this answer was written, and will be paid for.
            raise BodyError("it broke off") from error

    def close(self) -> None:
        self._stream.close()


def bounded(response: httpx.Response) -> None:
    """Let no more of a response be read than that: an event hook of httpx, called before the body is.

    Raises BodyError: later, and at once for what is compressed, which nobody asked for and which may be short and
    become long.
    """
    if response.headers.get("Content-Encoding", "identity") != "identity":
        raise BodyError("it is compressed, which was not asked for")
    if isinstance(response.stream, httpx.SyncByteStream):
        response.stream = _Bounded(response.stream)
