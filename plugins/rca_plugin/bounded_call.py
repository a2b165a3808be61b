"""Calls of code that may never come back, such as a log handler of somebody else's that asks a remote store."""

from __future__ import annotations

import contextvars
from collections.abc import Callable
from queue import Empty, SimpleQueue
from threading import BoundedSemaphore, Thread
from typing import TypeVar, cast

T = TypeVar("T")

# What hangs, hangs for good: no more than so many threads of this process are lost to it.
_PLACES = BoundedSemaphore(8)


def within(seconds: float, call: Callable[[], T]) -> T:
    """What `call` answers or raises, in a thread of its own that is left alone when its time is up.

    Raises TimeoutError after `seconds`, and at once while too many such calls are under way.
    """
    if not _PLACES.acquire(timeout=seconds):
        raise TimeoutError("too many such calls are under way")
    outcome: SimpleQueue[tuple[T | None, BaseException | None]] = SimpleQueue()
    Thread(target=contextvars.copy_context().run, args=(_run, call, outcome), daemon=True).start()
    try:
        answer, error = outcome.get(timeout=seconds)
    except Empty:
        raise TimeoutError(f"no answer within {seconds:g} s") from None
    if error is not None:
        raise error
    return cast("T", answer)


def _run(call: Callable[[], T], outcome: SimpleQueue[tuple[T | None, BaseException | None]]) -> None:
    try:
        outcome.put((call(), None))
    except BaseException as error:
        outcome.put((None, error))
    finally:
        _PLACES.release()
