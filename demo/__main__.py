"""`make demo`: a real Airflow in which real things go wrong, and what becomes of them.

With --once it runs through, checks that every incident is there with its category and analysis, and ends.
"""

from __future__ import annotations

import argparse
import shutil
import signal
import sys
import time
from typing import Any

import httpx

from demo import reports
from demo.expected import EXPECTED, RECOVERS
from demo.local_airflow import ADMIN, REPOSITORY, LocalAirflow
from demo.postgres import postgres
from demo.repair import let_repair
from demo.table import incident_table

HOME = REPOSITORY / ".demo" / "airflow"
STARTED = time.monotonic()


def say(text: str) -> None:
    """One line of progress, with the seconds since the start."""
    print(f"{time.monotonic() - STARTED:6.1f} s  {text}", flush=True)


def main() -> int:
    """Run the demo; 0 when every expected incident was there."""
    parser = argparse.ArgumentParser(prog="demo", description=__doc__)
    parser.add_argument("--once", action="store_true", help="check, print the table and end")
    once = parser.parse_args().once
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    shutil.rmtree(HOME.parent, ignore_errors=True)
    bundles = {"rca": REPOSITORY / "dags", "examples": REPOSITORY / "dags" / "examples"}
    with (
        postgres(HOME.parent / "postgres") as database,
        LocalAirflow(
            HOME, bundles, database=database, preferred_port=8080, options=reports.OPTIONS
        ) as airflow,
    ):
        try:
            return _demo(airflow, once=once)
        except KeyboardInterrupt:
            say("Ending Airflow")
            return 0
    return 0


def _demo(airflow: LocalAirflow, *, once: bool) -> int:
    _start(airflow)
    with airflow.client() as client:
        _fail(airflow, client)
        incidents = _wait_for_analyses(airflow, client)
        _wait_for_recovery(airflow, client)
        let_repair(airflow, client, say)
        incidents = _incidents(client)
    problems = [*_differences(incidents), *_differences_from_reports(incidents)]
    quiet = [incident for incident in incidents if incident["status"] == "suppressed"]
    print(f"\n{incident_table([incident for incident in incidents if incident not in quiet])}\n")
    print(f"{len(quiet)} more are kept quiet: each is recorded, and attached to what explains it.")
    print("Analyzed by the knowledge base that comes with the plugin: no account or key is needed.")
    print("No Jira, Slack or archive is connected: those steps were skipped, and say so in their logs.")
    for problem in problems:
        print(f"NOT AS EXPECTED: {problem}")
    if not once:
        _stay_up(airflow)
    return 1 if problems else 0


def _start(airflow: LocalAirflow) -> None:
    say(f"Creating the tables of Airflow and of the plugin in {airflow.home.relative_to(REPOSITORY)}")
    airflow.install()
    say(f"Starting Airflow at {airflow.url}: api-server, scheduler, dag-processor, triggerer")
    airflow.start("api-server", "scheduler", "dag-processor", "triggerer")
    airflow.wait_until_ready()


def _fail(airflow: LocalAirflow, client: httpx.Client) -> None:
    wanted = {"rca_incident", "rca_remediation", "rca_housekeeping", *EXPECTED, RECOVERS}
    airflow.wait_for("the DAGs", lambda: wanted <= _dag_ids(client))
    say("The first housekeeping run: from now on, what nobody reports is found")
    airflow.wait_for("the first housekeeping run", lambda: _runs(client, "rca_housekeeping"))
    for dag_id in sorted([*EXPECTED, RECOVERS]):
        client.post(f"/api/v2/dags/{dag_id}/dagRuns", json={"logical_date": None}).raise_for_status()
        say(f"Running {dag_id}: {_description(client, dag_id)}")
    say("A killed process reports nothing itself: housekeeping finds example_model_training within a minute")
    for told in reports.post_all(airflow.url):
        say(f"Webhook    {told}")


