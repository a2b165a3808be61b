"""How often something may happen: a token bucket. It has no clock of its own."""

from __future__ import annotations

import threading


class TokenBucket:
    """Lets `rate` things a second happen, and `burst` at once after a rest. Threads may share one.

    `now` is in seconds of any clock that is the same for each call.
    """

    def __init__(self, rate: float, burst: float) -> None:
        if rate <= 0 or burst < 1:
            raise ValueError("the rate must be above 0, and the burst at least 1")
        self._rate = rate
        self._burst = burst
        self._tokens = burst
        self._filled_at: float | None = None
        self._lock = threading.Lock()

    def take(self, now: float) -> float:
        """Take a token. 0 when there was one, else the seconds after which there will be."""
        with self._lock:
            self._fill(now)
            if self._tokens >= 1:
                self._tokens -= 1
                return 0.0
            return (1 - self._tokens) / self._rate

    def _fill(self, now: float) -> None:
        rested = 0.0 if self._filled_at is None else max(0.0, now - self._filled_at)
        self._tokens = min(self._burst, self._tokens + rested * self._rate)
        self._filled_at = now if self._filled_at is None else max(now, self._filled_at)
