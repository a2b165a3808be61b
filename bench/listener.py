"""What the listener costs a failing task.

Real runs of a real task in a real Airflow, with the listener and without, in alternating blocks, so that a machine
that slows down slows both. Measured is the life of the task's process, as Airflow's supervisor logs it.
"""

from __future__ import annotations

import re
import statistics
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import httpx

from demo.local_airflow import REPOSITORY, LocalAirflow

DAG_ID = "fails_by_fail_exception"
RUNS = 50
BLOCK = 10
# Airflow colors its log where it thinks of a terminal.
_FINISHED = re.compile(r"Task finished.*?duration=\S*?(\d+\.\d+)")


def main() -> int:
    """Print both medians and their ratio."""
    with tempfile.TemporaryDirectory(prefix="rca-bench-") as folder:
        bundles = {"failing": REPOSITORY / "tests" / "e2e" / "dags"}
        with LocalAirflow(Path(folder), bundles, options={"CORE__PARALLELISM": "1"}) as airflow:
            with_listener, without = _measured(airflow)
    print(f"{RUNS} failing runs each, life of the task process in seconds")
    print(f"  without listener  {_summary(without)}")
    print(f"  with listener     {_summary(with_listener)}")
    cost = statistics.median(with_listener) - statistics.median(without)
    ratio = statistics.median(with_listener) / statistics.median(without)
    print(f"  median cost       {1000 * cost:.0f} ms, ratio {ratio:.3f}")
    return 0


def _measured(airflow: LocalAirflow) -> tuple[list[float], list[float]]:
    airflow.migrate()
    airflow.create_admin()
    airflow.start("api-server", "dag-processor")
    airflow.wait_until_ready()
    seconds: dict[bool, list[float]] = {True: [], False: []}
    with airflow.client() as client:
        airflow.wait_for("the DAG", lambda: client.get(f"/api/v2/dags/{DAG_ID}").is_success)
        for block in range(2 * RUNS // BLOCK):
            enabled = block % 2 == 0
            seconds[enabled].extend(_block(airflow, client, enabled=enabled))
            print(f"block {block + 1} of {2 * RUNS // BLOCK}", file=sys.stderr, flush=True)
    return seconds[True], seconds[False]


def _block(airflow: LocalAirflow, client: httpx.Client, *, enabled: bool) -> list[float]:
    """Task processes take the option over from the scheduler that starts them."""
    airflow.environment["AIRFLOW__RCA__LISTENER_ENABLED"] = str(enabled)
    log = airflow.home / "scheduler.log"
    log.unlink(missing_ok=True)
    airflow.start("scheduler")
    for _ in range(BLOCK):
        client.post(f"/api/v2/dags/{DAG_ID}/dagRuns", json={"logical_date": None}).raise_for_status()

    def durations() -> Sequence[str]:
        found = _FINISHED.findall(log.read_text(errors="replace"))
        return found if len(found) == BLOCK else []

    found = airflow.wait_for("the runs of a block", durations, timeout=180)
    airflow.stop("scheduler")
    return [float(duration) for duration in found]


def _summary(seconds: Sequence[float]) -> str:
    return f"median {statistics.median(seconds):.3f}  min {min(seconds):.3f}  max {max(seconds):.3f}"


if __name__ == "__main__":
    sys.exit(main())
