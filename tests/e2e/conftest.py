"""One real Airflow for all end-to-end tests: api-server, scheduler, dag-processor and triggerer, FAB, PostgreSQL."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import Connection, create_engine

from demo.local_airflow import ADMIN, REPOSITORY, LocalAirflow, LocalAirflowError
from tests.conftest import new_database
from tests.fakes.adf import Azure, adf

BUNDLES = {
    "rca": REPOSITORY / "dags",
    "failing": Path(__file__).parent / "dags",
    "examples": REPOSITORY / "dags" / "examples",
}
FINISHED = {"success", "failed"}
GRACE_SECONDS = 11
WEBHOOK_SECRET = "only-for-these-tests"
SLACK_USER = "U0ADA0001"
# A bound, not an expectation: what takes seconds here takes minutes on a machine with too much to do.
PATIENCE_SECONDS = 600
_LAST_LINES = 30


@dataclass(frozen=True)
class Site:
    """A running Airflow, and what the tests ask of it."""

    airflow: LocalAirflow
    http: httpx.Client
    dag_folder: Path
    """A folder whose DAG files a test may write."""
    azure: Azure
    """Where its tasks reach Azure, if they have a connection to it."""

    def get(self, path: str, **params: Any) -> Any:
        answer = self.http.get(path, params=params)
        answer.raise_for_status()
        return answer.json()

    def post(self, path: str, body: Any = None) -> Any:
        answer = self.http.post(path, json=body or {})
        answer.raise_for_status()
        return answer.json()

    @contextmanager
    def connected(self, **connections: str) -> Iterator[None]:
        """Connections of Airflow, by name and written as JSON, for as long as a test needs them."""
        with ExitStack() as stack:
            for name, known in connections.items():
                said = json.loads(known)
                extra = json.dumps(said.pop("extra", {}))
                self.post("/api/v2/connections", {"connection_id": name, **said, "extra": extra})
                stack.callback(self.http.delete, f"/api/v2/connections/{name}")
            yield

    def start_run(self, dag_id: str, **asked: Any) -> str:
        """A new run of a DAG."""
        run = self.post(f"/api/v2/dags/{dag_id}/dagRuns", {"logical_date": None, **asked})
        return str(run["dag_run_id"])

    @contextmanager
    def database(self) -> Iterator[Connection]:
        """A transaction in the metadata database."""
        engine = create_engine(self.airflow.environment["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"])
        with engine.begin() as connection:
            yield connection
        engine.dispose()

    def run_state(self, dag_id: str, run_id: str) -> str:
        return str(self.get(f"/api/v2/dags/{dag_id}/dagRuns/{run_id}")["state"])

    def wait_for_runs(self, runs: dict[str, str]) -> None:
        """Until each of these runs, by DAG, has come to its end."""

        def all_finished() -> bool:
            return all(self.run_state(dag_id, run_id) in FINISHED for dag_id, run_id in runs.items())

        self.wait_for(f"the end of {sorted(runs)}", all_finished)

    def wait_for(self, what: str, condition: Callable[[], Any]) -> Any:
        """Patiently. What is not there in the end is told with what Airflow was busy with instead."""
        try:
            return self.airflow.wait_for(what, condition, timeout=PATIENCE_SECONDS)
        except LocalAirflowError as problem:
            log = self.airflow.home / "scheduler.log"
            told = [str(problem), *self._unfinished(), f"The last of {log}:", *_last_lines(log)]
            raise LocalAirflowError("\n".join(told)) from None

    def _unfinished(self) -> Iterator[str]:
        """The runs that are not at their end, their tasks, and what these said last."""
        try:
            runs = self.get("/api/v2/dags/~/dagRuns", state=["queued", "running"], limit=50)["dag_runs"]
            for run in runs:
                yield f"{run['dag_id']} {run['dag_run_id']}: {run['state']}"
                path = f"/api/v2/dags/{run['dag_id']}/dagRuns/{run['dag_run_id']}/taskInstances"
                for task in self.get(path)["task_instances"]:
                    yield _account_of_task(self.airflow.home, task)
        except httpx.HTTPError as problem:
            yield f"The API server does not say which runs are unfinished: {problem!r}"

    def incidents(self, dag_id: str) -> list[dict[str, Any]]:
        page = self.get("/rca/api/v1/incidents", limit=200)
        return [i for i in page["incidents"] if i["resource"].partition("/")[0] == dag_id]

    def detail(self, incident: dict[str, Any]) -> dict[str, Any]:
        return dict(self.get(f"/rca/api/v1/incidents/{incident['id']}"))

    def rca_runs(self) -> list[dict[str, Any]]:
        return list(self.get("/api/v2/dags/rca_incident/dagRuns", limit=200)["dag_runs"])

    def housekeeping_runs(self) -> list[dict[str, Any]]:
        runs = self.get("/api/v2/dags/rca_housekeeping/dagRuns", limit=200)["dag_runs"]
        return [run for run in runs if run["state"] in FINISHED]

    def keep_house(self) -> None:
        """One run of the housekeeping DAG, now."""
        run_id = self.start_run("rca_housekeeping")
        self.wait_for_runs({"rca_housekeeping": run_id})

    def wait_until_reconcilable(self) -> None:
        """Until what has failed by now is old enough for the reconciler, which leaves reports time to arrive."""
        ready = time.monotonic() + GRACE_SECONDS
        self.airflow.wait_for("the reconciler's turn", lambda: time.monotonic() > ready)

    def wait_for_incident(
        self, dag_id: str, where: Callable[[dict[str, Any]], bool] = lambda _: True
    ) -> dict[str, Any]:
        """The incident of a DAG, once it is there and as it should be; housekeeping runs meanwhile."""

        def found() -> dict[str, Any] | None:
            return next((i for i in self.incidents(dag_id) if where(i)), None)

        incident: dict[str, Any] = self.wait_for(f"the incident of {dag_id}", found)
        return incident


def _account_of_task(home: Path, task: dict[str, Any]) -> str:
    told = (
        f"  {task['dag_id']}/{task['task_id']}[{task['map_index']}]: {task['state']}, try {task['try_number']}"
        f" of {task['max_tries'] + 1}, {task['start_date']} to {task['end_date']}"
    )
    if task["state"] in {"success", None}:
        return told
    folder = home / "logs" / f"dag_id={task['dag_id']}" / f"run_id={task['dag_run_id']}"
    logs = sorted(folder.glob(f"task_id={task['task_id']}/**/*.log"))
    return "\n".join([told, *(f"    {line}" for log in logs for line in (log.name, *_last_lines(log)))])


def _last_lines(file: Path) -> list[str]:
    if not file.exists():
        return []
    return [line[:500] for line in file.read_text(errors="replace").splitlines()[-_LAST_LINES:]]


# A package, not a session: an Airflow that nobody asks any more would take half of the machine from what follows.
@pytest.fixture(scope="package")
def site(
    postgres_url: str, installed_in_postgres: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("e2e")
    (folder / "dags").mkdir()
    # A changed file is a new version of its DAG at once, not after half a minute.
    options = {
        "CORE__MIN_SERIALIZED_DAG_UPDATE_INTERVAL": "1",
        "RCA__WEBHOOK_SECRET_DATABRICKS": WEBHOOK_SECRET,
        "RCA__WEBHOOK_SECRET_AZURE_MONITOR": WEBHOOK_SECRET,
        "RCA__WEBHOOK_SECRET_JIRA": WEBHOOK_SECRET,
        "RCA__SLACK_SIGNING_SECRET": WEBHOOK_SECRET,
        "RCA__SLACK_USERS": f"{SLACK_USER}={ADMIN}",
        "RCA__ROUTING_FILE": str(Path(__file__).parent / "routing.yaml"),
        "RCA__REMEDIATION_FILE": str(Path(__file__).parent / "remediation.yaml"),
    }
    bundles = {**BUNDLES, "changing": folder / "dags"}
    with (
        adf() as azure,
        new_database(postgres_url, installed_in_postgres) as database,
        LocalAirflow(folder / "airflow", bundles, database=database, options=options) as airflow,
    ):
        airflow.environment |= azure.environment
        airflow.start("api-server", "scheduler", "dag-processor", "triggerer")
        airflow.wait_until_ready()
        with airflow.client() as http:
            site = Site(airflow, http, folder / "dags", azure)
            ours = {"rca_incident", "rca_remediation", "rca_housekeeping"}
            wanted = ours | {"fails_by_exception", "fails_in_an_rca_dag", "loads_into_a_warehouse"}
            site.wait_for("the DAGs", lambda: wanted <= dag_ids(site))
            site.wait_for("the first housekeeping run", site.housekeeping_runs)
            yield site
    deadline = time.monotonic() + 60
    while airflow.leftover_processes() and time.monotonic() < deadline:
        time.sleep(0.2)
    assert airflow.leftover_processes() == []


def dag_ids(site: Site) -> set[str]:
    return {dag["dag_id"] for dag in site.get("/api/v2/dags", limit=100)["dags"]}
