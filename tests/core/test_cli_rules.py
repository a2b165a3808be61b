import json
from pathlib import Path

import pytest

from rca_plugin.cli import main
from rca_plugin.config import settings

RULES = """rules:
  - {rule: ours.ledger, category: data_quality, phrases: ["ledger does not balance"]}
  - {rule: ours.silent, category: dns, phrases: ["nobody ever says this"]}
  - {rule: airflow.sensor_timeout, category: missing_data, exceptions: [AirflowSensorTimeout]}
"""
FAILURES = [
    "The ledger does not balance",
    "Again the ledger does not balance",
    "airflow.exceptions.AirflowSensorTimeout: Sensor has timed out",
    "ConnectionRefusedError: [Errno 111] Connection refused",
]


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    file = tmp_path / "ours.yaml"
    file.write_text(RULES)
    return file


@pytest.fixture
def failures(tmp_path: Path) -> Path:
    file = tmp_path / "failures.jsonl"
    rows = [{"id": n, "source": "airflow", "code": None, "message": m} for n, m in enumerate(FAILURES)]
    file.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    return file


def test_shows_what_would_have_changed_with_counts_and_examples(
    rules: Path, failures: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["rules", "test", str(rules), "--jsonl", str(failures)]) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[0] == "3 of 4 failures would be classified otherwise."
    assert said[1] == "      2  unknown → data_quality  by ours.ledger, as in: The ledger does not balance"
    assert "sensor_timeout (remediable) → missing_data  by airflow.sensor_timeout" in said[2]
    assert said[3] == "Never matched: ours.silent"


def test_rules_that_change_nothing_say_so(
    tmp_path: Path, failures: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "same.yaml"
    file.write_text(
        "rules:\n  - {rule: ours.refused, category: connection_error, phrases: [connection refused]}\n"
    )
    assert main(["rules", "test", str(file), "--jsonl", str(failures)]) == 0
    assert capsys.readouterr().out == "0 of 4 failures would be classified otherwise.\n"


def test_the_rules_in_force_are_what_it_is_compared_with(
    rules: Path, failures: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AIRFLOW__RCA__RULES_FOLDER", str(rules.parent))
    settings.cache_clear()
    try:
        assert main(["rules", "test", str(rules), "--jsonl", str(failures)]) == 0
        assert main(["classify", "--jsonl", str(failures)]) == 0
    finally:
        settings.cache_clear()
    compared, *classified = capsys.readouterr().out.splitlines()
    assert compared == "0 of 4 failures would be classified otherwise."
    assert json.loads(classified[0])["rule"] == "ours.ledger"


def test_a_wrong_rule_is_named_and_nothing_is_shown(
    tmp_path: Path, failures: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text("rules:\n  - {rule: a, category: dnss, phrases: [x]}\n")
    for words in (["test", str(wrong), "--jsonl", str(failures)], ["check", str(wrong)]):
        assert main(["rules", *words]) == 2
        written = capsys.readouterr()
        assert written.out == ""
        assert "wrong.yaml:2: rule 'a': 'dnss' is not a category; did you mean 'dns'?" in written.err


def test_check_tells_what_is_added_and_what_is_replaced(
    rules: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["rules", "check", str(rules)]) == 0
    said = capsys.readouterr().out
    assert f"2 added by {rules}" in said
    assert "In the place of the plugin's: airflow.sensor_timeout" in said
    assert main(["rules", "check"]) == 0
    assert "[rca] rules_folder is not set" in capsys.readouterr().out


@pytest.mark.parametrize("limit", ["0", "-1", "1000000", "many"])
def test_how_much_it_looks_at_is_bounded(rules: Path, limit: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["rules", "test", str(rules), "--limit", limit])
    assert "--limit" in capsys.readouterr().err


def test_a_malformed_line_is_named_and_the_others_compared(
    rules: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "bad.jsonl"
    file.write_text('{\n{"source": "airflow", "message": "The ledger does not balance"}\n')
    assert main(["rules", "test", str(rules), "--jsonl", str(file)]) == 0
    written = capsys.readouterr()
    assert "line 1:" in written.err
    assert written.out.startswith("1 of 1 failures")
