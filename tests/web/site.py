"""A running Airflow with incidents in it: real ones of DAGs that ran, and reported ones that look worse."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import httpx
import pytest

from demo.local_airflow import ADMIN, LocalAirflow
from rca_plugin.core.service_token import sign
from rca_plugin.worker.operators.incident import AnalyzeOperator, ClassifyOperator
from tests.conftest import BUNDLES
from tests.web import answers, repairs

PAGES = "/pluginsv2/rca"
LIST = f"{PAGES}/incidents"
IN_AIRFLOW = "/plugin/rca_incidents"
OUTSIDE_SECRET = "shared-with-whatever-posts-json"

MAPPED, MAPPED_TASK, FAILED_INDEX = "example_partner_files", "parse", 1
PLAIN, PLAIN_TASK = "example_customer_export", "build_rows"

# Whoever reads this in a page sees these very characters, and no script of it has run.
HOSTILE_DAG = """it's "quoted" <b>bold</b> & more"""
HOSTILE_TASK = "load'\"><script>alert(1)</script>"
HOSTILE_MESSAGE = (
    "</pre></td><script>window.top.hacked = 1</script>"
    "<img src=x onerror='window.top.hacked = 1'> {{ 7 * 7 }} javascript:alert(1)"
)
HOSTILE_TRACEBACK = (
    f'Traceback (most recent call last):\n  File "</pre><svg onload=alert(1)>"\n{HOSTILE_MESSAGE}'
)

REPORTS: list[tuple[str, str, str]] = [
    ("orders_daily/load", "OperationalError", "could not connect to server: Connection refused"),
    ("orders_daily/publish", "PermissionError", "[Errno 13] Permission denied: '/data/published/orders.parquet'"),
    ("ledger_close/post_entries", "KeyError", "'cost_center'"),
    ("churn_features/train", "MemoryError", "Unable to allocate 38.1 GiB for an array"),
    ("fx_rates/fetch", "HTTPError", "HTTP Error 503: Service Unavailable"),
    ("stock_levels/read_landing", "FileNotFoundError", "[Errno 2] No such file or directory: '/landing/stock.csv'"),
    ("shipments/wait_for_carrier", "AirflowSensorTimeout", "Sensor has timed out; run duration of 3600.2 seconds"),
]  # fmt: skip
WAITING = "tax_report/submit"
# One about which much was found out outside of Airflow, and one where all of that is hostile.
TOLD, TOLD_HOSTILE = "billing_daily/load_invoices", "billing_daily/load_refunds"
TOLD_ERROR = 'could not translate host name "billing-db.internal" to address: Name or service not known'
TOLD_FACTS = {
    "change": "Connection billing_db was edited by ada 12 minutes before the failure\nhost: db -> billing-db",
    "history": "Failed in 3 of the last 10 runs; the last success was 2026-11-24 03:00 UTC",
    "similar": "RCA-17 (2 days ago, dns, orders_daily/load): resolved after 42 min: the name was corrected",
    "missing": "The log of the database could not be had: access was refused",
}
LONG = "a_dag_with_a_name_as_long_as_they_get_in_the_wild_" * 4


@dataclass
class Site:
    """A running Airflow, and what the tests know of it: incidents by resource, the runs of the DAGs by DAG."""

    airflow: LocalAirflow
    http: httpx.Client
    runs: dict[str, str] = field(default_factory=dict)
    ids: dict[str, int] = field(default_factory=dict)
    users: dict[str, str] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return self.airflow.url

    def page_of(self, resource: str) -> str:
        return f"{LIST}/{self.ids[resource]}"

    def get(self, path: str, **params: Any) -> Any:
        answer = self.http.get(path, params=params)
        answer.raise_for_status()
        return answer.json()

    def post(self, path: str, body: Any) -> Any:
        answer = self.http.post(path, json=body)
        answer.raise_for_status()
        return answer.json()

    def as_task(self, method: str, path: str, body: Any) -> Any:
        """A request as our own tasks and listener send it."""
        token = sign(self.airflow.environment["AIRFLOW__API__SECRET_KEY"], "test", time.time())
        answer = httpx.request(
            method, f"{self.url}{path}", json=body, headers={"Authorization": f"Bearer {token}"}, timeout=30
        )
        answer.raise_for_status()
        return answer.json()

    def pause(self, dag_id: str, paused: bool = True) -> None:
        self.http.patch(f"/api/v2/dags/{dag_id}", json={"is_paused": paused}).raise_for_status()

    def incidents(self) -> list[dict[str, Any]]:
        return list(self.get("/rca/api/v1/incidents", limit=200)["incidents"])


