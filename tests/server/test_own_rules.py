"""A user's own rules, where the server classifies and where its failures are looked at again."""

from pathlib import Path

import pytest

from rca_plugin.cli import main
from rca_plugin.cli.rules import newest_failures
from rca_plugin.config import settings
from rca_plugin.server import triage
from tests.server.made import incident, store, task_failed
from tests.server.rows import a_failure_row, add, an_incident

RULES = "rules:\n  - {rule: ours.ledger, category: data_quality, phrases: [ledger does not balance]}\n"


def test_the_newest_failures_are_looked_at_and_no_more_than_asked(
    database: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    [number] = add(an_incident())
    add(*(a_failure_row(number, message=f"Ledger does not balance {n}", code=None) for n in range(5)))
    assert [symptom.message[-1] for symptom in newest_failures(3)] == ["4", "3", "2"]
    rules = tmp_path / "ours.yaml"
    rules.write_text(RULES)
    assert main(["rules", "test", str(rules), "--limit", "3"]) == 0
    assert capsys.readouterr().out.startswith("3 of 3 failures would be classified otherwise.\n")


def test_the_server_classifies_by_them(
    database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "ours.yaml").write_text(RULES)
    monkeypatch.setenv("AIRFLOW__RCA__RULES_FOLDER", str(tmp_path))
    settings.cache_clear()
    triage._rules.cache_clear()
    try:
        store(task_failed("orders", error="Ledger does not balance"))
        assert incident("orders/load").rule == "ours.ledger"
    finally:
        settings.cache_clear()
        triage._rules.cache_clear()
