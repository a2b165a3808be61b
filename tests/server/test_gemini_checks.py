"""What `rca doctor` says of Gemini."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from rca_plugin.cli.gemini_checks import gemini, gemini_connection
from tests.server.asked import asked, ended
from tests.server.rows import add, an_incident

pytestmark = pytest.mark.usefixtures("database")
Options = Callable[..., None]


def to_mend() -> str:
    return "\n".join(str(finding) for finding in gemini() if finding.fix)


def test_a_server_that_asked_nothing_is_fine() -> None:
    assert [str(finding) for finding in gemini()] == [
        "ok   gemini: $0.00 of $5.00 is used today (no connection needed here)"
    ]


def test_todays_spending_is_told() -> None:
    [made] = add(an_incident())
    ended(asked(made).call_id, input_tokens=2_000, output_tokens=1_000)
    assert "$0.0031 of $5.00 is used today" in str(next(gemini()))
    assert to_mend() == ""


def test_a_budget_that_stops_calls_is_to_be_mended(options: Options) -> None:
    options(gemini_daily_budget="0.001")
    [made] = add(an_incident())
    assert asked(made).decision == "refuse"
    assert "calls are stopped until 00:00 UTC; raise [rca] gemini_daily_budget" in to_mend()


def test_so_is_a_model_whose_price_nobody_knows(options: Options) -> None:
    options(gemini_model="no-such-model")
    assert "nobody knows the price of no-such-model\n     → set [rca] gemini_price" in to_mend()
    options(gemini_price="1, 2")
    assert to_mend() == ""


def test_until_when_gemini_wants_to_be_left_alone_is_told() -> None:
    [made] = add(an_incident())
    ended(asked(made).call_id, None, problem="429", retry_after=600)
    assert "asked to be left alone until" in to_mend()


def test_a_worker_without_the_connection_is_fine(options: Options, monkeypatch: pytest.MonkeyPatch) -> None:
    assert [str(each) for each in gemini_connection()] == [
        "ok   gemini connection: no connection rca_gemini: the knowledge base answers"
    ]
    monkeypatch.setenv("AIRFLOW_CONN_RCA_GEMINI", "generic://:key@/")
    assert [str(each) for each in gemini_connection()] == [
        "ok   gemini connection: connection rca_gemini is there, and google-genai is installed"
    ]
    monkeypatch.setitem(__import__("sys").modules, "google.genai", None)
    assert "google-genai is not installed" in str(next(gemini_connection()))
    options(gemini_conn_id="")
    assert "gemini_conn_id is empty" in str(next(gemini_connection()))
