"""A Databricks workspace as far as somebody sees it who asks why a run failed, and runs it again: Jobs 2.2, Clusters
2.1 and Libraries 2.0.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from tests.fakes.trouble import Service, ServiceHandler, Trouble, running

TOKEN = "dapi-of-these-tests-1f"
WORKSPACE, JOB, RUN, TASK_RUN, CLUSTER = 4242424242, 700100200300, 900800600, 900800700, "0203-031500-harbor1"
STARTED, ENDED = 1_770_088_200_000, 1_770_088_500_000
RUN_URL = f"https://adb-{WORKSPACE}.2.azuredatabricks.net/?o={WORKSPACE}#job/{JOB}/run/{RUN}"
_PAGE = 100
_CODES = {401: "UNAUTHENTICATED", 403: "PERMISSION_DENIED", 404: "RESOURCE_DOES_NOT_EXIST", 500: "INTERNAL_ERROR",
          429: "REQUEST_LIMIT_EXCEEDED", 503: "TEMPORARILY_UNAVAILABLE"}  # fmt: skip


def state(result: str | None, message: str = "", life: str = "TERMINATED") -> dict[str, Any]:
    said = {"life_cycle_state": life, "state_message": message, "user_cancelled_or_timedout": False}
    return {**said, "result_state": result} if result else said


def task_run(key: str, run_id: int, result: str, message: str = "", **more: Any) -> dict[str, Any]:
    return {
        "run_id": run_id,
        "task_key": key,
        "state": state(result, message),
        "start_time": STARTED,
        "end_time": ENDED,
        "attempt_number": 0,
        **more,
    }


def job_run(*tasks: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A run that failed, of a job with those tasks."""
    return {
        "job_id": JOB,
        "run_id": RUN,
        "number_in_job": RUN,
        "original_attempt_run_id": RUN,
        "creator_user_name": "quay@example.com",
        "run_name": "harbor nightly",
        "run_page_url": RUN_URL,
        "run_type": "JOB_RUN",
        "state": state(
            "FAILED", "Task berth_plan failed with message: Workload failed, see run output for details."
        ),
        "start_time": STARTED,
        "end_time": ENDED,
        "setup_duration": 0,
        "execution_duration": 0,
        "trigger": "PERIODIC",
        "tasks": list(tasks),
        **more,
    }


def cluster(**more: Any) -> dict[str, Any]:
    """A job cluster that was shut down when its job was done."""
    return {
        "cluster_id": CLUSTER,
        "cluster_name": "job-harbor",
        "state": "TERMINATED",
        "state_message": "",
        "spark_version": "16.4.x-scala2.12",
        "node_type_id": "Standard_D8s_v5",
        "driver_node_type_id": "Standard_D8s_v5",
        "num_workers": 4,
        "azure_attributes": {"first_on_demand": 1, "availability": "SPOT_WITH_FALLBACK_AZURE"},
        "cluster_source": "JOB",
        "start_time": STARTED,
        "terminated_time": ENDED + 20_000,
        "termination_reason": {"code": "JOB_FINISHED", "type": "SUCCESS"},
        **more,
    }


