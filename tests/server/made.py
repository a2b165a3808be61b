"""Failures and recoveries for tests of what becomes of them, and what the tables say afterwards."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

from airflow.models.dagrun import DagRun
from airflow.utils.session import create_session
from sqlalchemy import select

from rca_plugin.core.analysis import GEMINI, Analysis, Claim, Hypothesis
from rca_plugin.core.category import Category, Severity
from rca_plugin.core.failure import Failure, Recovery, Report, Source, TaskRef, event_key
from rca_plugin.core.sources.airflow import task_failure
from rca_plugin.server import audit
from rca_plugin.server.intake import take_in
from rca_plugin.server.models import Incident
from rca_plugin.server.receipt import Receipt

NOON = datetime(2026, 11, 23, 12, tzinfo=timezone.utc)
REFUSED = "could not connect to server: Connection refused"


def task_failed(
    dag: str,
    task: str | None = "load",
    run: str = "run-1",
    *,
    error: str = REFUSED,
    minutes: float = 0,
    **more: Any,
) -> Failure:
    return task_failure(
        TaskRef(dag, run, task, -1, 1 if task else 0),
        occurred_at=NOON + timedelta(minutes=minutes),
        exception_type="OperationalError",
        text=error,
        reported_by="listener",
        **more,
    )


def alerted(
    resource: str, event: str = "1", *, error: str = "boom", minutes: float = 0, **more: Any
) -> Failure:
    return Failure(
        source=more.pop("source", Source.GENERIC),
        event_key=event_key(Source.GENERIC, resource, event),
        resource=resource,
        occurred_at=NOON + timedelta(minutes=minutes),
        message=error,
        **more,
    )


def recovered(event: str = "1", *, minutes: float = 0, **more: Any) -> Recovery:
    return Recovery(
        source=more.pop("source", Source.GENERIC),
        event_key=event_key(Source.GENERIC, "recovery", event),
        occurred_at=NOON + timedelta(minutes=minutes),
        reason="the check passes again",
        **more,
    )


def analysis(method: str = GEMINI, **more: Any) -> Analysis:
    values: dict[str, Any] = {
        "summary": "It failed.", "root_cause": Claim("The database is down", ("E1",)),
        "hypotheses": (Hypothesis("down", ("E1",), "ask it"),), "recommendations": ("Start it.",),
        "category": Category.STORAGE_FULL, "severity": Severity.LOW, "confidence": 0.7, "affected_entity": "db-1",
        "suggested_action": None, "estimated_minutes": 10, "method": method,
    }  # fmt: skip
    return Analysis(**(values | more))


def store(*events: Failure | Recovery) -> list[Receipt]:
    failures = tuple(event for event in events if isinstance(event, Failure))
    recoveries = tuple(event for event in events if isinstance(event, Recovery))
    return take_in(Report(failures, recoveries))


def stored(model: type) -> list:
    with create_session(scoped=False) as session:
        return list(session.scalars(select(model).order_by(model.id)))


def incident(resource: str) -> Incident:
    with create_session(scoped=False) as session:
        return session.scalars(select(Incident).where(Incident.resource == resource)).one()


def rca_runs() -> list[DagRun]:
    with create_session(scoped=False) as session:
        ours = select(DagRun).where(DagRun.dag_id == "rca_incident")
        return list(session.scalars(ours.order_by(DagRun.id)))


def actions(incident_id: int) -> list[str]:
    with create_session(scoped=False) as session:
        return [entry.action for entry in audit.timeline(session, incident_id)]
