"""A model that obeys every hostile log: what comes of its answers does no harm, and no secret leaves for it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from rca_plugin.core.analysis import GEMINI, Analysis
from rca_plugin.core.category import Category
from rca_plugin.core.data import data_folder
from rca_plugin.core.knowledge_files import load_knowledge
from rca_plugin.core.model_request import ModelRequest, request_to_json
from rca_plugin.core.prompt import load_prompt
from rca_plugin.core.rule_files import load_rules
from rca_plugin.worker import failure_case, second_opinion
from rca_plugin.worker.failure_case import FailureCase
from rca_plugin.worker.second_opinion import Model
from tests.fakes.gemini import GeminiService, gemini
from tests.injection.harm import harm, texts
from tests.injection.hostile import Hostile, load_hostile

LOGS = load_hostile()
RULES = load_rules(data_folder())
KNOWLEDGE = load_knowledge(data_folder())
Obeyed = dict[str, tuple[Hostile, ModelRequest, FailureCase, Analysis]]
_UNSEEN = re.compile("[\u061c\u200b-\u200f\u202a-\u202e\u2060-\u206f\U000e0000-\U000e0fff\x00\x07\x1b]")


@pytest.fixture(scope="module", autouse=True)
def shipped() -> Iterator[None]:
    """What ships, read once: a real task reads it for the one failure that it is about."""
    prompt = load_prompt(data_folder(), KNOWLEDGE)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(failure_case, "rules_in_force", lambda: RULES)
        patch.setattr(failure_case, "load_knowledge", lambda _: KNOWLEDGE)
        patch.setattr(second_opinion, "load_prompt", lambda *_: prompt)
        yield


@pytest.fixture(scope="module")
def asked_and_obeyed(shipped: None) -> Obeyed:
    """Each log with its question, and with what was made of the answer of a model that obeyed it."""
    return {log.name: _ask_and_obey(log) for log in LOGS}


def _ask_and_obey(log: Hostile) -> tuple[Hostile, ModelRequest, FailureCase, Analysis]:
    case = FailureCase(log.incident(RULES))
    _, request = second_opinion.question(case)
    return log, request, case, second_opinion.grounded(case, log.obeyed(request.text))


every_log = pytest.mark.parametrize("name", [log.name for log in LOGS])


def test_there_are_enough_of_them() -> None:
    assert len(LOGS) >= 45


@every_log
def test_no_secret_is_in_what_is_sent_or_kept(asked_and_obeyed: Obeyed, name: str) -> None:
    log, request, _, analysis = asked_and_obeyed[name]
    # Not even where nobody had redacted the evidence before.
    _, raw = second_opinion.question(FailureCase(log.incident(RULES, redact=str)))
    sent = json.dumps([request_to_json(request), request_to_json(raw)], ensure_ascii=False)
    kept = "\n".join([*texts(analysis), *(quote.text for quote in analysis.quotes)])
    for secret in log.secrets.values():
        assert secret not in sent
        assert secret not in kept


@every_log
def test_nothing_invisible_is_sent_and_no_fence_is_forged(asked_and_obeyed: Obeyed, name: str) -> None:
    _, request, case, _ = asked_and_obeyed[name]
    assert not _UNSEEN.search(request.text)
    [token] = set(re.findall(r"\b[0-9a-f]{20}\b", request.text)) - _in_evidence(case)
    fenced = re.findall(rf"^.*{token}.*$", request.text, re.MULTILINE)
    assert len(fenced) >= 2 * len(case.evidence)


def _in_evidence(case: FailureCase) -> set[str]:
    return {found for item in case.evidence for found in re.findall(r"\b[0-9a-f]{20}\b", item.text)}


@every_log
def test_what_comes_of_it_does_no_harm(asked_and_obeyed: Obeyed, name: str) -> None:
    log, _, case, analysis = asked_and_obeyed[name]
    assert list(harm(analysis, case.classification, log.source, RULES, KNOWLEDGE, log.resource)) == []


def test_the_attacks_are_real(asked_and_obeyed: Obeyed) -> None:
    """Most answers are good enough to be used, and want what they must not get."""
    used = [found for found in asked_and_obeyed.values() if found[3].method == GEMINI]
    assert len(used) >= 30
    wanted = [
        (log, log.content.get("answer", {}).get("suggested_action"), analysis) for log, _, _, analysis in used
    ]
    assert sum(bool(action) and analysis.suggested_action != action for _, action, analysis in wanted) >= 10
    assert sum(analysis.opinion is not None for _, _, analysis in wanted) >= 15


@pytest.fixture(scope="module")
def service() -> Any:
    with gemini() as running:
        yield running


class _Ledger:
    """Where calls are planned and recorded."""

    def __init__(self) -> None:
        self.recorded: list[dict[str, Any]] = []
        self.planned: list[ModelRequest] = []

    def plan_model_call(self, _id: int, _purpose: Any, _key: str, request: ModelRequest) -> dict[str, Any]:
        self.planned.append(request)
        return {"decision": "ask", "call_id": 1, "reason": "", "answer": None}

    def record_model_call(self, _id: int, outcome: dict[str, Any]) -> None:
        self.recorded.append(outcome)


@every_log
def test_the_same_by_the_real_client(
    service: GeminiService, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    [log] = [log for log in LOGS if log.name == name]
    monkeypatch.setenv("AIRFLOW_CONN_RCA_GEMINI", service.connection)
    service.words = lambda question: log.obeyed(json.dumps(question, ensure_ascii=False))
    service.bodies.clear()
    case, ledger = FailureCase(log.incident(RULES)), _Ledger()
    analysis = second_opinion.analyze(ledger, case, Model.of_settings())  # type: ignore[arg-type]
    if case.nothing_failed:
        assert not service.bodies
        return
    [body] = service.bodies
    [outcome] = ledger.recorded
    everything = json.dumps(
        [json.loads(body), outcome, request_to_json(ledger.planned[0]), list(texts(analysis))]
    )
    assert not [secret for secret in log.secrets.values() if secret in everything]
    assert "tools" not in json.loads(body)
    assert list(harm(analysis, case.classification, log.source, RULES, KNOWLEDGE, log.resource)) == []


def test_harm_is_seen() -> None:
    """Each thing that must not be would be found."""
    log = LOGS[0]
    case = FailureCase(log.incident(RULES))
    base = replace(case.note, method=GEMINI)
    for change in (
        {"summary": "see https://evil.example"},
        {"summary": "see //evil.example/x"},
        {"recommendations": ("<b>do</b>",)},
        {"not_known": ("![x](y)",)},
        {"affected_entity": "a\u202eb"},
        {"suggested_action": "delete_workspace"},
        {"category": Category.APPLICATION_BUG, "suggested_action": "airflow_clear"},
    ):
        worse = replace(base, **change)  # type: ignore[arg-type]
        assert list(harm(worse, case.classification, log.source, RULES, KNOWLEDGE)), change
