"""Analyze one incident, open its ticket, tell of it, and archive it, where that is set up; and plan its repair.
Triggered by the plugin, once for each new incident.

The tag `rca` keeps a failure in here from becoming an incident of its own.
"""

from __future__ import annotations

from datetime import timedelta

from airflow.sdk import DAG, Param

from rca_plugin.core.model_call import ANALYSIS_POOL
from rca_plugin.worker.operators.delivery import ArchiveOperator, NotifyOperator, OpenTicketOperator
from rca_plugin.worker.operators.incident import AnalyzeOperator, ClassifyOperator, CollectEvidenceOperator
from rca_plugin.worker.operators.repair import PlanRepairOperator

INCIDENT = "{{ params.incident_id }}"

with DAG(
    dag_id="rca_incident",
    description="Collects the evidence of a failure, classifies it and finds its root cause.",
    doc_md=__doc__,
    schedule=None,
    tags=["rca"],
    params={"incident_id": Param(type="integer", minimum=1, description="The number in RCA-42.")},
    max_active_runs=8,
    dagrun_timeout=timedelta(hours=1),
    default_args={
        "owner": "rca",
        "retries": 3,
        "retry_delay": timedelta(seconds=10),
        "retry_exponential_backoff": True,
        "execution_timeout": timedelta(minutes=15),
    },
    is_paused_upon_creation=False,
):
    collect_evidence = CollectEvidenceOperator(task_id="collect_evidence", incident_id=INCIDENT)
    classify = ClassifyOperator(task_id="classify", incident_id=INCIDENT)
    analyze = AnalyzeOperator(task_id="analyze", incident_id=INCIDENT, pool=ANALYSIS_POOL)

    open_ticket = OpenTicketOperator(task_id="open_ticket", incident_id=INCIDENT)
    notify = NotifyOperator(task_id="notify", incident_id=INCIDENT)
    archive = ArchiveOperator(task_id="archive", incident_id=INCIDENT)

    # Also where the analysis failed: what is done depends on the category alone.
    plan_repair = PlanRepairOperator(task_id="plan_repair", incident_id=INCIDENT, trigger_rule="all_done")

    collect_evidence >> classify >> analyze >> [open_ticket, notify, archive, plan_repair]
