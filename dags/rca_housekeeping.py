"""Every minute: find the failures that nobody reported, resolve what works again, start the analyses that wait,
deliver what could not be delivered before, and tell the daily digests whose time it is.
"""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

from airflow.sdk import DAG

from rca_plugin.config import settings
from rca_plugin.worker.operators.delivery import DeliverDueOperator
from rca_plugin.worker.operators.digest import DigestOperator, wanted
from rca_plugin.worker.operators.housekeeping import (
    HandOffWaitingOperator,
    ReconcileOperator,
    SettleOperator,
)
from rca_plugin.worker.operators.tickets import PollTicketsOperator

with DAG(
    dag_id="rca_housekeeping",
    description="Finds unreported failures, resolves what works again, starts waiting analyses, delivers.",
    doc_md=__doc__,
    schedule=timedelta(minutes=1),
    start_date=datetime(2026, 1, 1, tzinfo=timezone.utc),
    catchup=False,
    tags=["rca"],
    max_active_runs=1,
    dagrun_timeout=timedelta(minutes=10),
    default_args={"owner": "rca", "retries": 0, "execution_timeout": timedelta(minutes=5)},
    is_paused_upon_creation=False,
):
    reconcile = ReconcileOperator(task_id="reconcile")
    settle = SettleOperator(task_id="settle", trigger_rule="all_done")
    hand_off_waiting = HandOffWaitingOperator(task_id="hand_off_waiting", trigger_rule="all_done")
    deliver = DeliverDueOperator(task_id="deliver", trigger_rule="all_done")

    reconcile >> settle >> hand_off_waiting >> deliver
    if settings().jira_polling:
        # Not only skipped where it is off: that would be a process every minute, for nothing.
        hand_off_waiting >> PollTicketsOperator(task_id="poll_tickets", trigger_rule="all_done") >> deliver
    if wanted():
        deliver >> DigestOperator(task_id="tell_digests", trigger_rule="all_done")
