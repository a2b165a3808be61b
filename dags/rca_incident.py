"""Analyze one incident. Triggered by the plugin, once for each new incident.

The tag `rca` keeps a failure in here from becoming an incident of its own.
"""

from __future__ import annotations

from datetime import timedelta

from airflow.sdk import DAG, Param

from rca_plugin.core.model_call import ANALYSIS_POOL
from rca_plugin.worker.operators.incident import AnalyzeOperator, ClassifyOperator, CollectEvidenceOperator

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

    collect_evidence >> classify >> analyze
