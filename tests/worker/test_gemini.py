"""Gemini by Google's own client, over real sockets, whatever goes wrong there: asked again only where that helps, and
pays for nothing twice.
"""

from __future__ import annotations

import json
import logging
import re
from pathlib import Path
from typing import Any

import pytest
from tenacity import wait_none

from rca_plugin.config import ConfigError
from rca_plugin.core.draft import draft_schema
from rca_plugin.core.model_request import ModelRequest
from rca_plugin.worker.asking import Asking, Outcome
from rca_plugin.worker.integrations import gemini as client
from rca_plugin.worker.integrations.gemini import Gemini
from rca_plugin.worker.integrations.gemini_access import GeminiAccess
from rca_plugin.worker.integrations.gemini_answer import GeminiError
from tests.fakes.gemini import KEY, MODEL, GeminiService, candidate, gemini, tokens
from tests.worker.test_vendor_specs import check

REQUEST = ModelRequest(MODEL, "root_cause 1", "You find root causes.", "E1: refused", draft_schema(), 2048)
NAMED = "AIRFLOW_CONN_RCA_GEMINI"


@pytest.fixture(autouse=True, scope="module")
def loaded() -> None:
    """The library, which is loaded once: what is asked within a second has no time for that."""
    client._google_genai()


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "_PAUSE", wait_none())
    for name in ("GOOGLE_API_KEY", "GEMINI_API_KEY", "GOOGLE_CLOUD_PROJECT"):
        monkeypatch.delenv(name, raising=False)


def connected(service: GeminiService, **changes: Any) -> Gemini:
    access = {"base_url": service.url, "api_key": KEY, **changes}
    return Gemini(GeminiAccess(**access))


def outcome(service: GeminiService, seconds: float = 60.0, **changes: Any) -> Outcome:
    return Asking(connected(service, **changes), REQUEST, seconds).outcome()


def test_it_is_asked_for_one_json_answer_and_nothing_else(shared: Path) -> None:
    with gemini('{"a": 1}') as service:
        found = outcome(service)
    assert (found.answer, found.problem) == ('{"a": 1}', "")
    [asked] = service.asked
    assert asked == {
        "contents": [{"role": "user", "parts": [{"text": REQUEST.text}]}],
        "systemInstruction": {"role": "user", "parts": [{"text": REQUEST.system}]},
        "generationConfig": {
            "temperature": 0,
            "candidateCount": 1,
            "maxOutputTokens": 2048,
            "responseMimeType": "application/json",
            "responseJsonSchema": dict(REQUEST.schema),
        },
    }
    document = "gemini/generativelanguage.prism.json"
    # The path names the model.
    body = {"model": f"models/{MODEL}", **asked}
    check(shared, document, "#/components/schemas/GenerateContentRequest", body)
    check(
        shared,
        document,
        "#/components/schemas/GenerateContentResponse",
        service.answer(asked, MODEL),
    )


def test_tokens_are_counted_thoughts_included() -> None:
    with gemini("{}", usage=tokens(read=3000, written=400, thought=112, cached=1000)) as service:
        used = outcome(service).usage
    assert (used.input_tokens, used.cached_tokens, used.output_tokens, used.counted) == (
        3000,
        1000,
        512,
        True,
    )


def test_an_answer_without_its_tokens_is_not_taken_for_free() -> None:
    with gemini(response={"candidates": [candidate("{}")]}) as service:
        found = outcome(service)
    assert found.answer == "{}"
    assert not found.usage.counted


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_what_may_pass_is_asked_again(status: int) -> None:
    with gemini("{}", status, status, status, None) as service:
        assert outcome(service).answer == "{}"
    assert len(service.bodies) == 4


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_after_four_tries_it_is_left_alone(status: int) -> None:
    with gemini("{}", status) as service:
        found = outcome(service)
    assert f"Gemini answered {status}" in found.problem
    assert len(service.bodies) == 4
    assert found.usage.counted  # nobody is charged for an error


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409])
def test_what_stays_is_not_asked_again(status: int) -> None:
    with gemini("{}", status) as service:
        assert f"Gemini answered {status}" in outcome(service).problem
    assert len(service.bodies) == 1


