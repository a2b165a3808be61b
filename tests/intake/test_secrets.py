"""A secret of each kind, planted wherever a sender can put text, is nowhere afterwards."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.intake.conftest import Api
from tests.secrets_of_each_kind import planted

pytestmark = [pytest.mark.airflow, pytest.mark.timeout(1800)]


def reports(kind: int, text: str) -> Iterator[tuple[str, Any]]:
    """A report of each source with a text in every place that takes one."""
    when = "2026-11-24T03:00:00Z"
    # Owners and labels are single lines.
    line = text if len(text) < 400 and text.isprintable() else "-"
    yield "generic", {
        "id": f"{kind}", "resource": f"service/{kind}", "message": f"failed: {text}", "detail": text, "owner": line,
        "occurred_at": when, "labels": {"note": line, "job": f"{kind}"},
    }  # fmt: skip
    yield "airflow", {
        "dag_id": f"dag_{kind}", "run_id": "run-1", "task_id": "load", "try_number": 1, "occurred_at": when,
        "exception_type": "RuntimeError", "message": text, "traceback": f"Traceback\n{text}\nRuntimeError: {text}",
    }  # fmt: skip
    yield "adf", {
        "dataFactoryName": "adf-prod", "pipelineName": f"pl_{kind}", "runId": f"{kind:08}-aaaa-bbbb-cccc-000000000000",
        "status": "Failed", "errorCode": "2100", "errorMessage": text, "parameters": {"note": text},
    }  # fmt: skip
    yield "databricks", {
        "job_id": f"{kind}", "run_id": f"9{kind}", "job_name": f"job {kind}", "status": "FAILED", "error_message": text,
    }  # fmt: skip
    yield "azure_monitor", {
        "schemaId": "azureMonitorCommonAlertSchema",
        "data": {
            "essentials": {
                "alertId": f"/subscriptions/s/providers/Microsoft.AlertsManagement/alerts/{kind}",
                "alertRule": "rule", "severity": "Sev1", "signalType": "Log", "monitorCondition": "Fired",
                "monitoringService": "Log Alerts V2", "firedDateTime": when, "description": text,
                "alertTargetIDs": ["/subscriptions/s/resourcegroups/g/providers/microsoft.compute/virtualmachines/v"],
            },
            "alertContext": {
                "properties": {"note": text},
                "condition": {"allOf": [{"searchQuery": text, "dimensions": [{"name": "Message", "value": text}]}]},
            },
        },
    }  # fmt: skip


def everything_stored(api: Api) -> Iterator[tuple[str, str]]:
    for table in ("rca_incident", "rca_failure", "rca_audit", "rca_recovery", "dag_run", "log"):
        yield table, "\n".join(repr(tuple(row)) for row in api.rows(f"SELECT * FROM {table}"))


def everything_shown(api: Api) -> Iterator[tuple[str, str]]:
    with api.airflow.client() as http:
        for row in api.rows("SELECT id FROM rca_incident"):
            answer = http.get(f"/rca/api/v1/incidents/{row.id}")
            answer.raise_for_status()
            yield f"API of {row.id}", answer.text
        http.cookies.set("_token", http.headers["Authorization"].removeprefix("Bearer "))
        for path in [
            "incidents",
            *(f"incidents/{row.id}" for row in api.rows("SELECT id FROM rca_incident")),
        ]:
            page = http.get(f"/pluginsv2/rca/{path}")
            page.raise_for_status()
            assert "RCA" in page.text
            yield f"page {path}", page.text
    for log in sorted(api.airflow.home.glob("*.log")):
        yield log.name, log.read_text(errors="replace")


def forms(secret: str) -> set[str]:
    """The secret as it may have been written."""
    return {secret, json.dumps(secret)[1:-1], repr(secret)[1:-1]}


def test_secrets_of_each_kind_are_nowhere_afterwards(api: Api) -> None:
    kinds = {
        f"{name} {marker}": pair for marker in ("q7Zk3", "w9Xp2") for name, pair in planted(marker).items()
    }
    traces = {name: forms(secret) for name, (_, secret) in kinds.items()}
    for number, (name, (text, secret)) in enumerate(kinds.items()):
        assert secret in text
        for source, body in reports(number, text):
            answer = api.post(source, body)
            assert answer.status_code == 202, (source, answer.text)
            assert not any(form in answer.text for form in traces[name])
    assert api.count("rca_failure") >= 5 * len(kinds)
    found = [
        (place, name)
        for place, content in (*everything_stored(api), *everything_shown(api))
        for name in kinds
        if any(form in content for form in traces[name])
    ]
    assert found == []


def test_a_refused_report_leaves_no_secret_in_the_log(api: Api) -> None:
    text, secret = planted("n5Rt8")["named: plain"]
    assert api.post("generic", {"resource": "a", "message": text, "unknown": text}).status_code == 422
    assert api.post("adf", [text]).status_code in (400, 422)
    log = (api.airflow.home / "api-server.log").read_text()
    assert secret not in log
    assert api.count("rca_failure") == 0


def test_the_secret_in_a_query_string_is_not_in_the_log(api: Api) -> None:
    from tests.intake.conftest import SECRET

    api.post("azure_monitor", {})
    assert SECRET not in (api.airflow.home / "api-server.log").read_text()
