"""Asking Gemini for every case, with the real client against a service that speaks its protocol."""

from __future__ import annotations

import re

import pytest

from rca_plugin.core.data import data_folder
from rca_plugin.core.prompt import load_prompt
from rca_plugin.worker import failure_case, second_opinion
from tests.core.drafts import claim, text_of
from tests.eval.case import Kind, load_cases
from tests.eval.knowledge_base import KnowledgeBase
from tests.eval.live import ask_gemini
from tests.fakes.gemini import gemini, tokens


def test_it_is_asked_in_every_run_and_the_spread_is_shown(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    base = KnowledgeBase()
    prompt = load_prompt(data_folder(), base.knowledge)
    monkeypatch.setattr(failure_case, "rules_in_force", lambda: base.rules)
    monkeypatch.setattr(failure_case, "load_knowledge", lambda _: base.knowledge)
    monkeypatch.setattr(second_opinion, "load_prompt", lambda *_: prompt)
    [case] = [case for case in load_cases() if case.name == "fault_airflow_keyerror"]
    [nothing] = [case for case in load_cases() if case.name == "no_fault_adf_succeeded"]
    good = claim("It needs discount_pct.", ("E1", "KeyError: 'discount_pct'"))
    made_up = claim("DAG version 14 broke it.", ("E9", "nothing of the kind"))
    words = text_of(
        summary=[good], root_cause=good, hypotheses=[{**good, "distinguish": ""}],
        recommendations=[made_up], category="application_bug", not_known=["What version 14 had."],
    )  # fmt: skip
    with gemini(words, usage=tokens(read=1_000_000, written=100_000, thought=0)) as service:
        monkeypatch.setenv("AIRFLOW_CONN_RCA_GEMINI", service.connection)
        assert ask_gemini([case, nothing], base, 2, "gemini-2.5-flash") == 0
        assert len(service.bodies) == 2
    shown = capsys.readouterr().out
    assert re.search(r"live, \d{4}-\d\d-\d\d, gemini-2.5-flash, runs: 2", shown)
    # 0.3 dollars for what was read, 0.25 for what was written; three of four statements are borne out.
    for kind in (Kind.FAULT.value, "overall"):
        line = next(line for line in shown.splitlines() if line.startswith(f"{kind} "))
        assert "1.000 ± 0.000" in line
        assert "0.750 ± 0.000" in line
        assert "0.550 ± 0.000" in line


def test_without_a_connection_it_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("AIRFLOW_CONN_RCA_GEMINI", raising=False)
    assert ask_gemini([], KnowledgeBase(), 1, None) == 2
    assert "AIRFLOW_CONN_RCA_GEMINI" in capsys.readouterr().err
