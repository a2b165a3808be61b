"""Gemini, asked one question with one answer, by Google's own client: no tools, no chat, nothing kept there."""

from __future__ import annotations

import gc
import importlib
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import httpx
from tenacity import RetryCallState, Retrying, retry_if_exception, wait_random_exponential

from rca_plugin.core.model_request import ModelRequest
from rca_plugin.worker.integrations.gemini_access import GeminiAccess
from rca_plugin.worker.integrations.gemini_answer import GeminiError, ModelAnswer, answer_of, refusal
from rca_plugin.worker.integrations.model_body import PLAIN, bounded

_TRIES = 4
_PAUSE = wait_random_exponential(multiplier=1, max=8)
_LEAST_SECONDS = 0.05


@dataclass(frozen=True)
class Gemini:
    """A way to Gemini. Making one asks nothing."""

    access: GeminiAccess

    @classmethod
    def connect(cls, conn_id: str) -> Gemini | None:
        """By an Airflow connection, wherever that is kept; None where there is none of this name.

        Raises ConfigError for one that cannot be used.
        """
        from airflow.sdk.bases.hook import BaseHook
        from airflow.sdk.exceptions import AirflowNotFoundException

        try:
            connection = BaseHook.get_connection(conn_id)
        except AirflowNotFoundException:
            return None
        return cls(GeminiAccess.of(connection))

    def ask(
        self, request: ModelRequest, seconds: float, sending: Callable[[], None] = lambda: None
    ) -> ModelAnswer:
        """Ask, again only where that costs nothing twice, for at most about this many seconds.

        `sending` is called when all is ready. Raises GeminiError when there is no answer that can be used.
        """
        began = time.monotonic()
        deadline = began + seconds
        with _translated(), self._client() as client:
            sending()
            response = _patiently(lambda: _once(client, request, deadline - time.monotonic()), deadline)
        return answer_of(response, time.monotonic() - began)

    def prepare(self) -> None:
        """Begin to load the library, which takes a quarter of a second, while there is something else to wait for."""
        threading.Thread(target=_loaded, name="rca-loads-gemini", daemon=True).start()

    @contextmanager
    def _client(self) -> Iterator[Any]:
        genai = _google_genai()
        # Both clients are given, and what websockets would need, or google-genai 3.4 reads the certificates for each.
        # Redirects are not followed: a gateway that moves the question on moves the key with it.
        trusted = httpx.create_ssl_context()
        web = httpx.Client(
            event_hooks={"response": [bounded]}, headers=PLAIN, follow_redirects=False, verify=trusted
        )
        with web:
            yield genai.Client(
                **self.access.client_arguments(),
                http_options=genai.types.HttpOptions(
                    base_url=self.access.base_url,
                    api_version=self.access.api_version,
                    httpx_client=web,
                    httpx_async_client=httpx.AsyncClient(verify=trusted),
                    async_client_args={"ssl": trusted},
                ),
            )


@contextmanager
def _translated() -> Iterator[None]:
    """What goes wrong before anything is sent: no library, or credentials that cannot be used."""
    try:
        yield
    except GeminiError:
        raise
    except Exception as error:
        problem = f"Gemini could not be asked: {type(error).__name__}: {error}"
        raise GeminiError(problem, sent=False) from None


def _loaded() -> None:
    # Whoever asks imports it again, and says what is wrong.
    with suppress(Exception):
        _google_genai()


def _google_genai() -> Any:
    """The library, whose classes are half a million objects: collecting garbage while they come finds none, and doubles
    the time of the import; looking through them again and again later costs as much.
    """
    if "google.genai" in sys.modules:
        return importlib.import_module("google.genai")
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        genai = importlib.import_module("google.genai")
        gc.freeze()
    finally:
        if was_enabled:
            gc.enable()
    return genai


def _once(client: Any, request: ModelRequest, seconds: float) -> Any:
    from google.genai import types

    left = max(_LEAST_SECONDS, seconds)
    return client.models.generate_content(
        model=request.model,
        contents=request.text,
        config=types.GenerateContentConfig(
            system_instruction=request.system,
            response_mime_type="application/json",
            response_json_schema=dict(request.schema),
            max_output_tokens=request.output_tokens,
            temperature=0,
            candidate_count=1,
            # Left alone, google-genai 3.4 asks on when an answer reaches its limit, and each time is paid for.
            automatic_continuation=False,
            automatic_function_calling=types.AutomaticFunctionCallingConfig(disable=True),
            http_options=types.HttpOptions(timeout=int(left * 1000)),
        ),
    )


def _patiently(question: Callable[[], Any], deadline: float) -> Any:
    """Ask until there is an answer, an error that stays, or no time for another try. Raises GeminiError."""

    def enough(state: RetryCallState) -> bool:
        return state.attempt_number >= _TRIES or time.monotonic() + state.upcoming_sleep >= deadline

    def attempt() -> Any:
        try:
            return question()
        except Exception as error:
            # From None: the errors of google-genai hold the request, with the key in its headers.
            raise refusal(error) from None

    trying = Retrying(retry=retry_if_exception(_may_pass), wait=_pause, stop=enough, reraise=True)
    return trying(attempt)


def _may_pass(error: BaseException) -> bool:
    return isinstance(error, GeminiError) and error.may_pass


def _pause(state: RetryCallState) -> float:
    """As long as Gemini wants to be left alone, else a little longer each time."""
    error = state.outcome.exception() if state.outcome else None
    return max(_PAUSE(state), error.retry_after if isinstance(error, GeminiError) else 0.0)
