"""Carry out one repair: ask whoever has to agree, begin it, follow it to its end, and say what came of it.
Started by the plugin, once for each attempt; not by people.

The tag `rca` keeps a failure in here from becoming an incident of its own.
"""

from __future__ import annotations

from datetime import timedelta

from airflow.sdk import DAG, Param

from rca_plugin.worker.operators.repair import (
    ActOperator,
    ApproveRepairOperator,
    ConcludeOperator,
    VerifyOperator,
)

REPAIR = "{{ params.remediation_id }}"

with DAG(
    dag_id="rca_remediation",
    description="Carries out one repair, if policy and people allow it, and verifies it by its outcome.",
    doc_md=__doc__,
    schedule=None,
    tags=["rca"],
    params={"remediation_id": Param(type="integer", minimum=1, description="The number of the repair.")},
    max_active_runs=16,
    dagrun_timeout=timedelta(days=9),
    default_args={
        "owner": "rca",
        "retries": 5,
        "retry_delay": timedelta(seconds=10),
        "retry_exponential_backoff": True,
        "max_retry_delay": timedelta(minutes=5),
        "execution_timeout": timedelta(minutes=15),
    },
    is_paused_upon_creation=False,
):
    approve = ApproveRepairOperator(task_id="approve", remediation_id=REPAIR)
    approve_again = ApproveRepairOperator(task_id="approve_again", remediation_id=REPAIR, approval=2)
    act = ActOperator(task_id="act", remediation_id=REPAIR)
    verify = VerifyOperator(task_id="verify", remediation_id=REPAIR)
    conclude = ConcludeOperator(task_id="conclude", remediation_id=REPAIR, trigger_rule="all_done")

    approve >> approve_again >> act >> verify >> conclude
