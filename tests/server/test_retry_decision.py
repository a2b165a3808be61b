"""What a retry policy decided about a try can be read on its incident, and is known to the analysis."""

from __future__ import annotations

from datetime import datetime, timezone

import pytest
from airflow.models.taskinstance import TaskInstance
from airflow.utils.session import create_session
from airflow.utils.state import TaskInstanceState
from sqlalchemy import update

from rca_plugin.core.failure import Failure, TaskRef
from rca_plugin.core.sources.airflow import task_failure
from rca_plugin.server import audit
from rca_plugin.server.findings import collect_evidence
from rca_plugin.server.models import FailureRow
from tests.server.airflow_rows import add_run, add_task
from tests.server.made import NOON, store, stored

pytestmark = pytest.mark.usefixtures("database")

RETRIED = "retry in 12.0 s: connection_error (rule network.refused, 0.62): ConnectionRefusedError"
STOPPED = "no retry: auth_permission (rule python.permission, 0.72): PermissionError"


def a_failed_try(number: int, decision: str | None, *, final: bool) -> Failure:
    return task_failure(
        TaskRef("orders", "run-1", "load", -1, number), occurred_at=NOON, exception_type="PermissionError",
        text="Permission denied", final=final, reported_by="listener", retry_decision=decision,
    )  # fmt: skip


def test_it_is_on_the_failures_on_the_timeline_and_in_the_evidence() -> None:
    store(a_failed_try(1, RETRIED, final=False))
    [receipt] = store(a_failed_try(2, STOPPED, final=True))
    assert receipt.incident_id
    assert [row.labels for row in stored(FailureRow)] == [
        {"retry_decision": RETRIED},
        {"retry_decision": STOPPED},
    ]
    with create_session(scoped=False) as session:
        told = {e.action: e.detail for e in audit.timeline(session, receipt.incident_id)}
        facts = {f.kind: f.text for f in collect_evidence(session, receipt.incident_id, wait=False)}
    assert told["opened"]["retry_decision"] == STOPPED
    assert told["earlier_try_failed"]["retry_decision"] == RETRIED
    assert facts["labels"] == f"retry_decision: {STOPPED}"


def test_without_a_policy_nothing_is_said() -> None:
    store(a_failed_try(1, None, final=False))
    [receipt] = store(a_failed_try(2, None, final=True))
    assert receipt.incident_id
    with create_session(scoped=False) as session:
        entries = audit.timeline(session, receipt.incident_id)
    assert not [entry for entry in entries if "retry_decision" in entry.detail]


def test_what_airflow_keeps_of_a_try_that_is_repeated_is_in_the_evidence() -> None:
    add_run("orders", "run-1")
    add_task("orders", "run-1", "load", TaskInstanceState.UP_FOR_RETRY, started=datetime.now(timezone.utc))
    with create_session(scoped=False) as session:
        session.execute(update(TaskInstance).values(retry_reason=f"{RETRIED} password=hunter2"))
    [receipt] = store(a_failed_try(1, None, final=True))
    assert receipt.incident_id
    with create_session(scoped=False) as session:
        facts = {f.kind: f.text for f in collect_evidence(session, receipt.incident_id, wait=False)}
    assert f"retry policy: {RETRIED}" in facts["tries"]
    assert "hunter2" not in facts["tries"]
