"""A question to Gemini that is on its way: it is answered, or left behind, within its time."""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import dataclass
from typing import Any

from rca_plugin.core.model_request import ModelRequest
from rca_plugin.worker.integrations.gemini import Gemini
from rca_plugin.worker.integrations.gemini_answer import GeminiError, Usage
from rca_plugin.worker.masking import redactor

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Outcome:
    """What came of a question. `answer` is without secrets, None where `problem` says why there is none."""

    answer: str | None
    problem: str
    usage: Usage
    seconds: float
    retry_after: float = 0.0
    asked: bool = True

    def to_json(self) -> dict[str, Any]:
        """As the server keeps it."""
        return {
            "answer": self.answer,
            "problem": self.problem,
            "input_tokens": self.usage.input_tokens,
            "cached_tokens": self.usage.cached_tokens,
            "output_tokens": self.usage.output_tokens,
            "seconds": round(self.seconds, 3),
            "retry_after": self.retry_after,
            "asked": self.asked,
            "counted": self.usage.counted,
        }


class Asking:
    """Asks in a thread, so that something else can be done meanwhile.

    The thread is left behind when the time is over: httpx bounds each read, not how long an answer may trickle.
    Being a daemon, it ends with the process.
    """

    def __init__(self, gemini: Gemini, request: ModelRequest, seconds: float) -> None:
        self._began = time.monotonic()
        self._seconds = seconds
        self._outcome: Outcome | None = None
        self._sending = threading.Event()
        self._thread = threading.Thread(
            target=self._run, args=(gemini, request), name="rca-asks-gemini", daemon=True
        )
        self._thread.start()

    def wait_until_sent(self) -> None:
        """So that what is done meanwhile does not take the processor from what is needed to send it."""
        self._sending.wait(self._seconds)

    def outcome(self) -> Outcome:
        """Wait for it. Raises nothing."""
        self._thread.join(max(0.0, self._began + self._seconds - time.monotonic()))
        if found := self._outcome:
            return found
        problem = f"Gemini did not answer within {self._seconds:g} seconds ([rca] gemini_timeout)"
        return Outcome(None, problem, Usage(counted=False), self._passed())

    def _run(self, gemini: Gemini, request: ModelRequest) -> None:
        try:
            answer = gemini.ask(request, self._seconds, self._sending.set)
            self._outcome = Outcome(redactor().text(answer.text), "", answer.usage, self._passed())
        except GeminiError as error:
            self._outcome = Outcome(
                None, str(error), error.usage, self._passed(), error.retry_after, error.sent
            )
        except BaseException as error:  # whatever a library raises: the analysis goes on without
            log.warning("RCA: asking Gemini ended with %s", type(error).__name__)
            problem = f"asking Gemini ended with {type(error).__name__}"
            self._outcome = Outcome(None, problem, Usage(counted=False), self._passed())
        finally:
            self._sending.set()

    def _passed(self) -> float:
        return time.monotonic() - self._began
