"""Begin a repair outside of Airflow at most once, whatever was begun before and whatever goes wrong on the way."""

from __future__ import annotations

import logging
import time

from rca_plugin.worker.repairs.repair import (
    BusyError,
    Order,
    RefusedError,
    Repair,
    Started,
    UnclearError,
    said,
)

log = logging.getLogger(__name__)

#: How long a service is asked to take an order, or for one that it may have taken: its lists are some seconds old.
PATIENCE_SECONDS = 120.0
_FIRST_PAUSE, _LONGEST_PAUSE = 2.0, 15.0


def start_once(repair: Repair, order: Order, *, begun_before: bool) -> Started:
    """What the order became in the service.

    `begun_before`: an earlier try recorded its intent and told of nothing, so it may have begun it.
    Raises RefusedError where nothing was begun, and UnclearError where nobody knows.
    """
    return _Start(repair, order, unclear="an earlier try ended on the way" if begun_before else "").run()


class _Start:
    def __init__(self, repair: Repair, order: Order, unclear: str) -> None:
        self._repair, self._order, self._unclear = repair, order, unclear
        self._deadline = time.monotonic() + PATIENCE_SECONDS
        self._pause, self._busy = _FIRST_PAUSE, "it was not taken in time"

    def run(self) -> Started:
        while True:
            if self._unclear and (found := self._find()):
                return found
            if not self._unclear or self._repair.excludes_double:
                started = self._ask()
                if started:
                    return started
            self._wait()

    def _ask(self) -> Started | None:
        """Ask once; None where to ask, or to look, again."""
        try:
            return self._repair.start(self._order)
        except BusyError as error:
            log.warning("Not taken yet: %s", error)
            self._pause, self._busy = max(self._pause, error.retry_after), str(error)
        except RefusedError:
            # What began it may be the reason why it is refused now.
            if not self._unclear:
                raise
        except Exception as error:  # of whatever kind: it may have been begun
            log.warning("Nobody knows whether it was begun: %s", said(error))
            self._unclear = said(error) or type(error).__name__
        return None

    def _find(self) -> Started | None:
        try:
            return self._repair.find(self._order)
        except Exception as error:
            log.warning("Not found yet: %s", said(error))
            return None

    def _wait(self) -> None:
        if time.monotonic() + self._pause >= self._deadline:
            if self._unclear:
                raise UnclearError(self._unclear)
            raise RefusedError(self._busy)
        time.sleep(self._pause)
        self._pause = min(2 * self._pause, _LONGEST_PAUSE)