@pytest.mark.parametrize(("said", "delay"), [("1", None), (None, "1.2s")])
def test_it_waits_as_long_as_it_is_told(said: str | None, delay: str | None) -> None:
    trouble = (429, said) if said else 429
    with gemini("{}", trouble, None, retry_delay=delay) as service:
        assert outcome(service).answer == "{}"
    assert service.pause_before("generateContent") >= 1


@pytest.mark.parametrize(
    ("said", "delay", "wait"), [("90", None, 90), (None, "98.5s", 98.5), ("5", "70s", 70)]
)
def test_told_to_wait_for_too_long_it_gives_up_at_once_and_says_how_long(
    said: str | None, delay: str | None, wait: float
) -> None:
    trouble = (429, said) if said else 429
    with gemini("{}", trouble, None, retry_delay=delay) as service:
        found = outcome(service)
    assert found.retry_after == wait
    assert len(service.bodies) == 1


def test_a_reset_is_asked_again_and_a_silence_is_not() -> None:
    with gemini("{}", "reset", None) as service:
        assert outcome(service).answer == "{}"
        assert len(service.bodies) == 2
    with gemini("{}", "stall") as service:
        found = outcome(service, seconds=1)
        assert len(service.bodies) == 1
    assert "did not answer" in found.problem
    assert not found.usage.counted  # it may have been written, and paid for


@pytest.mark.parametrize("trouble", ["truncated", "invalid"])
def test_an_answer_that_broke_off_is_not_asked_for_again(trouble: str) -> None:
    with gemini("{}", trouble) as service:
        found = outcome(service)
    assert found.answer is None
    assert not found.usage.counted
    assert len(service.bodies) == 1


def test_an_answer_that_never_ends_is_left_behind() -> None:
    with gemini("{}", "trickle") as service:
        found = outcome(service, seconds=1)
        assert "[rca] gemini_timeout" in found.problem
        assert len(service.bodies) == 1


def test_nobody_there_is_nothing_asked() -> None:
    found = Asking(Gemini(GeminiAccess("http://127.0.0.1:1/", KEY)), REQUEST, 60).outcome()
    assert "could not be reached" in found.problem
    assert not found.asked


@pytest.mark.parametrize(
    ("response", "problem"),
    [
        ({"promptFeedback": {"blockReason": "SAFETY"}}, "refused the question (SAFETY)"),
        ({"candidates": []}, "gave no answer"),
        ({"candidates": [candidate("", "SAFETY")]}, "broke its answer off (SAFETY)"),
        ({"candidates": [candidate('{"a": ', "MAX_TOKENS")]}, "[rca] gemini_output_tokens"),
        ({"candidates": [candidate("  ")]}, "is empty"),
        ({"candidates": [candidate("x" * 1_000_000)]}, "1,000,000 characters"),
    ],
)
def test_no_answer_that_can_be_used_says_why_and_what_was_paid(response: Any, problem: str) -> None:
    with gemini(response={**response, "usageMetadata": tokens(read=10, written=2, thought=1)}) as service:
        found = outcome(service)
    assert problem in found.problem
    assert (found.usage.input_tokens, found.usage.output_tokens) == (10, 3)
    assert found.answer is None
    assert len(service.bodies) == 1


def test_an_answer_that_would_go_on_is_not_paid_for_twice() -> None:
    going_on = {**candidate('{"a": ', "CONTINUATION"), "continuationToken": "AAAA"}
    response = {"candidates": [going_on], "continuationToken": "AAAA", "usageMetadata": tokens()}
    with gemini(response=response) as service:
        assert "CONTINUATION" in outcome(service).problem
    assert len(service.bodies) == 1