@dataclass
class Workspace(Service):
    """Answers by id. `queries` are those of the calls, in their order."""

    runs: dict[int, dict[str, Any]] = field(default_factory=dict)
    outputs: dict[int, dict[str, Any]] = field(default_factory=dict)
    clusters: dict[str, dict[str, Any]] = field(default_factory=dict)
    events: list[dict[str, Any]] = field(default_factory=list)
    jobs: dict[int, dict[str, Any]] = field(default_factory=dict)
    libraries: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    begun: list[str] = field(default_factory=list)
    """What was begun, in its order: each run, repair and start of a cluster."""
    tokens: dict[str, int] = field(default_factory=dict)
    queries: list[dict[str, Any]] = field(default_factory=list)

    @property
    def connection(self) -> str:
        """How Airflow's connection to it is written in an environment variable."""
        where = {"host": "127.0.0.1", "port": self.port, "schema": "http", "password": TOKEN}
        return json.dumps({"conn_type": "databricks", **where})

    def error(self, status: int) -> Mapping[str, Any]:
        return {"error_code": _CODES.get(status, "UNKNOWN"), "message": f"told to answer {status}"}

    def run(self, query: Mapping[str, Any]) -> tuple[int, Any]:
        found = self.runs.get(int(query["run_id"]))
        if found is None:
            return _refused(f"Run {query['run_id']} does not exist.")
        if "include_history" not in query:
            found = {name: part for name, part in found.items() if name != "repair_history"}
        first = int(query.get("page_token") or 0)
        rest = {"next_page_token": str(first + _PAGE)} if len(found.get("tasks", ())) > first + _PAGE else {}
        return 200, {
            **found,
            **({"tasks": found["tasks"][first : first + _PAGE]} if "tasks" in found else {}),
            **rest,
        }

    def output(self, query: Mapping[str, Any]) -> tuple[int, Any]:
        run_id = int(query["run_id"])
        if len(self.runs.get(run_id, {}).get("tasks", ())) > 1:
            return _refused("Retrieving the output of runs with multiple tasks is not supported.")
        tasks = (task for run in self.runs.values() for task in [*run.get("tasks", ()), run])
        if run_id not in {task["run_id"] for task in tasks}:
            return _refused(f"Run {run_id} does not exist.")
        return 200, {"metadata": {"run_id": run_id}, **self.outputs.get(run_id, {})}

    def cluster(self, query: Mapping[str, Any]) -> tuple[int, Any]:
        found = self.clusters.get(query["cluster_id"])
        return (200, found) if found else _refused(f"Cluster {query['cluster_id']} does not exist")

    def repair(self, query: Mapping[str, Any]) -> tuple[int, Any]:
        run = self.runs.get(query["run_id"])
        if run is None:
            return _refused(f"Run {query['run_id']} does not exist.")
        history = run.setdefault("repair_history", [original(run)])
        latest = history[-1].get("id")
        if run["state"]["life_cycle_state"] != "TERMINATED":
            return _refused("The run is still active.")
        if query.get("latest_repair_id") != latest:
            return _refused(f"latest_repair_id: the latest repair is {latest}.")
        number = 5000 + len(history)
        history.append(
            {**original(run), "type": "REPAIR", "id": number, "state": state(None, life="RUNNING")}
        )
        history[-1].update(start_time=_now(), end_time=0)
        run["state"] = state(None, life="RUNNING")
        self.begun.append(f"repair {number}: {', '.join(query['rerun_tasks'])}")
        return 200, {"repair_id": number}

    def run_now(self, query: Mapping[str, Any]) -> tuple[int, Any]:
        if query["job_id"] != JOB:
            return _refused(f"Job {query['job_id']} does not exist.")
        token = query["idempotency_token"]
        if token not in self.tokens:
            self.tokens[token] = run_id = 777000 + len(self.tokens)
            self.runs[run_id] = job_run(run_id=run_id, state=state(None, life="RUNNING"), end_time=0)
            self.begun.append(f"run {run_id}")
        return 200, {"run_id": self.tokens[token], "number_in_job": self.tokens[token]}

    def finish(self, result: str, run_id: int = RUN) -> None:
        """End what runs there."""
        run = self.runs[run_id]
        run["state"] = state(result)
        if "repair_history" in run:
            run["repair_history"][-1].update(state=state(result), end_time=_now())

    def job(self, query: Mapping[str, Any]) -> tuple[int, Any]:
        found = self.jobs.get(int(query["job_id"]))
        return (200, found) if found else _refused(f"Job {query['job_id']} does not exist.")

    def update_job(self, query: Mapping[str, Any]) -> tuple[int, Any]:
        settings = self.jobs[query["job_id"]]["settings"]
        for part, key in (("job_clusters", "job_cluster_key"), ("tasks", "task_key")):
            for entry in query["new_settings"].get(part, ()):
                settings[part] = [entry if old[key] == entry[key] else old for old in settings[part]]
        return 200, {}

    def start_cluster(self, query: Mapping[str, Any]) -> tuple[int, Any]:
        found = self.clusters[query["cluster_id"]]
        if found["state"] != "TERMINATED":
            return _refused(f"Cluster {query['cluster_id']} is in unexpected state {found['state']}.")
        found.update(state="PENDING")
        self.begun.append(f"start on {found['node_type_id']}")
        return 200, {}

    def restart_cluster(self, query: Mapping[str, Any]) -> tuple[int, Any]:
        found = self.clusters[query["cluster_id"]]
        if found["state"] != "RUNNING":
            return _refused(f"Cluster {query['cluster_id']} is in unexpected state {found['state']}.")
        found.update(state="RESTARTING", last_restarted_time=_now())
        self.begun.append("restart")
        return 200, {}

    def edit_cluster(self, query: Mapping[str, Any]) -> tuple[int, Any]:
        found = self.clusters[query["cluster_id"]]
        if found["state"] not in ("TERMINATED", "RUNNING"):
            return _refused(f"Cluster {query['cluster_id']} is in unexpected state {found['state']}.")
        stays = ("cluster_id", "state", "state_message", "cluster_source", "start_time", "terminated_time",
                 "termination_reason")  # fmt: skip
        self.clusters[query["cluster_id"]] = {**{name: found[name] for name in stays}, **query}
        return 200, {}

    def library_status(self, query: Mapping[str, Any]) -> tuple[int, Any]:
        return 200, {
            "cluster_id": query["cluster_id"],
            "library_statuses": self.libraries.get(query["cluster_id"], []),
        }

    def cluster_events(self, query: Mapping[str, Any]) -> tuple[int, Any]:
        first, last = query.get("start_time", 0), query.get("end_time", ENDED**2)
        newest = sorted(self.events, key=lambda event: -event["timestamp"])
        found = [event for event in newest if first <= event["timestamp"] <= last]
        return 200, {"events": found[: query["limit"]], "total_count": len(found)}


