"""What an analysis by Gemini takes, beside a task that does nothing in the same DAG run.

A real Airflow runs `rca_incident` for one incident after the other; Gemini is a local service that answers by its
protocol after `--thinks` seconds. Measured is how long Airflow says that each of the two tasks ran.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any

import httpx

from demo.local_airflow import LocalAirflow
from tests.core.drafts import claim, text_of
from tests.fakes.gemini import GeminiService, gemini

_SECRET = "only-for-this-benchmark"
_ERROR = "OperationalError: connection to server at db-1 port 5432 failed: Connection refused"
_DAG = "/api/v2/dags/rca_incident"
MOST_ABOVE = 1.5


def _words(_: dict[str, Any]) -> str:
    cited = claim("The database refused the connection.", ("E1", "Connection refused"))
    hypothesis = {**cited, "distinguish": "Nothing listens on the port."}
    return text_of(summary=[cited], root_cause=cited, hypotheses=[hypothesis], recommendations=[cited])


def _analyzed(airflow: LocalAirflow, http: httpx.Client, number: int) -> dict[str, float]:
    """One incident: the seconds that each task of its run took."""
    report = {"id": f"e{number}", "resource": f"orders/{number}", "message": _ERROR}
    answer = httpx.post(
        f"{airflow.url}/pluginsv2/rca/webhooks/generic",
        json=report,
        headers={"Authorization": f"Bearer {_SECRET}"},
        timeout=60,
    )
    incident_id = answer.raise_for_status().json()["results"][0]["incident_id"]

    def ended() -> Any:
        runs = http.get(f"{_DAG}/dagRuns", params={"order_by": "-id", "limit": 1}).json()["dag_runs"]
        ours = [run for run in runs if run["conf"]["incident_id"] == incident_id]
        return ours and ours[0]["state"] in ("success", "failed") and ours[0]

    run = airflow.wait_for("the run", ended, timeout=180)
    incident = http.get(f"/rca/api/v1/incidents/{incident_id}").json()
    if run["state"] != "success" or incident["analysis"]["method"] != "gemini":
        raise SystemExit(f"{run['state']}: {incident['analysis']}")
    tasks = http.get(f"{_DAG}/dagRuns/{run['dag_run_id']}/taskInstances").json()["task_instances"]
    return {task["task_id"]: task["duration"] for task in tasks}


def measure(service: GeminiService, incidents: int, home: Path) -> list[dict[str, float]]:
    """The seconds of each run, the first, which warms up, left out."""
    options = {
        "RCA__WEBHOOK_SECRET_GENERIC": _SECRET,
        "RCA__STORM_THRESHOLD": "0",
        # One task at a time: what is measured shares its processors with the scheduler only.
        "CORE__PARALLELISM": "1",
    }
    bundles = {"rca": Path(__file__).parent / "dags_analyze"}
    with LocalAirflow(home, bundles, options=options) as airflow:
        airflow.environment["AIRFLOW_CONN_RCA_GEMINI"] = service.connection
        airflow.install()
        airflow.start("api-server", "dag-processor", "scheduler")
        airflow.wait_until_ready()
        with airflow.client() as http:
            airflow.wait_for("the DAG", lambda: http.get(_DAG).is_success)
            runs = []
            for number in range(incidents + 1):
                runs.append(_analyzed(airflow, http, number))
                print(number, {name: round(s, 2) for name, s in runs[-1].items()}, file=sys.stderr)
            return runs[1:]


def main() -> int:
    """Print the medians and their difference, and everything as one line of JSON; 1 when it is too much."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--incidents", type=int, default=7)
    parser.add_argument("--thinks", type=float, default=1.0, help="seconds until Gemini answers")
    arguments = parser.parse_args()
    with gemini(_words, seconds=arguments.thinks) as service, tempfile.TemporaryDirectory() as folder:
        runs = measure(service, arguments.incidents, Path(folder) / "airflow")
    above = [run["analyze"] - run["nothing"] for run in runs]
    found = {
        "nothing_s": round(statistics.median(run["nothing"] for run in runs), 3),
        "analyze_s": round(statistics.median(run["analyze"] for run in runs), 3),
        "above_s": round(statistics.median(above), 3),
        "above_min_s": round(min(above), 3),
        "above_max_s": round(max(above), 3),
        "runs": len(runs),
        "calls": len(service.bodies),
    }
    for name, value in found.items():
        print(f"{name:<12} {value}")
    print(json.dumps(found))
    return 0 if found["above_s"] <= MOST_ABOVE else 1


if __name__ == "__main__":
    raise SystemExit(main())
