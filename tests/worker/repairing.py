"""Incidents that can be repaired, and orders for their repair."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

from rca_plugin.core.remediation.proposal import Proposal
from rca_plugin.worker.repairs.repair import Order
from tests.fakes import adf
from tests.fakes.databricks import CLUSTER, ENDED, JOB, RUN, WORKSPACE, Workspace, cluster

FALLBACKS = {"node_types": {"Standard_D8s_v5": ["Standard_E8s_v5", "Standard_D8as_v5"]}}
OF_RUN = {"workspace_id": str(WORKSPACE), "job_id": str(JOB), "run_id": str(RUN)}
OF_CLUSTER = {"workspace_id": str(WORKSPACE), "cluster_id": CLUSTER}
OF_PIPELINE = {
    "factory": adf.FACTORY, "resource_group": adf.GROUP, "subscription": adf.SUBSCRIPTION,
    "pipeline": adf.PIPELINE, "pipeline_run_id": adf.RUN,
}  # fmt: skip
STOCKOUT = {
    "cluster_source": "UI", "state": "TERMINATED", "terminated_time": ENDED,
    "termination_reason": {"code": "CLOUD_PROVIDER_RESOURCE_STOCKOUT", "type": "CLOUD_FAILURE"},
    "spark_conf": {"spark.speculation": "true"}, "custom_tags": {"team": "harbor"},
}  # fmt: skip


def incident(source: str, labels: dict[str, str], **more: Any) -> dict[str, Any]:
    """As the server gives it."""
    failure = {
        "final": True, "labels": labels, "occurred_at": adf.FAILED_AT.isoformat(), "dag_id": None, "run_id": None,
        "task_id": None, "url": None,
    }  # fmt: skip
    about = {
        "resource": "harbor",
        "environment": "production",
        "category": "cluster_stockout",
        "priority": "P2",
    }
    return {"id": 42, "source": source, "failures": [failure], "evidence": [], **about, **more}


def order(proposal: Proposal, remediation_id: int = 7, *earlier: str) -> Order:
    """The first try at a repair."""
    token = f"token-{remediation_id:03}"
    return Order(remediation_id, proposal.target, token, datetime.now(timezone.utc), earlier)


def with_cluster(service: Workspace, **more: Any) -> Workspace:
    """Its cluster is one that people made."""
    service.clusters[CLUSTER] = cluster(**{**STOCKOUT, **more})
    return service


def with_job(service: Workspace) -> Workspace:
    """Its run is of a job that defines its machines."""
    shared = {"job_cluster_key": "main", "new_cluster": _machines()}
    settings = {"name": "harbor nightly", "job_clusters": [shared], "tasks": [{"task_key": "berth_plan"}]}
    service.jobs[JOB] = {"job_id": JOB, "settings": settings}
    for task in service.runs[RUN]["tasks"]:
        task["job_cluster_key"] = "main"
    return service


def _machines() -> dict[str, Any]:
    return {
        "spark_version": "16.4.x-scala2.12",
        "node_type_id": "Standard_D8s_v5",
        "driver_node_type_id": "Standard_D8s_v5",
        "num_workers": 4,
        "azure_attributes": {"first_on_demand": 1, "availability": "SPOT_AZURE"},
    }
