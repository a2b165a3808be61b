"""The definition of a cluster of Databricks: its own, or the one that a job has for those it makes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rca_plugin.worker.repairs.databricks_cluster import now
from rca_plugin.worker.repairs.databricks_workspace import EDIT_CLUSTER, GET_JOB, Workspace
from rca_plugin.worker.repairs.repair import NothingToProposeError, Order, RefusedError

#: What `clusters/edit` takes (Clusters API 2.1). Whatever is left out there is set back, so all of it is sent again.
_EDITABLE = (
    "apply_policy_default_values", "autoscale", "autotermination_minutes", "aws_attributes", "azure_attributes",
    "cluster_log_conf", "cluster_name", "custom_tags", "data_security_mode", "docker_image", "driver_instance_pool_id",
    "driver_node_type_id", "enable_elastic_disk", "enable_local_disk_encryption", "gcp_attributes", "init_scripts",
    "instance_pool_id", "is_single_node", "kind", "node_type_id", "num_workers", "policy_id", "runtime_engine",
    "single_user_name", "spark_conf", "spark_env_vars", "spark_version", "ssh_public_keys", "use_ml_runtime",
    "workload_type",
)  # fmt: skip


def definition_of(job: Mapping[str, Any], place: Mapping[str, str]) -> dict[str, Any]:
    """The entry of a job that defines the machines: one of its shared clusters, or a task.

    Raises NothingToProposeError.
    """
    settings = job.get("settings")
    listed = settings.get(_part(place)) if isinstance(settings, Mapping) else ()
    found = (entry for entry in listed or () if place.items() <= entry.items() and entry.get("new_cluster"))
    entry = next(found, None)
    if entry is None:
        raise NothingToProposeError("the job does not define the machines of what failed")
    return dict(entry)


def change_job(order: Order) -> None:
    """Change it as ordered, unless it is. Raises RefusedError, BusyError or UnclearError."""
    target, workspace = order.target, Workspace(order.target["workspace_id"])
    query = {"job_id": target["job_id"]}
    try:
        entry = definition_of(
            workspace.check(lambda hook: hook._do_api_call(GET_JOB, query)), target["place"]
        )
    except NothingToProposeError as error:
        raise RefusedError(str(error)) from error
    if not is_changed(entry["new_cluster"], order):
        entry["new_cluster"] = {**entry["new_cluster"], **_changed(entry["new_cluster"], order)}
        # Entries of these lists are replaced by their keys, the others stay (Jobs API 2.2).
        workspace.do(lambda hook: hook.update_job(target["job_id"], {_part(target["place"]): [entry]}))


def change_cluster(order: Order) -> None:
    """Change it as ordered, unless it is. Raises RefusedError, BusyError or UnclearError."""
    cluster = now(order)
    if not is_changed(cluster.answer, order):
        same = {name: cluster.answer[name] for name in _EDITABLE if name in cluster.answer}
        # Of a cluster that grows by itself the number of workers is only how many it had last.
        if "autoscale" in same:
            same.pop("num_workers", None)
        body = {"cluster_id": order.target["cluster_id"], **same, **_changed(cluster.answer, order)}
        cluster.workspace.do(lambda hook: hook._do_api_call(EDIT_CLUSTER, body))


def is_changed(machines: Mapping[str, Any], order: Order) -> bool:
    """Whether it is as ordered."""
    return all(machines.get(name) == new for name, new in _changed(machines, order).items())


def _changed(machines: Mapping[str, Any], order: Order) -> dict[str, Any]:
    """What is to be another, whole: of a part that has parts itself the others stay."""
    return {
        name: {**(machines.get(name) or {}), **new} if isinstance(new, Mapping) else new
        for name, new in order.target["change"].items()
    }


def _part(place: Mapping[str, str]) -> str:
    return "job_clusters" if "job_cluster_key" in place else "tasks"
