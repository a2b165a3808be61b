"""What a real Airflow tells of its failures: the line a person would point at, and what changed before."""

from __future__ import annotations

from typing import Any

import pytest

from tests.e2e.conftest import Site

pytestmark = [pytest.mark.airflow, pytest.mark.timeout(1800)]

POINTED_AT = {
    "example_warehouse_load": "ConnectionRefusedError: [Errno 111] Connection refused",
    "example_invoice_import": "No such file or directory: '/data/landing/invoices/2026-11-23.csv'",
    "example_customer_export": "KeyError: 'name'",
    "example_rates_api": "HTTPError: HTTP Error 503: Service Unavailable",
    "example_revenue_report": "OperationalError: no such column: net_amount",
    "example_slow_aggregation": "AirflowTaskTimeout: Timeout, PID: ",
    "example_partner_files": "JSONDecodeError: ",
    "example_model_training": "signal_name=SIGKILL signal=-9",
    "example_campaign_mail": "has no attribute 'campaign'",
}
VERSIONED = "depends_on_its_version"
WORKING, BROKEN = "true", "exit 3"
CHANGING = ("depends_on_a_connection", "depends_on_a_variable", "depends_on_a_parameter", VERSIONED)
SOURCE = """
from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import dag

@dag(schedule=None, is_paused_upon_creation=False)
def {dag_id}():
    BashOperator(task_id="load", bash_command="{command}")

{dag_id}()
"""


def evidence_of(site: Site, dag_id: str) -> list[dict[str, Any]]:
    incident = site.wait_for_incident(dag_id, lambda incident: incident["analysis"] is not None)
    return list(site.detail(incident)["evidence"])


def texts(evidence: list[dict[str, Any]], kind: str) -> list[str]:
    return [fact["text"] for fact in evidence if fact["kind"] == kind]


@pytest.fixture(scope="module")
def examples(site: Site) -> None:
    site.wait_for_runs({dag_id: site.start_run(dag_id) for dag_id in POINTED_AT})


@pytest.mark.parametrize("dag_id", POINTED_AT)
def test_the_log_has_the_line_a_person_would_point_at(site: Site, examples: None, dag_id: str) -> None:
    evidence = evidence_of(site, dag_id)
    assert POINTED_AT[dag_id] in "\n".join(texts(evidence, "log"))
    assert texts(evidence, "missing") == []


def test_the_error_is_in_the_log_though_hundreds_of_lines_follow(site: Site) -> None:
    site.wait_for_runs({"fails_and_talks_on": site.start_run("fails_and_talks_on")})
    evidence = evidence_of(site, "fails_and_talks_on")
    [log] = texts(evidence, "log")
    assert "No space left on device: '/data/orders.parquet'" in log
    assert "RuntimeError: the orders could not be loaded" in log
    assert "closing connection 599" in log
    assert "lines left out" in log
    chain = next(text for text in texts(evidence, "traceback") if "which led to" in text)
    assert chain.startswith("OSError: [Errno 28] No space left on device")


@pytest.fixture(scope="module")
def changes(site: Site) -> dict[str, list[str]]:
    """What is named as changed, after everything worked once and each was changed in its own way."""
    write_dag(site, WORKING)
    site.post("/api/v2/connections", a_connection("orders_db", "old.internal"))
    site.post("/api/v2/connections", a_connection("orders_archive", "archive.internal"))
    site.post("/api/v2/variables", {"key": "orders_limit", "value": "5"})
    site.wait_for("the DAG", lambda: versions(site) == [1])
    first = {dag_id: site.start_run(dag_id) for dag_id in CHANGING}
    site.wait_for_runs(first)
    assert {dag_id: site.run_state(dag_id, run) for dag_id, run in first.items()} == dict.fromkeys(
        CHANGING, "success"
    )

    write_dag(site, BROKEN)
    patch(site, "/api/v2/connections/orders_db", a_connection("orders_db", "new.internal"))
    update = {"action": "update", "entities": [a_connection("orders_archive", "elsewhere.internal")]}
    patch(site, "/api/v2/connections", {"actions": [update]})
    site.airflow.run("variables", "set", "orders_limit", "7")
    site.wait_for("the new version", lambda: versions(site) == [1, 2])
    second = {dag_id: site.start_run(dag_id) for dag_id in CHANGING[:2] + CHANGING[3:]}
    second["depends_on_a_parameter"] = site.start_run("depends_on_a_parameter", conf={"region": "us"})
    site.wait_for_runs(second)
    return {dag_id: texts(evidence_of(site, dag_id), "change") for dag_id in CHANGING}


def write_dag(site: Site, command: str) -> None:
    (site.dag_folder / "versioned.py").write_text(SOURCE.format(dag_id=VERSIONED, command=command))


def versions(site: Site) -> list[int]:
    answer = site.http.get(f"/api/v2/dags/{VERSIONED}/dagVersions")
    return sorted(v["version_number"] for v in answer.json()["dag_versions"]) if answer.is_success else []


def a_connection(name: str, host: str) -> dict[str, Any]:
    login = {"login": "etl", "password": "hunter2", "extra": '{"sslkey": "hunter3"}'}
    return {"connection_id": name, "conn_type": "postgres", "host": host, **login}


def patch(site: Site, path: str, body: Any) -> None:
    site.http.patch(path, json=body).raise_for_status()


def test_a_new_version_of_the_dag_is_named(changes: dict[str, list[str]]) -> None:
    [text] = [
        text
        for text in changes[VERSIONED]
        if text.startswith("DAG version 1 → 2 since the last success (manual")
    ]
    assert 'Task load.bash_command: "true" → "exit 3"' in text
    assert '+    BashOperator(task_id="load", bash_command="exit 3")' in text


def test_an_edited_connection_is_named_without_its_secrets(changes: dict[str, list[str]]) -> None:
    found = changes["depends_on_a_connection"]
    [text] = [text for text in found if text.startswith("Connection orders_db was edited by admin ")]
    assert text.splitlines()[0].endswith("the task's fields name it")
    assert 'host: "new.internal"' in text
    assert [text for text in found if text.startswith("Connection orders_archive was edited by admin ")]
    [rendered] = [text for text in found if text.startswith("Template fields differ")]
    assert "old.internal" in rendered
    assert "new.internal" in rendered
    assert "hunter" not in str(changes)


def test_a_variable_set_on_the_command_line_is_named(changes: dict[str, list[str]]) -> None:
    [text] = [
        text
        for text in changes["depends_on_a_variable"]
        if text.startswith("Variable orders_limit was set by ")
    ]
    assert text.splitlines()[0].endswith("the DAG's file names it")


def test_a_changed_parameter_is_named(site: Site, changes: dict[str, list[str]]) -> None:
    found = changes["depends_on_a_parameter"]
    assert [
        text
        for text in found
        if text.startswith('Parameter region: "eu" → "us" since the last success (manual')
    ]
    assert [text for text in found if text.startswith("Template fields differ") and "test us = eu" in text]
    [upstream] = texts(evidence_of(site, "depends_on_a_parameter"), "upstream")
    assert upstream.startswith("1 of 1 upstream tasks succeeded.\nextract: success, ran ")
