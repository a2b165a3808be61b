"""What is remembered for a while: bounded in time and in number. It has no clock of its own."""

from __future__ import annotations

import threading
from typing import Generic, TypeVar

T = TypeVar("T")


class Remembered(Generic[T]):
    """Values by name, each for `seconds`, the newest `most` of them. Threads may share one.

    `now` is in seconds of any clock that is the same for each call.
    """

    def __init__(self, seconds: float, most: int) -> None:
        self._seconds = seconds
        self._most = most
        self._kept: dict[str, tuple[T, float]] = {}
        self._lock = threading.Lock()

    def get(self, name: str, now: float) -> T | None:
        """What is remembered under a name."""
        with self._lock:
            value, until = self._kept.get(name, (None, now))
            return value if now < until else None

    def add(self, name: str, value: T, now: float) -> bool:
        """Remember a value from now on, unless there is one under this name; tell whether it is new."""
        with self._lock:
            if now < self._kept.get(name, (None, now))[1]:
                return False
            self._kept.pop(name, None)
            while len(self._kept) >= self._most:
                # A dict keeps the order in which it was filled.
                del self._kept[next(iter(self._kept))]
            self._kept[name] = (value, now + self._seconds)
            return True

    def forget(self, name: str) -> None:
        """Remember nothing under a name any more."""
        with self._lock:
            self._kept.pop(name, None)
