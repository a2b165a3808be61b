"""The body of an answer of Jira, read as far as any real one goes, and no longer than there is time."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

#: A hundred comments have less.
MOST_BYTES = 8 * 1024 * 1024
_CHUNK_BYTES = 64 * 1024


class BodyError(Exception):
    """An answer is too long, or took too long."""


def bounded(deadline: float) -> Callable[..., None]:
    """A response hook of requests: it reads the body, until `deadline` (monotonic seconds), before requests does."""

    def read(response: Any, **_: Any) -> None:
        pieces, taken = [], 0
        # Not iter_content, which waits until a chunk is full, however slowly it comes.
        while piece := response.raw.read1(_CHUNK_BYTES, decode_content=True):
            taken += len(piece)
            if taken > MOST_BYTES or time.monotonic() >= deadline:
                response.close()
                raise BodyError
            pieces.append(piece)
        # requests 2.32 reads nothing more where this is set, and has no public way to say it.
        response._content = b"".join(pieces)

    return read