def original(run: Mapping[str, Any]) -> dict[str, Any]:
    """How a run stands in the history of its repairs."""
    return {
        "type": "ORIGINAL",
        "start_time": run["start_time"],
        "end_time": run["end_time"],
        "state": run["state"],
        "task_run_ids": [task["run_id"] for task in run.get("tasks", ())],
    }


def _now() -> int:
    return int(time.time() * 1000)


def _refused(message: str) -> tuple[int, Any]:
    return 400, {"error_code": "INVALID_PARAMETER_VALUE", "message": message}


_CALLS = {
    ("GET", "/api/2.2/jobs/runs/get"): "run",
    ("GET", "/api/2.2/jobs/runs/get-output"): "output",
    ("GET", "/api/2.1/clusters/get"): "cluster",
    ("POST", "/api/2.1/clusters/events"): "cluster_events",
    ("POST", "/api/2.2/jobs/runs/repair"): "repair",
    ("POST", "/api/2.2/jobs/run-now"): "run_now",
    ("GET", "/api/2.2/jobs/get"): "job",
    ("POST", "/api/2.2/jobs/update"): "update_job",
    ("POST", "/api/2.1/clusters/start"): "start_cluster",
    ("POST", "/api/2.1/clusters/restart"): "restart_cluster",
    ("POST", "/api/2.1/clusters/edit"): "edit_cluster",
    ("GET", "/api/2.0/libraries/cluster-status"): "library_status",
}


class _Handler(ServiceHandler, BaseHTTPRequestHandler):
    service: Workspace

    def do_GET(self) -> None:
        self._answer(dict(parse_qsl(urlsplit(self.path).query)))

    def do_POST(self) -> None:
        self._answer(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))

    def _answer(self, query: dict[str, Any]) -> None:
        call = _CALLS.get((str(self.command), urlsplit(self.path).path), "unknown")
        self.service.queries.append(query)
        if self.headers["Authorization"] != f"Bearer {TOKEN}":
            self.reply(call, 403, self.service.error(403))
        elif call == "unknown":
            self.reply(call, 404, {"error_code": "ENDPOINT_NOT_FOUND", "message": self.path})
        else:
            self.do(call, partial(getattr(self.service, call), query))


@contextmanager
def databricks(**troubles: list[Trouble | None]) -> Iterator[Workspace]:
    """Run one on a free port, in which a task of a job failed."""
    cluster_of_it = {"cluster_id": CLUSTER, "spark_context_id": "4348585301701786933"}
    failed = task_run(
        "berth_plan", TASK_RUN, "FAILED", "Workload failed, see run output for details.",
        attempt_number=2, cluster_instance=cluster_of_it,
        status={"state": "TERMINATED", "termination_details":
                {"code": "RUN_EXECUTION_ERROR", "type": "CLIENT_ERROR", "message": "Workload failed."}},
    )  # fmt: skip
    tasks = [
        task_run("read_tides", TASK_RUN - 1, "SUCCESS"),
        failed,
        task_run("report", TASK_RUN + 1, "UPSTREAM_FAILED"),
    ]
    service = Workspace(
        dict(troubles),
        runs={RUN: job_run(*tasks)},
        outputs={
            TASK_RUN: {
                "error": "OperationalError: could not connect to server at tides.example.com: Connection refused",
                "error_trace": "Traceback (most recent call last)\nFile <command-41>:7\n----> 7 connect(tides)\n",
            }
        },
        clusters={CLUSTER: cluster()},
        events=[
            {"cluster_id": CLUSTER, "timestamp": STARTED, "type": "RUNNING", "details": {"current_num_workers": 4}},
            {"cluster_id": CLUSTER, "timestamp": ENDED, "type": "TERMINATING",
             "details": {"reason": {"code": "JOB_FINISHED", "type": "SUCCESS"}}},
        ],
    )  # fmt: skip
    with running(service, _Handler):
        yield service
