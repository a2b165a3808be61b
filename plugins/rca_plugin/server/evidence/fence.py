"""Collecting within limits: no collector takes the others' time, and none that fails takes their facts with it."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from rca_plugin.core.evidence import Fact
from rca_plugin.server.evidence.settled import NotSettledError

log = logging.getLogger(__name__)

BUDGET_SECONDS = 30.0
STATEMENT_SECONDS = 3.0
_CANCELED = "57014"


class Fence:
    """Runs collectors one after the other on a session, for at most `seconds` together.

    On PostgreSQL no statement takes longer than `statement_seconds`. Other databases have no such limit within a
    transaction: there, that each query asks for a bounded number of rows has to do.
    """

    def __init__(
        self,
        session: Session,
        *,
        seconds: float = BUDGET_SECONDS,
        statement_seconds: float = STATEMENT_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._session = session
        self._clock = clock
        self._ends = clock() + seconds
        self._milliseconds = int(statement_seconds * 1000)
        self._before: str | None = None

    def __enter__(self) -> Fence:
        if self._session.get_bind().dialect.name == "postgresql":
            self._before = self._session.scalar(text("SHOW statement_timeout"))
            self._limit(f"{self._milliseconds}ms")
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        # What comes after in this transaction is not ours to limit; after an error nothing comes.
        if self._before is not None and kind is None:
            self._limit(self._before)

    def _limit(self, timeout: str) -> None:
        self._session.execute(
            text("SELECT set_config('statement_timeout', :timeout, true)"), {"timeout": timeout}
        )

    def facts(self, what: str, collect: Callable[[], Iterable[Fact]]) -> list[Fact]:
        """What a collector finds; if it fails or the time is up, that it is missing, and why.

        Raises NotSettledError when the collector does.
        """
        if self._clock() > self._ends:
            return [missing(what, "the time for collecting evidence was used up")]
        try:
            # On PostgreSQL a statement that fails takes the whole transaction with it, but for a savepoint.
            with self._session.begin_nested():
                return list(collect())
        except NotSettledError:
            raise
        except Exception as error:
            log.warning("Collecting %s failed", what, exc_info=True)
            return [missing(what, self._why(error))]

    def _why(self, error: Exception) -> str:
        code = getattr(getattr(error, "orig", None), "pgcode", None)
        if isinstance(error, DBAPIError) and code == _CANCELED:
            return f"the database took longer than {self._milliseconds / 1000:g} s"
        # The text of a database's error repeats the statement with its parameters.
        return type(error).__name__


def missing(what: str, why: str) -> Fact:
    """The fact that something could not be had."""
    return Fact("missing", "rca", None, f"{what[:1].upper()}{what[1:]} could not be collected: {why}")