@contextmanager
def running_site(home: Path, installed: Path) -> Iterator[Site]:
    """Start Airflow on a copy of the database, let DAGs fail in it, and leave the API server running."""
    options = {
        "RCA__WEBHOOK_SECRET_GENERIC": OUTSIDE_SECRET,
        "RCA__WEBHOOK_SECRET_DATABRICKS": repairs.SECRET,
        "RCA__REMEDIATION_FILE": str(home / "repairs.yaml"),
        # All that is shown happens within seconds: only what a test makes a storm of is one.
        "RCA__STORM_THRESHOLD": "8",
    }
    with LocalAirflow(home, BUNDLES, options=options) as airflow:
        (home / "repairs.yaml").write_text(repairs.POLICY)
        shutil.copyfile(installed, home / "airflow.db")
        airflow.start("api-server")
        airflow.wait_until_ready()
        with airflow.client() as http:
            site = Site(airflow, http, users={ADMIN: airflow.password})
            _let_dags_fail(site)
            _report_failures(site)
            site.ids = {incident["resource"]: incident["id"] for incident in site.incidents()}
            _add_readers(site)
            yield site


def _let_dags_fail(site: Site) -> None:
    """Two DAGs run and fail, and the RCA DAG analyzes them, all by the scheduler; it is not needed after that."""
    site.pause("rca_housekeeping")
    for dag_id in (MAPPED, PLAIN):
        run = site.post(f"/api/v2/dags/{dag_id}/dagRuns", {"logical_date": None})
        site.runs[dag_id] = run["dag_run_id"]
    site.airflow.start("scheduler")
    site.airflow.wait_for(
        "the analyses", lambda: sum(bool(i["analysis"]) for i in site.incidents()) == 2, timeout=600
    )
    site.airflow.stop("scheduler")


def _report_failures(site: Site) -> None:
    for resource, exception_type, message in REPORTS:
        analyze(site, report(site, resource, exception_type, message))
    analyze(site, report(site, f"{LONG[:200]}/{LONG[:150]}", "RuntimeError", "x" * 3_000))
    analyze(site, _report_hostile(site))
    analyze(site, report(site, TOLD, "OperationalError", TOLD_ERROR), TOLD_FACTS)
    hostile = dict.fromkeys(TOLD_FACTS, f"`{HOSTILE_MESSAGE}` failed")
    analyze(site, report(site, TOLD_HOSTILE, "OperationalError", TOLD_ERROR), hostile)
    for resource, error in answers.ERRORS.items():
        analyze(site, report(site, resource, *error))
    answers.add_answers(site)
    repairs.add_repairs(site)
    # A second task of the run that failed: its run has two incidents.
    report(
        site, f"{MAPPED}/archive", "OSError", "[Errno 28] No space left on device", run_id=site.runs[MAPPED]
    )
    for _ in range(2):
        report(site, REPORTS[0][0], *REPORTS[0][1:])
    site.pause("rca_incident")
    report(site, WAITING, "TimeoutError", "timed out")


def report(site: Site, resource: str, exception_type: str, message: str, **fields: Any) -> int:
    """What the listener would have sent; answers the number of the incident."""
    dag_id, _, task_id = resource.partition("/")
    return _send(
        site,
        {"dag_id": dag_id, "task_id": task_id, "exception_type": exception_type, "message": message} | fields,
    )


