"""Incidents as rows, without the way of a failure into them."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any
from uuid import uuid4

from airflow.utils.session import create_session

from rca_plugin.server.models import FailureRow, Incident

NOON = datetime(2026, 11, 23, 12, tzinfo=timezone.utc)


def add(*rows: Any) -> list[int]:
    """Store rows; answer their numbers."""
    with create_session(scoped=False) as session:
        session.add_all(rows)
        session.flush()
        return [row.id for row in rows]


def an_incident(resource: str = "orders/load", **fields: Any) -> Incident:
    print_ = uuid4().hex
    values: dict[str, Any] = {
        "kind": "failure", "fingerprint": print_, "open_fingerprint": print_, "source": "airflow",
        "resource": resource, "dag_id": resource.partition("/")[0], "environment": "production",
        "title": "connection refused", "owner": "data", "category": "connection_error", "severity": "High",
        "priority": "P2", "rule": None, "confidence": 0.9, "status": "open", "cause": print_, "opened_at": NOON,
        "reopened_count": 0, "flapping": False, "failure_count": 1, "first_failure_at": NOON,
        "last_failure_at": NOON,
    }  # fmt: skip
    return Incident(**(values | fields))


def a_failure_row(incident_id: int, **fields: Any) -> FailureRow:
    values: dict[str, Any] = {
        "event_key": f"airflow:{uuid4().hex}", "incident_id": incident_id, "source": "airflow",
        "resource": "orders/load", "dag_id": "orders", "run_id": "run-1", "task_id": "load", "map_index": -1,
        "try_number": 1, "final": True, "occurred_at": NOON, "recorded_at": NOON, "reported_by": "listener",
        "operator": "PythonOperator", "code": "OperationalError", "message": "connection refused",
        "signature": "connection refused", "detail": "", "alert": None, "labels": {}, "url": None,
    }  # fmt: skip
    return FailureRow(**(values | fields))
