"""What a real Airflow's own tables tell of causes and recoveries, and what becomes of secrets in its logs."""

from __future__ import annotations

from typing import Any

import pytest

from tests.e2e.conftest import Site
from tests.secrets_of_each_kind import planted

pytestmark = [pytest.mark.airflow, pytest.mark.timeout(1800)]


def by_resource(site: Site, dag_id: str) -> dict[str, dict[str, Any]]:
    return {incident["resource"]: incident for incident in site.incidents(dag_id)}


def test_a_task_that_fails_after_its_upstream_is_attached_to_that(site: Site) -> None:
    site.wait_for_runs({"fails_downstream": site.start_run("fails_downstream")})
    found = by_resource(site, "fails_downstream")
    cause, consequence = found["fails_downstream/extract"], found["fails_downstream/report"]
    assert (cause["status"], consequence["status"]) == ("open", "suppressed")
    assert (consequence["suppressed_by"], consequence["parent_id"]) == ("upstream_task", cause["id"])
    assert consequence["rca_run_id"] is None


def test_a_task_that_waited_for_a_dag_that_failed_is_attached_to_that(site: Site) -> None:
    run = site.start_run("waits_for_a_dag_that_fails")
    site.wait_for_runs({"waits_for_a_dag_that_fails": run})
    cause = by_resource(site, "is_triggered_and_fails")["is_triggered_and_fails/work"]
    consequence = by_resource(site, "waits_for_a_dag_that_fails")["waits_for_a_dag_that_fails/trigger"]
    assert (consequence["status"], consequence["suppressed_by"]) == ("suppressed", "triggered_dag")
    assert consequence["parent_id"] == cause["id"]


def test_a_later_run_that_succeeds_resolves_the_incident(site: Site) -> None:
    site.wait_for_runs({"works_the_second_time": site.start_run("works_the_second_time")})
    incident = site.wait_for_incident("works_the_second_time")
    assert incident["status"] == "open"
    site.post("/api/v2/variables", {"key": "works_now", "value": "yes"})
    site.wait_for_runs({"works_the_second_time": site.start_run("works_the_second_time")})
    site.keep_house()
    detail = site.detail(incident)
    assert (detail["status"], detail["resolved_how"]) == ("resolved", "a later run of it succeeded")
    assert [e["action"] for e in detail["timeline"]].count("resolved") == 1


def test_secrets_in_an_error_and_in_a_log_are_nowhere_but_in_that_log(site: Site) -> None:
    site.wait_for_runs({"fails_with_secrets": site.start_run("fails_with_secrets")})
    incident = site.wait_for_incident("fails_with_secrets", lambda i: i["analysis"] is not None)
    site.wait_for_runs({"rca_incident": incident["rca_run_id"]})
    page = site.http.get(
        f"/pluginsv2/rca/incidents/{incident['id']}",
        headers={"Cookie": f"_token={site.http.headers['Authorization'].removeprefix('Bearer ')}"},
    )
    assert "fails_with_secrets/work" in page.text
    answer = site.http.get(f"/rca/api/v1/incidents/{incident['id']}")
    assert {"log", "traceback"} <= {fact["kind"] for fact in answer.json()["evidence"]}
    shown = {"page": page.text, "API": answer.text}
    for log in site.airflow.home.rglob("*.log"):
        # The LocalExecutor of Airflow 3.3 repeats in the scheduler's output what its tasks log.
        if "dag_id=fails_with_secrets" not in str(log) and log.name != "scheduler.log":
            shown[str(log)] = log.read_text(errors="replace")
    kinds = {**{f"log: {k}": v for k, v in planted("e2e7x").items()}, **planted("e2e8y")}
    found = [
        (place, name)
        for place, text in shown.items()
        for name, (_, secret) in kinds.items()
        if secret in text
    ]
    assert found == []
