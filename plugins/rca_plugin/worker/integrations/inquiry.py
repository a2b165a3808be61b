"""What one service is asked about a failure: within a time, with patience for what may pass, and honest about
what it did not say.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from datetime import datetime
from typing import Any, TypeVar

from tenacity import RetryCallState, RetryError, wait_random_exponential

from rca_plugin.core.evidence import Fact
from rca_plugin.core.storable import beginning, end
from rca_plugin.worker.masking import redactor

log = logging.getLogger(__name__)

#: For one answer to begin, or to go on. A service that is well answers these questions within a second.
CALL_SECONDS = 10
_TRIES = 3
_PAUSE = wait_random_exponential(multiplier=0.5, max=4)
_TEXT_CHARS = 20_000
_REASON_CHARS = 300
_MOST_FACTS = 35

Answer = TypeVar("Answer")


class Inquiry:
    """One service, asked until `deadline` (monotonic seconds). `facts` grows with its answers."""

    def __init__(self, service: str, deadline: float) -> None:
        self.service = service
        self.deadline = deadline
        self.facts: list[Fact] = []
        self._missing: list[str] = []

    def ask(self, what: str, question: Callable[[], Answer]) -> Answer | None:
        """The answer; None, and noted as missing, when there is none."""
        if time.monotonic() >= self.deadline:
            self.miss(f"{self.service} was not asked for {what}: the time for it was over")
            return None
        try:
            return question()
        except Exception as error:
            self.miss(f"{self.service} did not answer for {what}: {_reason(error)}")
            return None

    def found(self, fact: Fact) -> None:
        """Keep a fact, without secrets and of bounded length: its end, where an error stands."""
        text = end(fact.text, _TEXT_CHARS, redactor())
        if text.strip() and len(self.facts) < _MOST_FACTS:
            self.facts.append(Fact(fact.kind, fact.source[:200], fact.observed_at, text))

    def miss(self, what: str) -> None:
        """Note what could not be had."""
        self._missing.append(beginning(what, 2 * _REASON_CHARS, redactor()))

    def result(self) -> list[Fact]:
        """The facts until now, and one that says what is missing."""
        said = Fact("missing", self.service.lower(), None, "\n".join(self._missing[:_MOST_FACTS]))
        return [*self.facts, said] if said.text else list(self.facts)

    @property
    def patience(self) -> dict[str, Any]:
        """How often and when a call is tried again, as `tenacity.Retrying` is told it."""
        return {"stop": self._enough, "wait": _pause}

    def _enough(self, state: RetryCallState) -> bool:
        return state.attempt_number >= _TRIES or time.monotonic() + state.upcoming_sleep >= self.deadline


def facts_within(seconds: float, service: str, collect: Callable[[Inquiry], None]) -> list[Fact]:
    """What `collect` finds out in that time. Raises nothing.

    In a thread that is left behind: neither requests nor azure-core bounds how long an answer may trickle, and
    Azure's own search for credentials knows no limit at all. Being a daemon, it ends with the task process.
    """
    inquiry = Inquiry(service, time.monotonic() + seconds)
    asking = threading.Thread(target=_run, args=(inquiry, collect), name=f"rca-asks-{service}", daemon=True)
    asking.start()
    asking.join(seconds)
    if asking.is_alive():
        inquiry.miss(f"{service} did not answer everything within {seconds:g} seconds")
    return inquiry.result()


def _run(inquiry: Inquiry, collect: Callable[[Inquiry], None]) -> None:
    try:
        collect(inquiry)
    except BaseException as error:  # SystemExit of a library included: the analysis goes on without
        log.warning("RCA: asking %s ended with %s", inquiry.service, type(error).__name__)
        inquiry.miss(f"{inquiry.service} could not be asked: {_reason(error)}")


def _pause(state: RetryCallState) -> float:
    """As long as the service wants to be left alone, else a little longer each time."""
    error = state.outcome.exception() if state.outcome else None
    headers = getattr(getattr(error, "response", None), "headers", None) or {}
    asked = str(headers.get("Retry-After") or "")
    return max(_PAUSE(state), float(asked[:9]) if asked.isascii() and asked.isdigit() else 0.0)


def _reason(error: BaseException) -> str:
    """In one line, whatever a hook has wrapped around it."""
    given_up = next(
        (e for e in (error, error.__cause__, error.__context__) if isinstance(e, RetryError)), None
    )
    if given_up is None:
        return _said(error)
    tries = given_up.last_attempt.attempt_number
    return f"{_said(given_up.last_attempt.exception() or error)}, after {tries} tries"


def _said(error: BaseException) -> str:
    text = " ".join(str(error).split()) or "no reason given"
    return f"{type(error).__name__}: {beginning(text, _REASON_CHARS, redactor())}"


def at(moment: datetime | None) -> str:
    """A time as people read it."""
    return moment.strftime("%Y-%m-%d %H:%M:%S UTC") if moment else "unknown"
