"""A notification of Databricks becomes an incident with the error that only Databricks knew."""

from __future__ import annotations

from typing import Any

import pytest

from tests.e2e.conftest import WEBHOOK_SECRET, Site
from tests.fakes.databricks import JOB, RUN, WORKSPACE, databricks

pytestmark = [pytest.mark.airflow, pytest.mark.timeout(1800)]
NOTIFICATION = {
    "event_type": "jobs.on_failure",
    "workspace_id": str(WORKSPACE),
    "run": {"run_id": str(RUN)},
    "job": {"job_id": str(JOB), "name": "harbor nightly"},
}


def test_a_task_asks_databricks_with_a_connection_of_airflow(site: Site) -> None:
    with databricks() as service, site.connected(databricks_default=service.connection):
        answer = site.http.post(
            "/pluginsv2/rca/webhooks/databricks", json=NOTIFICATION, auth=("databricks", WEBHOOK_SECRET)
        )
        number = answer.raise_for_status().json()["results"][0]["incident_id"]

        def analyzed() -> dict[str, Any] | None:
            incident = site.detail({"id": number})
            return incident if incident["analysis"] else None

        incident: dict[str, Any] = site.wait_for("the analysis", analyzed)
    found = {fact["kind"]: fact for fact in incident["evidence"]}
    assert "missing" not in found
    assert "Connection refused" in found["run_output"]["text"]
    assert incident["category"] == "connection_error"
    assert incident["analysis"]["root_cause"]["evidence"] == [found["run_output"]["id"]]