def _wait_for_recovery(airflow: LocalAirflow, client: httpx.Client) -> None:
    path = f"/api/v2/dags/{RECOVERS}/dagRuns/~/taskInstances"

    def succeeded() -> int:
        [ti] = client.get(path).json()["task_instances"]
        return int(ti["try_number"]) if ti["state"] == "success" else 0

    number = airflow.wait_for(f"the success of {RECOVERS}", succeeded)
    say(f"{RECOVERS} succeeded at try {number}: the log of the try before says why it was worth another one")


def _wait_for_analyses(airflow: LocalAirflow, client: httpx.Client) -> list[dict[str, Any]]:
    told: set[tuple[int, bool]] = set()

    def all_analyzed() -> list[dict[str, Any]]:
        incidents = _incidents(client)
        for incident in incidents:
            _tell(incident, told)
        analyzed = {i["resource"].partition("/")[0] for i in incidents if i["analysis"]}
        waiting = [i for i in incidents if i["status"] == "open" and not i["analysis"]]
        return incidents if analyzed >= set(EXPECTED) and not waiting else []

    found: list[dict[str, Any]] = airflow.wait_for("all analyses", all_analyzed, timeout=300, pause=1)
    return found


def _tell(incident: dict[str, Any], told: set[tuple[int, bool]]) -> None:
    step = (incident["id"], bool(incident["analysis"]))
    if step in told:
        return
    told.add(step)
    if incident["status"] == "suppressed":
        say(f"RCA-{incident['id']} quiet     {incident['resource']}: {incident['suppressed_why']}")
        return
    what = incident["analysis"]["root_cause"]["text"] if incident["analysis"] else incident["title"]
    say(
        f"RCA-{incident['id']} {'analyzed' if incident['analysis'] else 'opened  '}  {incident['resource']}: {what}"
    )


def _differences(incidents: list[dict[str, Any]]) -> list[str]:
    by_dag = {dag_id: [i for i in incidents if i["resource"].startswith(f"{dag_id}/")] for dag_id in EXPECTED}
    problems = [
        f"{dag_id}: {len(found)} incidents, not one" for dag_id, found in by_dag.items() if len(found) != 1
    ]
    problems += [f"{RECOVERS}: an incident" for i in incidents if i["resource"].startswith(f"{RECOVERS}/")]
    problems += [
        f"{dag_id}: {incident['category']}, not {EXPECTED[dag_id]}"
        for dag_id, found in by_dag.items()
        for incident in found
        if incident["category"] != EXPECTED[dag_id]
    ]
    return problems


def _differences_from_reports(incidents: list[dict[str, Any]]) -> list[str]:
    found = {i["resource"]: (i["category"], i["status"]) for i in incidents}
    problems = [
        f"{resource}: {found.get(resource)}, not {expected}"
        for resource, expected in reports.EXPECTED.items()
        if found.get(resource) != expected
    ]
    storms = [i["category"] for i in incidents if i["kind"] == "storm"]
    return problems + ([] if storms == [reports.STORM] else [f"storms of {storms}, not of {reports.STORM}"])


def _stay_up(airflow: LocalAirflow) -> None:
    print(f"\nOpen {airflow.url}/plugin/rca_incidents\n  user      {ADMIN}\n  password  {airflow.password}\n")
    print("Ctrl-C ends Airflow and everything it started.", flush=True)
    while True:
        time.sleep(3600)


def _dag_ids(client: httpx.Client) -> set[str]:
    return {dag["dag_id"] for dag in client.get("/api/v2/dags", params={"limit": 100}).json()["dags"]}


def _description(client: httpx.Client, dag_id: str) -> str:
    return str(client.get(f"/api/v2/dags/{dag_id}").json()["description"])


def _runs(client: httpx.Client, dag_id: str) -> list[dict[str, Any]]:
    runs = client.get(f"/api/v2/dags/{dag_id}/dagRuns").json()["dag_runs"]
    return [run for run in runs if run["start_date"]]


def _incidents(client: httpx.Client) -> list[dict[str, Any]]:
    page = client.get("/rca/api/v1/incidents", params={"limit": 200, "sort": "id", "descending": False})
    page.raise_for_status()
    return list(page.json()["incidents"])


if __name__ == "__main__":
    sys.exit(main())
