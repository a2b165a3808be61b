"""What the plugin costs a failing task.

Real runs of a real task in a real Airflow, with the plugin and without, in alternating blocks, so that a machine
that slows down slows both. Measured from the first to the last line that the task process logs: its start-up with the
import of the plugin, the failure, and the report of the listener.
"""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import httpx

from demo.local_airflow import REPOSITORY, LocalAirflow

DAG_ID = "bench_failing"
RUNS = 50
BLOCK = 10


def main() -> int:
    """Print both medians, their difference and their ratio."""
    with tempfile.TemporaryDirectory(prefix="rca-bench-") as folder:
        home = Path(folder)
        (home / "no-plugins").mkdir()
        bundles = {"bench": Path(__file__).parent / "dags"}
        with LocalAirflow(home / "airflow", bundles, options={"CORE__PARALLELISM": "1"}) as airflow:
            with_plugin, without = _measured(airflow, home / "no-plugins")
    print(f"{RUNS} failing runs each, life of the task process in seconds")
    print(f"  without the plugin  {_summary(without)}")
    print(f"  with the plugin     {_summary(with_plugin)}")
    cost = statistics.median(with_plugin) - statistics.median(without)
    ratio = statistics.median(with_plugin) / statistics.median(without)
    print(f"  median cost {1000 * cost:.0f} ms, ratio {ratio:.3f}")
    return 0


def _measured(airflow: LocalAirflow, no_plugins: Path) -> tuple[list[float], list[float]]:
    airflow.install()
    airflow.start("api-server", "dag-processor")
    airflow.wait_until_ready()
    seconds: dict[bool, list[float]] = {True: [], False: []}
    with airflow.client() as client:
        airflow.wait_for("the DAG", lambda: client.get(f"/api/v2/dags/{DAG_ID}").is_success)
        for number in range(2 * RUNS // BLOCK):
            enabled = number % 2 == 0
            # A task process takes the setting over from the scheduler that starts it.
            folder = REPOSITORY / "plugins" if enabled else no_plugins
            airflow.environment["AIRFLOW__CORE__PLUGINS_FOLDER"] = str(folder)
            seconds[enabled].extend(_block(airflow, client))
            print(f"block {number + 1} of {2 * RUNS // BLOCK}", file=sys.stderr, flush=True)
    return seconds[True], seconds[False]


def _block(airflow: LocalAirflow, client: httpx.Client) -> list[float]:
    airflow.start("scheduler")
    runs = [_start_run(client) for _ in range(BLOCK)]
    airflow.wait_for("the runs of a block", lambda: all(_failed(client, run) for run in runs), timeout=180)
    airflow.stop("scheduler")
    return [_life(airflow.home, run) for run in runs]


def _start_run(client: httpx.Client) -> str:
    answer = client.post(f"/api/v2/dags/{DAG_ID}/dagRuns", json={"logical_date": None})
    answer.raise_for_status()
    return str(answer.json()["dag_run_id"])


def _failed(client: httpx.Client, run_id: str) -> bool:
    return bool(client.get(f"/api/v2/dags/{DAG_ID}/dagRuns/{run_id}").json()["state"] == "failed")


def _life(home: Path, run_id: str) -> float:
    log = home / "logs" / f"dag_id={DAG_ID}" / f"run_id={run_id}" / "task_id=work" / "attempt=1.log"
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    first, last = (datetime.fromisoformat(lines[i]["timestamp"].replace("Z", "+00:00")) for i in (0, -1))
    return (last - first).total_seconds()


def _summary(seconds: Sequence[float]) -> str:
    return f"median {statistics.median(seconds):.3f}  min {min(seconds):.3f}  max {max(seconds):.3f}"


if __name__ == "__main__":
    sys.exit(main())
