"""`rca remediate` and `rca backtest`, against the real API."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from rca_plugin.cli import main
from rca_plugin.server.models import Remediation
from tests.server.made import actions, stored
from tests.server.repair_runs import repair_dag, repair_run
from tests.server.repairing import orders, orders_failed, policy_file, stockout
from tests.server.rows import add, an_incident

Options = Callable[..., None]
Told = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def server(database: str, api_url: str, options: Options) -> None:
    """The API, and commands that know where it is."""
    options(api_url=api_url, service_secret="the secret of these tests", storm_threshold=0)
    repair_dag()


@pytest.fixture
def number() -> int:
    """An incident of a task that could be cleared."""
    orders()
    return orders_failed()


def test_a_dry_run_shows_what_would_be_asked_and_touched_and_keeps_nothing(number: int, capsys: Told) -> None:
    before = actions(number)
    assert main(["remediate", f"RCA-{number}", "--dry-run"]) == 0
    said = capsys.readouterr().out
    assert said.startswith(
        "Somebody would have to approve: run the failed tasks, and what depends on them, again"
    )
    assert re.search(r"It touches 2:\n  - .*load.*\n  - .*publish", said)
    assert "Mode approve, attempt 1 of 3" in said
    assert "waits  approval: 0 of 1 have agreed" in said
    assert "passes kill switch: " in said
    assert (stored(Remediation), actions(number)) == ([], before)


def test_without_it_the_repair_is_planned_once(number: int, capsys: Told) -> None:
    told = []
    for _ in range(2):
        assert main(["remediate", str(number)]) == 0
        told.append(capsys.readouterr().out)
    [row] = stored(Remediation)
    assert all(f"It is planned as repair {row.id}: see the page of the incident." in each for each in told)
    assert (row.state, row.incident_id) == ("waiting", number)
    assert repair_run(row.run_id) is not None


def test_what_a_guard_stops_is_told_with_an_exit_code(number: int, options: Options, capsys: Told) -> None:
    options(remediation="off")
    assert main(["remediate", f"rca-{number}"]) == 1
    said = capsys.readouterr().out
    assert said.startswith("It would be stopped: ")
    assert "stops  kill switch: " in said
    assert stored(Remediation) == []


@pytest.mark.parametrize("name", ["RCA-987654", "nonsense", "RCA-0", "-1"])
def test_an_incident_that_is_not_there_is_told(name: str, capsys: Told) -> None:
    with pytest.MonkeyPatch.context():
        try:
            assert main(["remediate", name]) == 2
        except SystemExit as error:
            assert error.code == 2  # argparse takes -1 for an option
    assert name in capsys.readouterr().err


def test_a_backtest_says_what_policy_would_have_decided_and_does_nothing(
    options: Options, tmp_path: Path, capsys: Told
) -> None:
    now = datetime.now(timezone.utc)
    recent = {"opened_at": now, "first_failure_at": now, "last_failure_at": now}
    options(remediation_file=policy_file(tmp_path, (
        "risks: {databricks_repair_run: low}\n"
        "modes:\n  - when: ['resource=\"w/jobs/2\"']\n    mode: auto\n"
        "limits: {per_resource: {running: 9, started: 99}}\ncooldown_minutes: 0\n"
    )))  # fmt: skip
    stockout(1, **recent, status="resolved")
    stockout(2, **recent)
    add(an_incident(category="application_bug", **recent), an_incident(opened_at=now - timedelta(days=31)))
    assert main(["backtest", "--since", "30d"]) == 0
    said = capsys.readouterr().out
    assert "Somebody would have to approve: run the failed tasks of the job run again (w/jobs/1)." in said
    assert "It would be done: run the failed tasks of the job run again (w/jobs/2)." in said
    assert "It would be stopped: " in said
    assert "3 incidents in the last 30 days, as the policy is now:" in said
    counted = [
        line.split() for line in said.splitlines() if line.startswith("   ") and len(line.split()) == 2
    ]
    assert counted == [["1", "ask"], ["1", "act"], ["1", "refuse"]]
    assert "Of the 2 that would have been repaired, once approved: 2 nobody tried again." in said
    assert stored(Remediation) == []
    assert main(["backtest", "--since", "30d", "--summary"]) == 0
    assert capsys.readouterr().out.startswith("3 incidents")


@pytest.mark.parametrize("since", ["30", "0d", "366d", "a week", ""])
def test_a_time_that_cannot_be_read_is_told(since: str, capsys: Told) -> None:
    with pytest.raises(SystemExit) as error:
        main(["backtest", "--since", since])
    assert error.value.code == 2
    assert "write 1d to 365d" in capsys.readouterr().err


def test_a_policy_that_cannot_be_read_is_told(options: Options, tmp_path: Path, capsys: Told) -> None:
    options(remediation_file=policy_file(tmp_path, "mode: aprove\n"))
    assert main(["backtest"]) == 2
    assert "remediation.yaml:1" in capsys.readouterr().err
