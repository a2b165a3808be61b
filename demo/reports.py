"""What is posted to the webhooks in a night: by Data Factory, Databricks and Alertmanager, and in a storm."""

from __future__ import annotations

import base64
import secrets
from datetime import datetime, timedelta, timezone
from typing import Any

import httpx

SECRET = secrets.token_hex(16)
OPTIONS = {f"RCA__WEBHOOK_SECRET_{source}": SECRET for source in ("ADF", "DATABRICKS", "GENERIC")}
_BEARER = {"Authorization": f"Bearer {SECRET}"}
_PROOF = {
    "adf": _BEARER,
    "databricks": {"Authorization": f"Basic {base64.b64encode(f'rca:{SECRET}'.encode()).decode()}"},
    "generic": _BEARER,
}
_CLUSTER = "1124-020500-night042"
_WORKSPACE = "7405619302847116"
_SERVICES = (
    "billing",
    "catalog",
    "checkout",
    "ledger",
    "loyalty",
    "mailer",
    "pricing",
    "search",
    "stock",
    "tax",
)

#: For each resource the category, and the status that its incident has in the end.
EXPECTED = {
    "adf-prod/pl_daily_orders/CopyOrders": ("auth_permission", "open"),
    f"{_WORKSPACE}/clusters/{_CLUSTER}": ("cluster_stockout", "open"),
    f"{_WORKSPACE}/516892/load_placements": ("cluster_stockout", "suppressed"),
    "kafka/orders-consumer": ("unknown", "resolved"),
}
STORM = "connection_error"


def post_all(url: str) -> list[str]:
    """Post them all, and say what each was."""
    now = datetime.now(timezone.utc)
    told = []
    for source, what, body in _reports(now):
        answer = httpx.post(
            f"{url}/pluginsv2/rca/webhooks/{source}", json=body, headers=_PROOF[source], timeout=30
        )
        answer.raise_for_status()
        told.append(f"{source:<10} {what}")
    return told


def _reports(now: datetime) -> list[tuple[str, str, Any]]:
    return [
        (
            "adf",
            "pipeline pl_daily_orders: the copy activity is not let into the storage account",
            _pipeline(now),
        ),
        (
            "databricks",
            f"cluster {_CLUSTER} did not start: the cloud has no such machines left",
            _cluster(now),
        ),
        ("databricks", "a job that was to run on that cluster failed, too", _job(now)),
        ("generic", "Alertmanager: the orders consumer lags", _alert("firing", now)),
        ("generic", "Alertmanager: it does not any more", _alert("resolved", now)),
        *(("generic", f"{service} lost the orders database", _lost(service, now)) for service in _SERVICES),
    ]


def _pipeline(now: datetime) -> dict[str, Any]:
    return {
        "dataFactoryName": "adf-prod",
        "pipelineName": "pl_daily_orders",
        "runId": "4f0c9b1e-6a55-4f0c-9b1e-5f1d7c1e6a55",
        "activityName": "CopyOrders",
        "activityRunId": "8e2d7c1e-1a55-4f0c-9b1e-5f1d7c1e6a55",
        "status": "Failed",
        "errorCode": "AdlsGen2ForbiddenError",
        "errorMessage": "ErrorCode=AdlsGen2ForbiddenError,Message=The operation on ADLS Gen2 account orderslake was "
        "forbidden: this request is not authorized to perform this operation using this permission.",
        "endTime": now.isoformat(),
    }


def _cluster(now: datetime) -> dict[str, Any]:
    return {
        "workspace_id": _WORKSPACE,
        "cluster": {
            "cluster_id": _CLUSTER,
            "cluster_name": "nightly",
            "state": "TERMINATED",
            "state_message": "The VM size Standard_DS4_v2 is not available in westeurope",
            "terminated_time": int(now.timestamp() * 1000),
            "termination_reason": {"code": "CLOUD_PROVIDER_RESOURCE_STOCKOUT", "type": "CLOUD_FAILURE"},
        },
    }


def _job(now: datetime) -> dict[str, Any]:
    return {
        "workspace_id": _WORKSPACE,
        "job_id": "516892",
        "run_id": "9981",
        "task_key": "load_placements",
        "cluster_id": _CLUSTER,
        "status": "FAILED",
        "error_message": "Cluster could not start: CLOUD_PROVIDER_RESOURCE_STOCKOUT",
        "end_time": int(now.timestamp() * 1000),
    }


def _alert(status: str, now: datetime) -> dict[str, Any]:
    began = now - timedelta(minutes=6)
    return {
        "version": "4",
        "status": status,
        "receiver": "rca",
        "groupKey": "{}:{}",
        "groupLabels": {},
        "commonLabels": {},
        "commonAnnotations": {},
        "externalURL": "https://alertmanager.example",
        "alerts": [
            {
                "status": status,
                "labels": {
                    "alertname": "ConsumerLag",
                    "resource": "kafka/orders-consumer",
                    "severity": "warning",
                },
                "annotations": {"summary": "The consumer of topic orders is 40 minutes behind"},
                "startsAt": began.isoformat(),
                "endsAt": (
                    now if status == "resolved" else datetime(1, 1, 1, tzinfo=timezone.utc)
                ).isoformat(),
                "generatorURL": "https://prometheus.example/graph",
                "fingerprint": "0f3c9b1e6a554f0c",
            }
        ],
    }


def _lost(service: str, now: datetime) -> dict[str, Any]:
    return {
        "id": f"{service}-{now.timestamp():.0f}",
        "resource": f"services/{service}",
        "message": "OperationalError: connection to server at orders-db port 5432 failed: Connection refused",
        "occurred_at": now.isoformat(),
    }