def report_outside(site: Site, resource: str, message: str, **fields: Any) -> int:
    """What failed outside of Airflow; answers the number of the incident."""
    moment = time.time_ns()
    body = {"resource": resource, "message": message, "id": str(moment), "occurred_at": _now(moment)} | fields
    answer = httpx.post(
        f"{site.url}{PAGES}/webhooks/generic",
        json=body, headers={"Authorization": f"Bearer {OUTSIDE_SECRET}"}, timeout=30,
    )  # fmt: skip
    answer.raise_for_status()
    return int(answer.json()["results"][0]["incident_id"])


def _now(moment: int) -> str:
    # To the microsecond: a failure is older than the silence that was made before it otherwise.
    return datetime.fromtimestamp(moment / 1e9, timezone.utc).isoformat()


def _report_hostile(site: Site) -> int:
    return _send(
        site,
        {
            "dag_id": HOSTILE_DAG, "task_id": HOSTILE_TASK, "exception_type": "ValueError",
            "message": HOSTILE_MESSAGE, "traceback": HOSTILE_TRACEBACK, "owner": HOSTILE_MESSAGE,
        },
    )  # fmt: skip


def _send(site: Site, fields: dict[str, Any]) -> int:
    moment = time.time_ns()
    body = {
        "run_id": f"scheduled__{moment}",
        "try_number": 1,
        "occurred_at": _now(moment),
        "owner": "data-platform",
    }
    [receipt] = site.as_task("POST", f"{PAGES}/webhooks/airflow", body | fields)["results"]
    return int(receipt["incident_id"])


def analyze(site: Site, incident_id: int, found: Mapping[str, str] | None = None) -> None:
    """By the operators of the RCA DAG, in this process, with what was found outside of Airflow, by its kind."""
    facts = [{"kind": kind, "source": "test", "text": text} for kind, text in (found or {}).items()]
    site.as_task("POST", f"/rca/api/v1/incidents/{incident_id}/evidence", {"wait": False, "facts": facts})
    with pytest.MonkeyPatch.context() as patch:
        for name in ("AIRFLOW__API__SECRET_KEY", "AIRFLOW__CORE__EXECUTION_API_SERVER_URL"):
            patch.setenv(name, site.airflow.environment[name])
        for operator in (ClassifyOperator, AnalyzeOperator):
            step = operator(task_id="test", incident_id=incident_id)
            with step._client:  # in a task the end of the process closes it
                step.execute({})


READER, NOBODY, VIEWER = "reader", "nobody", "viewer"
# What a role needs to see the entry in the navigation and the pages behind it, with no DAG yet.
_TO_SEE_THE_PAGES = [("can_read", "Website"), ("can_read", "Plugins"), ("menu_access", "Browse")]


def _add_readers(site: Site) -> None:
    """Users who may read one DAG, none and all of them; none of them may trigger any."""
    of_runs = [("can_read", "DAG Runs"), ("can_read", "Task Instances")]
    of_one_dag = [("can_read", f"DAG:{PLAIN}"), *of_runs]
    of_all_dags = [("can_read", "DAGs"), *of_runs]
    for name, permissions in (
        (READER, [*_TO_SEE_THE_PAGES, *of_one_dag]),
        (NOBODY, _TO_SEE_THE_PAGES),
        (VIEWER, [*_TO_SEE_THE_PAGES, *of_all_dags]),
    ):
        actions = [
            {"action": {"name": action}, "resource": {"name": resource}} for action, resource in permissions
        ]
        site.post("/auth/fab/v1/roles", {"name": f"{name}s", "actions": actions})
        site.users[name] = f"{name}-{site.airflow.password}"
        person = {
            "username": name,
            "first_name": name,
            "last_name": "Test",
            "email": f"{name}@example.invalid",
        }
        roles = {"roles": [{"name": f"{name}s"}], "password": site.users[name]}
        site.post("/auth/fab/v1/users", person | roles)
