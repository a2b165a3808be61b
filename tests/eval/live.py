"""Gemini's answers to the cases, asked for now and paid for: accuracy, groundedness, cost, latency, over some runs."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from math import isnan
from statistics import mean, stdev
from typing import Any

from rca_plugin.config import settings
from rca_plugin.core.analysis import GEMINI, Analysis
from rca_plugin.core.citation import Lines
from rca_plugin.core.draft import DraftError, read_draft
from rca_plugin.core.evidence import evidence_to_json
from rca_plugin.core.statements import sift
from rca_plugin.server.pricing import Tokens, UnknownPriceError, cost
from rca_plugin.worker.failure_case import FailureCase
from rca_plugin.worker.integrations.gemini import Gemini
from rca_plugin.worker.integrations.gemini_answer import GeminiError, Usage
from rca_plugin.worker.second_opinion import grounded, question
from tests.eval import table
from tests.eval.case import Case, Kind
from tests.eval.knowledge_base import KnowledgeBase
from tests.eval.score import Score, score

_LINE = "{:12} {:>5}" + " {:>15}" * 6


@dataclass(frozen=True)
class Answered:
    """What came of one question. `seconds` is None where nothing was asked, `made` and `kept` count statements."""

    score: Score
    used: bool
    problem: str = ""
    seconds: float | None = None
    dollars: float = 0.0
    made: int = 0
    kept: int = 0


def ask_gemini(cases: Sequence[Case], base: KnowledgeBase, runs: int, model: str | None) -> int:
    """Ask for every case, run after run, and print the scores. 2 when there is no way to Gemini."""
    gemini = Gemini.connect(settings().gemini_conn_id)
    if gemini is None:
        print(
            f"eval: no connection {settings().gemini_conn_id}; set AIRFLOW_CONN_RCA_GEMINI", file=sys.stderr
        )
        return 2
    name = model or settings().gemini_model
    answered = [[_ask(gemini, case, base, name) for case in cases] for _ in range(runs)]
    print(f"\nlive, {datetime.now(timezone.utc):%Y-%m-%d}, {name}, runs: {runs}; mean ± standard deviation")
    print(*_table(answered), sep="\n")
    print("grounded: the share of its statements that the evidence bears out, before the others are left out")
    problems = [f"  {a.score.case.name}: {a.problem}" for run in answered for a in run if a.problem]
    print(
        *(
            ["answers that were not used, the knowledge base's counted instead:", *problems]
            if problems
            else []
        ),
        sep="\n",
    )
    return 0


def _ask(gemini: Gemini, case: Case, base: KnowledgeBase, model: str) -> Answered:
    failure = _failure_case(case, base)
    if failure.nothing_failed:
        return Answered(score(case, failure.note), used=False)
    request = replace(question(failure)[1], model=model)
    try:
        answer = gemini.ask(request, settings().gemini_timeout)
    except GeminiError as error:
        return Answered(score(case, failure.note), False, str(error), dollars=_dollars(model, error.usage))
    analysis: Analysis = grounded(failure, answer.text)
    made, kept = _statements(failure, answer.text)
    return Answered(
        score(case, analysis), analysis.method == GEMINI, analysis.model_problem, answer.seconds,
        _dollars(model, answer.usage), made, kept,
    )  # fmt: skip


def _failure_case(case: Case, base: KnowledgeBase) -> FailureCase:
    found = base.note(case).classification
    incident: dict[str, Any] = {
        "id": 0,
        "fingerprint": case.name,
        "source": case.source.value,
        "resource": case.resource,
        "failures": [{"final": True, "code": case.code, "message": case.message, "detail": case.detail}],
        "evidence": [evidence_to_json(item) for item in case.evidence],
        "category": found.category.value,
        "severity": found.severity.value,
        "rule": found.rule,
        "confidence": found.confidence,
    }
    return FailureCase(incident)


def _statements(failure: FailureCase, answer: str) -> tuple[int, int]:
    """How many statements the model made, and how many the evidence bears out."""
    try:
        found = sift(read_draft(answer), Lines(failure.evidence))
    except DraftError:
        return 0, 0
    return found.made, found.kept


def _dollars(model: str, usage: Usage) -> float:
    tokens = Tokens(input=usage.input_tokens, cached=usage.cached_tokens, output=usage.output_tokens)
    try:
        return cost(model, tokens, datetime.now(timezone.utc)) / 1e6
    except UnknownPriceError:
        return float("nan")


def _table(runs: Sequence[Sequence[Answered]]) -> Iterator[str]:
    yield _LINE.format("kind", "cases", "category", "facts", "abstains", "grounded", "dollars", "seconds")
    for name in (*(kind.value for kind in Kind), "overall"):
        some = [[a for a in run if name in (a.score.case.kind.value, "overall")] for run in runs]
        columns = (_of(table.category), _of(table.facts), _of(table.abstention), _grounded, _spent, _seconds)
        yield _LINE.format(
            name, len(some[0]), *(_spread([column(run) for run in some]) for column in columns)
        )


def _of(share: Callable[[Sequence[Score]], float]) -> Callable[[Sequence[Answered]], float]:
    return lambda run: share([a.score for a in run])


def _grounded(run: Sequence[Answered]) -> float:
    made = sum(a.made for a in run)
    return sum(a.kept for a in run) / made if made else float("nan")


def _spent(run: Sequence[Answered]) -> float:
    return sum(a.dollars for a in run)


def _seconds(run: Sequence[Answered]) -> float:
    taken = [a.seconds for a in run if a.seconds is not None]
    return mean(taken) if taken else float("nan")


def _spread(values: Sequence[float]) -> str:
    if any(map(isnan, values)):
        return "-"
    return f"{mean(values):.3f} ± {stdev(values) if len(values) > 1 else 0:.3f}"