def test_a_body_without_end_is_cut_off() -> None:
    with gemini("x" * 6_000_000) as service:
        assert "longer than 4,194,304 bytes" in outcome(service).problem
    assert len(service.bodies) == 1


def test_the_key_is_in_no_log_and_no_error(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not even when a gateway repeats it."""
    caplog.set_level(logging.DEBUG)
    for trouble in (None, 401, 400, 429, "reset", "invalid"):
        with gemini("{}", trouble) as service:
            monkeypatch.setattr(service, "error", lambda status: {"error": {"message": f"bad key {KEY}"}})
            monkeypatch.setenv(NAMED, service.connection)
            way = Gemini.connect("rca_gemini")
            assert way is not None
            assert KEY not in Asking(way, REQUEST, 60).outcome().problem
            assert set(service.keys) == {KEY}
    assert KEY not in caplog.text


@pytest.mark.parametrize("host", ["http://gateway.internal", "http://10.0.0.1:8080", "ftp://x"])
def test_a_gateway_in_the_open_is_refused(host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(NAMED, json.dumps({"conn_type": "generic", "host": host, "password": KEY}))
    with pytest.raises(ConfigError, match=r"connection rca_gemini: .*https") as refused:
        Gemini.connect("rca_gemini")
    assert KEY not in str(refused.value)


@pytest.mark.parametrize(
    ("connection", "base_url"),
    [
        ({}, "https://generativelanguage.googleapis.com/"),
        ({"host": "gateway.internal"}, "https://gateway.internal/"),
        ({"host": "gateway.internal", "port": 8443}, "https://gateway.internal:8443/"),
        ({"host": "https://gateway.internal/gemini"}, "https://gateway.internal/gemini/"),
        ({"host": "localhost", "schema": "http", "port": 8080}, "http://localhost:8080/"),
    ],
)
def test_a_connection_says_where(
    connection: dict[str, Any], base_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(NAMED, json.dumps({"conn_type": "generic", "password": KEY, **connection}))
    found = Gemini.connect("rca_gemini")
    assert found is not None
    assert found.access.base_url == base_url
    assert KEY not in repr(found)


def test_without_a_connection_there_is_no_gemini(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(NAMED, raising=False)
    assert Gemini.connect("rca_gemini") is None


@pytest.mark.parametrize("extra", [{}, {"keyfile_dict": "{"}, {"project": "p", "keyfile_dict": "[1]"}])
def test_a_connection_that_cannot_be_used_says_what_is_missing(
    extra: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(NAMED, json.dumps({"conn_type": "generic", "extra": extra}))
    with pytest.raises(ConfigError, match="connection rca_gemini"):
        Gemini.connect("rca_gemini")


def test_vertex_ai_is_asked_with_a_token_of_google_cloud(monkeypatch: pytest.MonkeyPatch) -> None:
    from google.oauth2.credentials import Credentials

    monkeypatch.setattr(GeminiAccess, "_credentials", lambda self: Credentials(token=KEY))
    with gemini("{}") as service:
        found = outcome(service, api_key=None, project="harbor", location="europe-west1")
    assert found.answer == "{}"
    assert service.keys == [f"Bearer {KEY}"]


def test_a_key_file_that_is_none_asks_nothing() -> None:
    with gemini("{}") as service:
        keyfile = {"type": "service_account", "private_key": f"no key {KEY}", "client_email": "a@b"}
        found = outcome(service, api_key=None, project="harbor", keyfile=keyfile)
    assert re.search("Gemini could not be asked", found.problem)
    assert not found.asked
    assert KEY not in found.problem
    assert service.bodies == []


def test_the_exception_names_nothing_but_the_problem() -> None:
    with gemini("{}", 403) as service, pytest.raises(GeminiError) as refused:
        connected(service).ask(REQUEST, 60)
    assert refused.value.__cause__ is None
