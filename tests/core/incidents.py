"""An incident as the API shows it."""

from __future__ import annotations

from typing import Any


def incident(**changes: Any) -> dict[str, Any]:
    return {
        "id": 42, "label": "RCA-42", "fingerprint": "0123456789abcdef" * 4, "source": "airflow",
        "resource": "orders_daily/load", "environment": "production", "title": "OperationalError: connection refused",
        "owner": "data-team", "category": "connection_error", "severity": "High", "priority": "P2", "confidence": 0.9,
        "kind": "failure", "status": "open", "suppressed_by": None, "suppressed_why": None, "parent_id": None,
        "silence_id": None, "opened_at": "2026-11-25T12:00:00Z", "resolved_at": None, "resolved_how": None,
        "reopened_count": 0, "flapping": False, "failure_count": 3, "first_failure_at": "2026-11-25T11:59:00Z",
        "last_failure_at": "2026-11-25T12:01:02Z", "rca_run_id": None, "analysis_problem": None, "rule": "refused",
        "assignee": None, "acknowledged_at": None, "acknowledged_by": None,
        "response_due_at": "2026-11-25T12:30:00Z", "resolve_due_at": "2026-11-25T20:00:00Z",
        "analysis": analysis(), "failures": [], "timeline": [], "deliveries": [],
        "storm": None,
        "evidence": [fact("E1", "Connection refused"), fact("E2", "Traceback\n  File x\nValueError: y")],
        **changes,
    }  # fmt: skip


def fact(number: str, text: str) -> dict[str, Any]:
    return {
        "id": number,
        "kind": "log",
        "source": "airflow task log, try 1",
        "observed_at": None,
        "text": text,
    }


def analysis(**changes: Any) -> dict[str, Any]:
    return {
        "summary": "The load failed. The database refused the connection.",
        "root_cause": {"text": "db-1 is down", "evidence": ["E2"]},
        "hypotheses": [{"text": "It was restarted", "evidence": ["E1"], "distinguish": "Ask its log"}],
        "recommendations": ["Start it", "Run it again", "Watch it", "Tell everybody"],
        "avoid": ["Do not drop the table."], "not_known": ["Who stopped it"], "runbooks": [],
        "category": "connection_error", "severity": "High", "confidence": 0.8, "affected_entity": "db-1",
        "suggested_action": None, "estimated_minutes": 10, "method": "gemini", "category_by": "rules", "opinion": None,
        "quotes": [{"evidence": "E1", "text": "Connection refused"}], "left_out": [], "model_problem": "",
        **changes,
    }  # fmt: skip


def attempt(**changes: Any) -> dict[str, Any]:
    """An attempt to repair it that waits for an answer."""
    return {
        "id": 7, "attempt": 1, "action": "databricks_use_fallback_node_type", "mode": "approve", "risk": "medium",
        "resource": "cluster:adb-1/0101", "blast_radius": ["job nightly", "cluster 0101"], "rules": [],
        "state": "waiting", "approvals_needed": 1, "approvals": [], "planned_at": "2026-11-25T12:02:00Z",
        "expires_at": "2026-11-25T13:02:00Z", "not_before": None, "started_at": None, "finished_at": None,
        "outcome": "", "external_run_id": None, "external_url": None,
        **changes,
    }  # fmt: skip
