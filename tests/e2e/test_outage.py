"""The API server is away while tasks fail: no task waits for long, and nothing is lost or doubled."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import Site

pytestmark = [pytest.mark.airflow, pytest.mark.timeout(1800)]

DAG_ID = "fails_on_a_signal"
BUDGET_SECONDS = 5.0
RUNS = 3


def test_failures_during_an_outage_are_found_afterwards(site: Site) -> None:
    airflow = site.airflow
    runs = [site.start_run(DAG_ID) for _ in range(RUNS)]
    site.wait_for("the running tasks", lambda: all(is_working(airflow.home, run) for run in runs))

    airflow.stop("api-server")
    (airflow.home / "fail_now").touch()
    airflow.wait_for("the failures", lambda: all(gave_up(airflow.home, run) for run in runs))
    airflow.start("api-server")
    airflow.wait_until_ready()

    for run in runs:
        assert seconds_kept_back(airflow.home, run) < BUDGET_SECONDS + 1
    site.wait_for("the end of the runs", lambda: all_failed(site, runs))
    site.wait_until_reconcilable()
    for _ in range(2):
        site.keep_house()
    [incident] = site.incidents(DAG_ID)
    assert incident["failure_count"] == RUNS
    failures = site.detail(incident)["failures"]
    assert sorted(f["run_id"] for f in failures) == sorted(runs)
    assert {f["message"] for f in failures} == {"OSError: the disk of the warehouse is gone"}


def events(home: Path, run_id: str) -> list[dict[str, Any]]:
    log = home / "logs" / f"dag_id={DAG_ID}" / f"run_id={run_id}" / "task_id=work" / "attempt=1.log"
    if not log.exists():
        return []
    return [json.loads(line) for line in log.read_text().splitlines() if line.startswith("{")]


def is_working(home: Path, run_id: str) -> bool:
    """The group of messages before the task's own code has ended."""
    return any(event["event"] == "::endgroup::" for event in events(home, run_id))


def gave_up(home: Path, run_id: str) -> bool:
    return any(event["event"].startswith("RCA: ") for event in events(home, run_id))


def seconds_kept_back(home: Path, run_id: str) -> float:
    """From right before the listener is called to what it says when it gives up.

    Not from the error on: between the two, Airflow 3.3 itself waits until the supervisor has told the API server, or
    has tried often enough, for up to some ten seconds.
    """
    found = events(home, run_id)
    called = next(event for event in found if event["event"] == "The listeners are next")
    given_up = next(event for event in found if event["event"].startswith("RCA: "))
    moments = [
        datetime.fromisoformat(event["timestamp"].replace("Z", "+00:00")) for event in (called, given_up)
    ]
    return (moments[1] - moments[0]).total_seconds()


def all_failed(site: Site, runs: list[str]) -> bool:
    return all(site.run_state(DAG_ID, run) == "failed" for run in runs)
