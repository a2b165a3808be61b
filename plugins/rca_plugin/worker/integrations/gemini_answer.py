"""What came back from Gemini: words, or in one sentence why there are none that can be used."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

import httpx

from rca_plugin.core.storable import beginning
from rca_plugin.worker.integrations.model_body import BodyError
from rca_plugin.worker.masking import redactor
from rca_plugin.worker.retry_after import retry_after

_PROBLEM_CHARS = 300
_MAY_PASS = {429, 500, 502, 503, 504}
_LONGEST_WAIT = 86_400.0
_RETRY_INFO = "type.googleapis.com/google.rpc.RetryInfo"
# A protobuf duration, as JSON.
_DURATION = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,9})?)s")
# What a candidate ends with when it is whole.
_WHOLE = "STOP"
_ANSWER_CHARS = 64_000
_MOST_TOKENS = 100_000_000


@dataclass(frozen=True)
class Usage:
    """What is paid for. `cached_tokens` are among the input's, thoughts among the output's.

    counted: False where nobody said how many they were.
    """

    input_tokens: int = 0
    cached_tokens: int = 0
    output_tokens: int = 0
    counted: bool = True


_UNKNOWN = Usage(counted=False)


@dataclass(frozen=True)
class ModelAnswer:
    """The words of a model, what they cost, and how long they took to come."""

    text: str
    usage: Usage
    seconds: float


class GeminiError(Exception):
    """There is no answer that can be used. The text says why, without any secret.

    may_pass: asking the same again may help, and pays for nothing twice.
    retry_after: for how many seconds Gemini wants to be left alone; 0.0 where it did not say.
    usage: what was paid all the same. sent: whether Gemini can have seen the question.
    """

    def __init__(
        self,
        problem: str,
        *,
        may_pass: bool = False,
        retry_after: float = 0.0,
        usage: Usage = _UNKNOWN,
        sent: bool = True,
    ) -> None:
        super().__init__(beginning(" ".join(problem.split()), _PROBLEM_CHARS, redactor()))
        self.may_pass = may_pass
        self.retry_after = retry_after
        self.usage = usage
        self.sent = sent


def answer_of(response: Any, seconds: float) -> ModelAnswer:
    """The words of a response. Raises GeminiError when it was blocked, cut off, or has none."""
    usage = _usage(response.usage_metadata)
    blocked = response.prompt_feedback and response.prompt_feedback.block_reason
    if blocked:
        raise GeminiError(f"Gemini refused the question ({_name(blocked)})", usage=usage)
    candidate = next(iter(response.candidates or ()), None)
    if candidate is None:
        raise GeminiError("Gemini gave no answer", usage=usage)
    if _name(candidate.finish_reason) != _WHOLE:
        raise GeminiError(_unfinished(_name(candidate.finish_reason)), usage=usage)
    # Not response.text, which warns of parts that are no text on the way of leaving them out.
    parts = (candidate.content and candidate.content.parts) or ()
    text = "".join(part.text for part in parts if part.text and not part.thought)
    if not text.strip():
        raise GeminiError("Gemini's answer is empty", usage=usage)
    if len(text) > _ANSWER_CHARS:
        problem = f"Gemini's answer has {len(text):,} characters; more than {_ANSWER_CHARS:,} are no analysis"
        raise GeminiError(problem, usage=usage)
    return ModelAnswer(text, usage, seconds)


def _unfinished(reason: str) -> str:
    if reason == "MAX_TOKENS":
        return "Gemini's answer was cut off at [rca] gemini_output_tokens"
    return f"Gemini broke its answer off ({reason})"


def _usage(metadata: Any) -> Usage:
    if metadata is None or not metadata.prompt_token_count:
        # A gateway may leave it out: that is no reason to take a question for free.
        return _UNKNOWN
    written = (metadata.candidates_token_count or 0) + (metadata.thoughts_token_count or 0)
    return Usage(
        input_tokens=_within(metadata.prompt_token_count),
        cached_tokens=_within(metadata.cached_content_token_count or 0),
        output_tokens=_within(written),
    )


def _within(tokens: int) -> int:
    return min(max(tokens, 0), _MOST_TOKENS)


def refusal(error: Exception) -> GeminiError:
    """What an exception of the client means."""
    from google.auth.exceptions import GoogleAuthError
    from google.genai.errors import APIError

    if isinstance(error, APIError):
        return _status(error)
    if isinstance(error, httpx.TimeoutException):
        # Not again: the answer may have been written, and paid for, when nobody waited for it any more.
        return GeminiError("Gemini did not answer in time ([rca] gemini_timeout)")
    if isinstance(error, httpx.TransportError):
        return GeminiError(
            f"Gemini could not be reached: {type(error).__name__}",
            may_pass=_unanswered(error),
            sent=not isinstance(error, httpx.ConnectError),
        )
    if isinstance(error, BodyError):
        return GeminiError(f"Gemini's answer cannot be used: {error}")
    if isinstance(error, GoogleAuthError):
        return GeminiError(f"Google refused the credentials: {error}", sent=False)
    return GeminiError(f"asking Gemini failed: {type(error).__name__}: {error}")


def _unanswered(error: httpx.TransportError) -> bool:
    """Whether it was not connected, or cut before an answer began."""
    return isinstance(
        error, (httpx.ConnectError, httpx.ReadError, httpx.WriteError, httpx.RemoteProtocolError)
    )


def _status(error: Any) -> GeminiError:
    return GeminiError(
        f"Gemini answered {error.code} {error.status or ''}: {error.message or 'no reason given'}",
        may_pass=error.code in _MAY_PASS,
        retry_after=_wait(error) if error.code in _MAY_PASS else 0.0,
        # Google charges for no answer but one with the status 200.
        usage=Usage(),
    )


def _wait(error: Any) -> float:
    """By its header, else by the details of Google's errors: how long a quota is used up stands only there."""
    header = retry_after(error, datetime.now(timezone.utc)) or 0.0
    said = error.details.get("error", error.details) if isinstance(error.details, dict) else {}
    details = said.get("details") if isinstance(said, dict) else None
    delays = [
        detail.get("retryDelay")
        for detail in details or ()
        if isinstance(detail, dict) and detail.get("@type") == _RETRY_INFO
    ]
    return min(max(header, *map(_delay, delays), 0.0), _LONGEST_WAIT)


def _delay(value: object) -> float:
    found = _DURATION.fullmatch(value) if isinstance(value, str) else None
    return float(found[1]) if found else 0.0


def _name(value: Any) -> str:
    return str(getattr(value, "name", value))
