"""From a failure to its analysis by a model: the steps of rca_incident, each as it runs in a task process, with our
real API on one side and Gemini, by its own client, on the other. Whatever goes wrong there, the analysis is stored,
says who wrote it and why, and no call is made without need.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from tenacity import wait_none

from rca_plugin.cli import main
from rca_plugin.worker.client import RcaClient
from rca_plugin.worker.integrations import gemini as client
from rca_plugin.worker.operators.incident import AnalyzeOperator, ClassifyOperator, CollectEvidenceOperator
from tests.core.drafts import claim, text_of
from tests.fakes.gemini import GeminiService, candidate, gemini, tokens
from tests.server.made import alerted, incident, store

# What differs between databases is shown where calls are planned and recorded.
pytestmark = pytest.mark.parametrize("metadata_database", ["sqlite"], indirect=True)
ERROR = "OperationalError: connection to server at db-1 port 5432 failed: Connection refused"


def words(**changes: Any) -> str:
    """A good answer about `ERROR`."""
    refused = claim("The database refused the connection.", ("E1", "Connection refused"))
    hypothesis = {**refused, "distinguish": "Nothing listens on the port."}
    said = {
        "summary": [refused],
        "root_cause": refused,
        "hypotheses": [hypothesis],
        "recommendations": [refused],
    }
    return text_of(**{**said, **changes})


@dataclass(frozen=True)
class Case:
    """One incident, and what is done with it."""

    number: int

    def step(self, kind: type[Any]) -> None:
        operator = kind(task_id=kind.__name__, incident_id=self.number)
        with operator._client:
            operator.execute({})

    def analyze(self) -> dict[str, Any]:
        """The analysis that is stored then."""
        self.step(AnalyzeOperator)
        return dict(self.incident()["analysis"])

    def incident(self) -> dict[str, Any]:
        with RcaClient("tests") as http:
            return http.incident(self.number)

    def calls(self) -> list[dict[str, Any]]:
        with RcaClient("tests") as http:
            return http.model_calls(self.number)


Reported = Callable[..., Case]


@pytest.fixture
def reported(
    database: str, api_url: str, options: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> Reported:
    """An incident with evidence and category, ready to be analyzed."""
    # Loaded before: what is asked within a second or two has no time for that.
    client._google_genai()
    monkeypatch.setattr(client, "_PAUSE", wait_none())
    monkeypatch.delenv("AIRFLOW_CONN_RCA_GEMINI", raising=False)
    numbers = itertools.count(1)

    def report(service: GeminiService | None, message: str = ERROR, **more: Any) -> Case:
        options(api_url=api_url, service_secret="the secret of these tests", storm_threshold=0, **more)
        if service:
            monkeypatch.setenv("AIRFLOW_CONN_RCA_GEMINI", service.connection)
        name = f"e{next(numbers)}"
        store(alerted(f"orders/{name}", name, error=message))
        case = Case(incident(f"orders/{name}").id)
        case.step(CollectEvidenceOperator)
        case.step(ClassifyOperator)
        return case

    return report


@pytest.mark.parametrize(
    "around", ["{}", "```json\n{}\n```", "Here it is:\n\n```\n{}\n```\nI hope it helps."]
)
def test_a_good_answer_is_the_analysis(reported: Reported, around: str) -> None:
    with gemini(around.replace("{}", words())) as service:
        case = reported(service)
        analysis = case.analyze()
    assert (analysis["method"], analysis["model_problem"]) == ("gemini", "")
    assert analysis["root_cause"] == {"text": "The database refused the connection.", "evidence": ["E1"]}
    [call] = case.calls()
    assert call["state"] == "answered"
    assert (call["input_tokens"], call["output_tokens"]) == (3000, 512)
    assert call["cost"] > 0
    assert call["prompt"].startswith("root_cause 1 (")
    with RcaClient("tests") as http:
        stored = http.model_call(case.number, call["id"])
    [asked] = service.asked
    assert stored["request"]["text"] == asked["contents"][0]["parts"][0]["text"]
    assert stored["request"]["schema"] == asked["generationConfig"]["responseJsonSchema"]


NOWHERE = claim("The disk is full.", ("E99", "No space left on device"))
INVENTED = claim("The disk is full.", ("E1", "No space left on device"))
BAD_WORDS = {
    "truncated JSON": words()[:-200],
    "no JSON": "I cannot help with that.",
    "wrong enum": words(category="gremlins"),
    "evidence that does not exist": words(root_cause=NOWHERE, summary=[NOWHERE]),
    "words that are not there": words(root_cause=INVENTED, summary=[INVENTED]),
    "not enough evidence": words(enough_evidence=False),
    "a list": "[1, 2]",
}


@pytest.mark.parametrize("kind", BAD_WORDS)
def test_an_answer_that_cannot_be_used_is_paid_for_once(reported: Reported, kind: str) -> None:
    with gemini(BAD_WORDS[kind]) as service:
        case = reported(service)
        analysis = case.analyze()
    _is_honest(analysis, "Gemini's answer was not used: ")
    assert len(service.bodies) == 1
    [call] = case.calls()
    assert call["cost"] > 0


NO_ANSWERS = {
    "empty": ({"candidates": [candidate("")]}, "is empty"),
    "no candidate": ({"candidates": []}, "no answer"),
    "safety block": ({"promptFeedback": {"blockReason": "SAFETY"}}, "SAFETY"),
    "safety stop": ({"candidates": [candidate("", "SAFETY")]}, "SAFETY"),
    "too long": ({"candidates": [candidate(words()[:300], "MAX_TOKENS")]}, "gemini_output_tokens"),
    "1 MB": ({"candidates": [candidate("x" * 1_000_000)]}, "1,000,000 characters"),
}


@pytest.mark.parametrize("kind", NO_ANSWERS)
def test_no_answer_is_said_to_be_none(reported: Reported, kind: str) -> None:
    response, problem = NO_ANSWERS[kind]
    with gemini(response={**response, "usageMetadata": tokens()}) as service:
        case = reported(service)
        _is_honest(case.analyze(), problem)
    assert len(service.bodies) == 1
    [call] = case.calls()
    assert (call["state"], call["input_tokens"]) == ("failed", 3000)
    assert call["cost"] > 0


TROUBLES: dict[str, tuple[list[Any], int, str]] = {
    "500 thrice": ([500, 500, 500, None], 4, ""),
    "500 for ever": ([500], 4, "Gemini answered 500"),
    "reset once": (["reset", None], 2, ""),
    "reset for ever": (["reset"], 4, "could not be reached"),
    "429 with a short wait": ([(429, "1"), None], 2, ""),
    "429 with a long wait": ([(429, "900"), None], 1, "Gemini answered 429"),
    "silence": (["stall"], 1, "did not answer"),
    "a trickle": (["trickle"], 1, "[rca] gemini_timeout"),
    "half of the body": (["truncated"], 1, "cannot be used"),
    "no JSON around it": (["invalid"], 1, "JSON"),
    "something else": (["wrong"], 1, "Gemini"),
    "403": ([403], 1, "Gemini answered 403"),
    "404": ([404], 1, "Gemini answered 404"),
}


@pytest.mark.parametrize("kind", TROUBLES)
def test_trouble_ends_in_an_analysis(reported: Reported, kind: str) -> None:
    troubles, calls, problem = TROUBLES[kind]
    with gemini(words(), *troubles) as service:
        case = reported(service, gemini_timeout=2 if kind in ("silence", "a trickle") else 60)
        analysis = case.analyze()
        assert len(service.bodies) == calls
    if problem:
        _is_honest(analysis, problem)
    else:
        assert (analysis["method"], analysis["model_problem"]) == ("gemini", "")
    assert len(case.calls()) == 1


def _is_honest(analysis: dict[str, Any], problem: str) -> None:
    assert analysis["method"] == "knowledge_base"
    assert problem in analysis["model_problem"]
    assert analysis["category"] == "connection_error"


def test_what_wants_to_be_left_alone_is_not_asked_about_the_next_incident(reported: Reported) -> None:
    with gemini(words(), (429, "900")) as service:
        reported(service).analyze()
        _is_honest(reported(service).analyze(), "Gemini asked to wait until ")
    assert len(service.bodies) == 1


def test_a_task_that_runs_again_finds_the_answer(reported: Reported) -> None:
    with gemini(words()) as service:
        case = reported(service)
        assert case.analyze() == case.analyze()
    assert len(service.bodies) == 1
    assert [call["state"] for call in case.calls()] == ["reused", "answered"]


def test_what_nobody_answered_counts_as_spent(reported: Reported) -> None:
    with gemini(words(), "stall") as service:
        case = reported(service, gemini_timeout=1)
        case.analyze()
    [call] = case.calls()
    assert call["cost"] == call["reserved"] > 0


def test_nobody_there_costs_nothing(reported: Reported) -> None:
    with gemini(words()) as service:
        case = reported(service)
    _is_honest(case.analyze(), "could not be reached")
    [call] = case.calls()
    assert (call["state"], call["cost"]) == ("not_sent", 0)


def test_without_a_connection_nothing_is_said_of_a_model(reported: Reported) -> None:
    case = reported(None)
    analysis = case.analyze()
    assert (analysis["method"], analysis["model_problem"]) == ("knowledge_base", "")
    assert case.calls() == []


def test_a_connection_that_cannot_be_used_is_named(
    reported: Reported, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_RCA_GEMINI", "generic://:key@gateway.internal:80/http")
    _is_honest(reported(None).analyze(), "connection rca_gemini: its host must be reached by https")


def test_where_nothing_failed_nobody_is_asked(reported: Reported) -> None:
    with gemini(words()) as service:
        case = reported(service, message="The cluster ended with JOB_FINISHED")
        analysis = case.analyze()
    assert (analysis["method"], analysis["model_problem"]) == ("knowledge_base", "")
    assert service.bodies == []


def test_a_replay_asks_the_same_again_and_says_which_is_which(
    reported: Reported, capsys: pytest.CaptureFixture[str]
) -> None:
    with gemini(words()) as service:
        case = reported(service)
        case.analyze()
        other = claim("Nothing listens on that port.", ("E1", "Connection refused"))
        service.words = words(root_cause=other)
        assert main(["replay", f"RCA-{case.number}"]) == 0
    first, second = service.bodies
    assert first == second
    said = capsys.readouterr().out
    assert "recorded " in said
    assert "live " in said
    assert "The database refused the connection." in said
    assert "Nothing listens on that port." in said
    assert "3,000 tokens in, 512 out" in said
    assert [call["purpose"] for call in case.calls()] == ["replay", "analysis"]
    # The incident keeps its analysis.
    analysis = case.incident()["analysis"]
    assert analysis["root_cause"]["text"] == "The database refused the connection."


def test_a_replay_by_another_model_asks_that_one(
    reported: Reported, capsys: pytest.CaptureFixture[str]
) -> None:
    with gemini(words()) as service:
        case = reported(service)
        case.analyze()
        assert main(["replay", f"RCA-{case.number}", "--model", "gemini-2.5-pro"]) == 0
    assert [call["model"] for call in case.calls()] == ["gemini-2.5-pro", "gemini-2.5-flash"]
    assert "gemini-2.5-pro" in capsys.readouterr().out


def test_a_replay_without_a_model_asks_the_knowledge_base(
    reported: Reported, capsys: pytest.CaptureFixture[str]
) -> None:
    case = reported(None)
    case.analyze()
    assert main(["replay", f"RCA-{case.number}"]) == 0
    said = capsys.readouterr().out
    assert "no model was asked" in said
    assert "the same" in said


@pytest.mark.parametrize("name", ["RCA-999999", "nonsense"])
def test_a_replay_of_nothing_says_so(
    reported: Reported, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    reported(None)
    assert main(["replay", name]) == 2
    assert name in capsys.readouterr().err
