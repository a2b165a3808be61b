"""Repairs from the failure to its end, in a real Airflow: people agree in its own pages, on ours, and in Slack.

All that fails here fails at the same time, so that the waits pass together.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import datetime, timezone
from functools import partial
from typing import Any
from urllib.parse import urlencode

import pytest
from playwright.sync_api import Page, expect, sync_playwright
from sqlalchemy import URL, make_url

from rca_plugin.core.slack.repair import APPROVE
from tests.e2e.conftest import SLACK_USER, WEBHOOK_SECRET, Site
from tests.e2e.test_from_alert_to_done import alert
from tests.fakes import adf
from tests.fakes.databricks import WORKSPACE, Workspace, databricks, job_run, state, task_run
from tests.fakes.databricks import cluster as cluster_of
from tests.fakes.jira import Issue, jira
from tests.fakes.jira import Site as Jira
from tests.fakes.silent import Silence, silent
from tests.fakes.slack import Workspace as Slack
from tests.fakes.slack import slack
from tests.web.conftest import ARGUMENTS, CHROMIUM, screenshot

pytestmark = [pytest.mark.browser, pytest.mark.airflow, pytest.mark.timeout(1800)]
DAG, TASK = "loads_into_a_warehouse", "load"
GOES_WELL, GOES_WRONG = 700100200301, 700100200302
SOLD_OUT, FALLBACK = "Standard_D8s_v5", "Standard_D8as_v5"
PIPELINE_RUN = "0a6d3a64-5b0e-4f6d-8f1f-0000000000d1"
PAGES = "/pluginsv2/rca/incidents"


@dataclass
class Repairs:
    """What failed, by name the number of its incident, and the services around it."""

    site: Site
    databricks: Workspace
    slack: Slack
    jira: Jira
    warehouse: Silence
    page: Page
    numbers: dict[str, int]

    def incident(self, name: str) -> dict[str, Any]:
        return self.site.detail({"id": self.numbers[name]})

    def newest(self, name: str) -> dict[str, Any]:
        path = f"/rca/api/v1/incidents/{self.numbers[name]}/remediations"
        attempts = self.site.get(path)["remediations"]
        return attempts[0] if attempts else {"state": "none"}

    def message(self, name: str) -> dict[str, Any] | None:
        label = f"RCA-{self.numbers[name]}:"
        return next((one for one in self.slack.messages() if label in json.dumps(one)), None)

    def ticket(self, name: str) -> Issue:
        label = re.compile(rf"rca-[0-9a-f]{{12}}-{self.numbers[name]}")
        issues = self.jira.issues.values()
        return next(one for one in issues if any(map(label.fullmatch, one.fields["labels"])))

    def told(self, name: str, words: str) -> dict[str, Any]:
        """The message of an incident, once it says so."""
        found: dict[str, Any] = self.site.wait_for(
            f"Slack to say {words!r} of {name}",
            lambda: (one := self.message(name)) and words in json.dumps(one) and one,
        )
        return found


@pytest.fixture(scope="module")
def repairs(site: Site) -> Iterator[Repairs]:
    """All of it has failed, people have agreed, and what runs outside of Airflow has come to its end."""
    if not CHROMIUM.exists():
        pytest.skip(f"no Chromium at {CHROMIUM}")
    with surrounded(site) as made:
        _fail(made)
        _agree(made)
        _end_outside(made)
        yield made


@contextmanager
def surrounded(site: Site) -> Iterator[Repairs]:
    """The services that this Airflow knows of, a database that is silent, and a browser."""
    behind = make_url(site.airflow.environment["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"])
    with (
        databricks() as workspace, slack() as chat, jira() as tickets, _in_front_of(behind) as warehouse,
        site.connected(
            databricks_default=workspace.connection, slack_default=chat.connection,
            jira_default=tickets.connection(), azure_data_factory_default=site.azure.connection(),
            warehouse=json.dumps({"conn_type": "postgres", "host": "127.0.0.1", "port": warehouse.port,
                                  "login": behind.username, "password": behind.password or "",
                                  "schema": behind.database}),
        ),
        sync_playwright() as playwright,
    ):  # fmt: skip
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield Repairs(site, workspace, chat, tickets, warehouse, _page(site, chromium), {})
        chromium.close()


def _in_front_of(database: URL) -> AbstractContextManager[Silence]:
    # The server of these tests listens on a socket in a folder.
    folder = database.query.get("host")
    return silent(
        f"{folder}/.s.PGSQL.{database.port or 5432}"
        if folder
        else (str(database.host), database.port or 5432)
    )


def _page(site: Site, chromium: Any) -> Page:
    expect.set_options(timeout=60_000)
    context = chromium.new_context(base_url=site.airflow.url, viewport={"width": 1400, "height": 1000})
    context.set_default_timeout(60_000)
    token = site.http.headers["Authorization"].removeprefix("Bearer ")
    context.add_cookies([{"name": "_token", "value": token, "url": site.airflow.url}])
    page: Page = context.new_page()
    return page


def _fail(made: Repairs) -> None:
    site = made.site
    run_id = site.start_run(DAG)
    for job in (GOES_WELL, GOES_WRONG):
        made.numbers[str(job)] = _notify(made, job)
    made.numbers["adf"] = _alert(site)
    site.wait_for("the task to give up", lambda: site.run_state(DAG, run_id) == "failed")
    assert made.warehouse.tried >= 1
    made.warehouse.end()
    made.numbers[DAG] = int(site.wait_for_incident(DAG)["id"])


def _notify(made: Repairs, job: int) -> int:
    """Databricks found no machines for a run of a job, and says that it failed."""
    run, cluster = job + 5_000, f"0203-031500-harbor{job % 10}"
    why = (
        f"Cluster '{cluster}' was terminated. Reason: CLOUD_PROVIDER_RESOURCE_STOCKOUT (CLOUD_FAILURE). Parameters: "
        f"azure_error_code:SkuNotAvailable, azure_error_message:{SOLD_OUT} is sold out in westeurope."
    )
    failed = task_run(
        "berth_plan", run + 1, "FAILED", why, job_cluster_key="main", cluster_instance={"cluster_id": cluster}
    )
    made.databricks.runs[run] = job_run(
        failed, run_id=run, job_id=job, original_attempt_run_id=run, state=state("FAILED", why),
        run_page_url=f"https://adb-{WORKSPACE}.2.azuredatabricks.net/?o={WORKSPACE}#job/{job}/run/{run}",
    )  # fmt: skip
    made.databricks.clusters[cluster] = cluster_of(
        cluster_id=cluster,
        termination_reason={"code": "CLOUD_PROVIDER_RESOURCE_STOCKOUT", "type": "CLOUD_FAILURE"},
    )
    machines = {
        "spark_version": "16.4.x-scala2.12", "node_type_id": SOLD_OUT, "num_workers": 4,
        "azure_attributes": {"availability": "ON_DEMAND_AZURE"},
    }  # fmt: skip
    made.databricks.jobs[job] = {
        "job_id": job,
        "settings": {
            "name": "harbor nightly",
            "job_clusters": [{"job_cluster_key": "main", "new_cluster": machines}],
            "tasks": [{"task_key": "berth_plan", "job_cluster_key": "main"}],
        },
    }
    body = {
        "event_type": "jobs.on_failure", "workspace_id": str(WORKSPACE), "run": {"run_id": str(run)},
        "job": {"job_id": str(job), "name": "harbor nightly"},
    }  # fmt: skip
    answer = made.site.http.post(
        "/pluginsv2/rca/webhooks/databricks", json=body, auth=("databricks", WEBHOOK_SECRET)
    )
    return int(answer.raise_for_status().json()["results"][0]["incident_id"])


def _alert(site: Site) -> int:
    """A copy of Data Factory could not reach its database, and Azure Monitor says so."""
    now = datetime.now(timezone.utc).isoformat()
    times: dict[str, Any] = {"runStart": now, "runEnd": now, "lastUpdated": now}
    error = "ErrorCode=SqlFailedToConnect,'Cannot connect to SQL Database: harbor-db.internal, port 1433: timed out.'"
    site.azure.runs.append(adf.pipeline_run(PIPELINE_RUN, **times))
    site.azure.activities[PIPELINE_RUN] = [
        adf.activity_run(name, said, activityRunStart=now, activityRunEnd=now, pipelineRunId=PIPELINE_RUN)
        for name, said in (("Look Up", ""), ("Copy Ships", error))
    ]
    body = alert()
    body["data"]["essentials"]["firedDateTime"] = now
    row = body["data"]["alertContext"]["SearchResults"]["tables"][0]["rows"][0]
    factory = f"/subscriptions/{adf.SUBSCRIPTION}/resourceGroups/{adf.GROUP}/providers/Microsoft.DataFactory"
    row[0:5] = [now, f"{factory}/factories/{adf.FACTORY}", adf.PIPELINE, PIPELINE_RUN, "Copy Ships"]
    row[7:9] = ["SqlFailedToConnect", error]
    answer = site.http.post(
        "/pluginsv2/rca/webhooks/azure_monitor", params={"secret": WEBHOOK_SECRET}, json=body
    )
    return int(answer.raise_for_status().json()["results"][0]["incident_id"])


def _agree(made: Repairs) -> None:
    for name in (str(GOES_WELL), "adf", str(GOES_WRONG)):
        made.site.wait_for(f"the question about {name}", partial(_is_asked, made, name))
    _agree_in_airflow(made, str(GOES_WELL))
    _agree_on_the_page(made, "adf")
    _agree_in_slack(made, str(GOES_WRONG))


def _is_asked(made: Repairs, name: str) -> bool:
    attempt = made.newest(name)
    if attempt["state"] != "waiting":
        return False
    run = f"/api/v2/dags/rca_remediation/dagRuns/{attempt['run_id']}"
    tasks = made.site.get(f"{run}/taskInstances")["task_instances"]
    return any(task["state"] == "awaiting_input" for task in tasks)


def _agree_in_airflow(made: Repairs, name: str) -> None:
    page = made.page
    page.goto("/required_actions")
    subject = page.get_by_text(f"RCA-{made.numbers[name]}:")
    expect(subject.first).to_be_visible()
    screenshot(page, "required-actions")
    subject.first.click()
    button = page.get_by_role("button", name="Approve")
    expect(button).to_be_visible()
    screenshot(page, "required-action")
    button.click()
    made.site.wait_for("the approval in Airflow", lambda: not _is_asked(made, name))


def _agree_on_the_page(made: Repairs, name: str) -> None:
    page = made.page
    page.goto(f"{PAGES}/{made.numbers[name]}")
    screenshot(page, "repair-asked", full=True)
    page.get_by_role("button", name="Approve the repair").click()
    made.site.wait_for("the approval on the page", lambda: made.newest(name)["approvals"])


def _agree_in_slack(made: Repairs, name: str) -> None:
    made.told(name, APPROVE)
    message = made.message(name)
    assert message
    block, button = next(
        (block, element)
        for block in message["blocks"] if block["type"] == "actions"
        for element in block["elements"] if element["action_id"] == APPROVE
    )  # fmt: skip
    assert _click(made.site, block["block_id"], button, message["ts"]) == "done"
    assert [one["name"] for one in made.newest(name)["approvals"]] == ["admin"]


def _click(site: Site, block_id: str, button: dict[str, Any], ts: str) -> str:
    payload = {
        "type": "block_actions",
        "user": {"id": SLACK_USER, "name": "ada", "team_id": "T0HOME001"},
        "team": {"id": "T0HOME001"},
        "container": {"type": "message", "message_ts": ts},
        "actions": [{**button, "block_id": block_id, "action_ts": f"{time.time():.6f}"}],
    }
    body, now = urlencode({"payload": json.dumps(payload)}), str(int(time.time()))
    signed = hmac.new(WEBHOOK_SECRET.encode(), f"v0:{now}:{body}".encode(), hashlib.sha256).hexdigest()
    answer = site.http.post(
        "/pluginsv2/rca/webhooks/slack", content=body,
        headers={"X-Slack-Request-Timestamp": now, "X-Slack-Signature": f"v0={signed}",
                 "Content-Type": "application/x-www-form-urlencoded"},
    )  # fmt: skip
    return str(answer.raise_for_status().json()["result"])


def _end_outside(made: Repairs) -> None:
    azure = made.site.azure
    made.site.wait_for("all to begin", lambda: len(made.databricks.begun) == 2 and azure.begun)
    made.databricks.finish("SUCCESS", GOES_WELL + 5_000)
    made.databricks.finish("FAILED", GOES_WRONG + 5_000)
    azure.finish("rerun-1", "Succeeded")


def resolved(made: Repairs, name: str) -> str:
    """How an incident was, once it is."""

    def how() -> str | None:
        incident = made.incident(name)
        return incident["resolved_how"] if incident["status"] == "resolved" else None

    return str(made.site.wait_for(f"the end of {name}", how))


def test_what_was_sold_out_is_had_from_another_type_once_somebody_agrees_in_airflow(repairs: Repairs) -> None:
    how = resolved(repairs, str(GOES_WELL))
    what = r"repaired by databricks_use_fallback_node_type \(attempt 1\)"
    assert re.fullmatch(rf"{what}, approved by admin, [1-9] minutes? after it failed", how)
    [shared] = repairs.databricks.jobs[GOES_WELL]["settings"]["job_clusters"]
    assert shared["new_cluster"]["node_type_id"] == FALLBACK
    assert repairs.newest(str(GOES_WELL))["state"] == "succeeded"
    repairs.page.goto(f"{PAGES}/{repairs.numbers[str(GOES_WELL)]}")
    expect(repairs.page.get_by_text("It worked:").first).to_be_visible()
    screenshot(repairs.page, "repair-worked", full=True)


def test_what_does_not_help_calls_people(repairs: Repairs) -> None:
    name = str(GOES_WRONG)
    repairs.site.wait_for("the escalation", lambda: "escalated" in actions(repairs.incident(name)))
    incident = repairs.incident(name)
    assert (incident["status"], incident["priority"]) == ("open", "P1")
    assert repairs.newest(name)["state"] == "failed"
    repairs.told(name, "It did not help")
    ticket = repairs.ticket(name)
    repairs.site.wait_for("the comment", lambda: "did not help" in json.dumps(ticket.comments))
    repairs.page.goto(f"{PAGES}/{repairs.numbers[name]}")
    screenshot(repairs.page, "repair-failed", full=True)


def actions(incident: dict[str, Any]) -> list[str]:
    return [entry["action"] for entry in incident["timeline"]]


def test_a_task_that_could_not_connect_is_run_again_by_itself_and_all_are_told(repairs: Repairs) -> None:
    how = resolved(repairs, DAG)
    assert re.fullmatch(
        r"repaired by airflow_clear \(attempt 1\), without being asked, [0-9] minutes? after it failed", how
    )
    incident = repairs.incident(DAG)
    assert incident["category"] == "connection_error"
    failed = incident["failures"][0]
    run = f"/api/v2/dags/{DAG}/dagRuns/{failed['run_id']}"
    tries = {
        t["task_id"]: (t["state"], t["try_number"])
        for t in repairs.site.get(f"{run}/taskInstances")["task_instances"]
    }
    assert tries == {TASK: ("success", 2), "report": ("success", 1)}
    assert repairs.site.run_state(DAG, failed["run_id"]) == "success"
    repairs.told(DAG, "esolved")
    repairs.site.wait_for("Jira", lambda: repairs.ticket(DAG).status == "Done")


def test_a_pipeline_is_run_again_from_the_activity_that_failed(repairs: Repairs) -> None:
    how = resolved(repairs, "adf")
    assert "approved by admin" in how
    [begun] = repairs.site.azure.begun
    assert begun == {
        "referencePipelineRunId": PIPELINE_RUN, "isRecovery": "true", "startFromFailure": "true",
    }  # fmt: skip
