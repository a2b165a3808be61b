"""Other machines for what Databricks had none for: on demand instead of spot, or of another type.

The definition of the cluster is changed, and stays so. Then what failed is run again: the run of the job, which takes
its machines from the definition as it is by then, or else the cluster itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rca_plugin.core.remediation.proposal import Proposal
from rca_plugin.worker.failure_case import failure_of
from rca_plugin.worker.integrations.databricks import Subject
from rca_plugin.worker.repairs.databricks_cluster import Cluster, cluster_of, proposal, read
from rca_plugin.worker.repairs.databricks_definition import (
    change_cluster,
    change_job,
    definition_of,
    is_changed,
)
from rca_plugin.worker.repairs.databricks_job import FailedRun
from rca_plugin.worker.repairs.databricks_power import StartCluster
from rca_plugin.worker.repairs.databricks_run import RepairRun
from rca_plugin.worker.repairs.databricks_workspace import GET_JOB, Workspace
from rca_plugin.worker.repairs.repair import Look, NothingToProposeError, Order, Started

_ON_DEMAND = {
    "azure_attributes": "ON_DEMAND_AZURE",
    "aws_attributes": "ON_DEMAND",
    "gcp_attributes": "ON_DEMAND_GCP",
}


class _OtherMachines:
    """Change the definition, then run again. Both steps are taken once, however often they are told."""

    excludes_double = True
    action: str

    def __init__(self) -> None:
        self._run, self._cluster = RepairRun(), StartCluster()

    def _change(self, machines: Mapping[str, Any], settings: Mapping[str, Any]) -> dict[str, Any]:
        """What of the definition is to be another. Raises NothingToProposeError."""
        raise NotImplementedError

    def propose(self, incident: Mapping[str, Any], settings: Mapping[str, Any]) -> Proposal:
        """For a cluster that could not be had, or a run of a job that got none."""
        if Subject.of_labels(failure_of(incident)["labels"]).run_id is None:
            return self._for_cluster(incident, settings)
        return self._for_run(FailedRun.of(incident), settings)

    def _for_cluster(self, incident: Mapping[str, Any], settings: Mapping[str, Any]) -> Proposal:
        workspace_id, cluster = cluster_of(incident)
        if not cluster.is_down:
            raise NothingToProposeError(f"cluster {cluster.name} is {cluster.answer.get('state')}")
        change = self._change(cluster.answer, settings)
        touched = f"cluster {cluster.name}: {_told(cluster.answer, change)}, which stays so, and start"
        return proposal(self.action, workspace_id, cluster, touched, change=change)

    def _for_run(self, run: FailedRun, settings: Mapping[str, Any]) -> Proposal:
        task = next((one for one in run.tasks if one["task_key"] == run.unfinished[0]), run.answer)
        workspace = Workspace(run.about.workspace_id)
        if cluster_id := task.get("existing_cluster_id"):
            cluster = Cluster.of(run.about.workspace_id, cluster_id)
            change = self._change(cluster.answer, settings)
            touched = f"cluster {cluster.name}: {_told(cluster.answer, change)}, which stays so"
            return self._run.proposal(self.action, run, touched, cluster_id=cluster_id, change=change)
        place = {name: task[name] for name in ("job_cluster_key", "task_key") if task.get(name)}
        place = {"job_cluster_key": place["job_cluster_key"]} if "job_cluster_key" in place else place
        job = workspace.read(GET_JOB, {"job_id": run.job_id})
        machines = definition_of(job, place)["new_cluster"]
        change = self._change(machines, settings)
        name = place.get("job_cluster_key") or f"of task {place.get('task_key')}"
        touched = f"job {run.job_id}, cluster {name}: {_told(machines, change)}, which stays so"
        return self._run.proposal(self.action, run, touched, place=place, change=change)

    def start(self, order: Order) -> Started:
        """Change what is not changed yet, and run again."""
        if "place" in order.target:
            change_job(order)
        else:
            change_cluster(order)
        return self._again(order).start(order)

    def find(self, order: Order) -> Started | None:
        """What it was run again as. A change alone is not found: it is no run, and is taken again without harm."""
        if "run_id" not in order.target and not is_changed(read(order).answer, order):
            return None
        return self._again(order).find(order)

    def look(self, order: Order, external_run_id: str) -> Look:
        """How what was run again stands."""
        return self._again(order).look(order, external_run_id)

    def _again(self, order: Order) -> RepairRun | StartCluster:
        return self._run if "run_id" in order.target else self._cluster


class UseOnDemand(_OtherMachines):
    """Machines on demand instead of spot."""

    action = "databricks_use_on_demand"

    def _change(self, machines: Mapping[str, Any], settings: Mapping[str, Any]) -> dict[str, Any]:
        cloud = next((name for name in _ON_DEMAND if isinstance(machines.get(name), Mapping)), None)
        if cloud is None:
            raise NothingToProposeError("the cluster does not say of which cloud its machines are")
        if machines[cloud].get("availability") in (None, _ON_DEMAND[cloud]):
            raise NothingToProposeError("its machines are on demand already")
        return {cloud: {"availability": _ON_DEMAND[cloud]}}


class UseFallbackNodeType(_OtherMachines):
    """The next type of machine in the lists of policy."""

    action = "databricks_use_fallback_node_type"

    def _change(self, machines: Mapping[str, Any], settings: Mapping[str, Any]) -> dict[str, Any]:
        if machines.get("instance_pool_id"):
            raise NothingToProposeError("its machines come from an instance pool, which says their type")
        used = machines.get("node_type_id")
        new = _next(settings["node_types"], used)
        if new is None:
            raise NothingToProposeError(f"no fallback is configured after node type {used}")
        # A driver of its own type is there for a reason; where nobody chose one it is of the workers' type.
        driver = machines.get("driver_node_type_id")
        return {"node_type_id": new, **({"driver_node_type_id": new} if driver == used else {})}


def _next(fallbacks: Mapping[str, Sequence[str]], used: object) -> str | None:
    """What follows a type, which may itself be the fallback of another."""
    for first, others in fallbacks.items():
        types = [first, *others]
        if used in types[:-1]:
            return types[types.index(used) + 1]
    return None


def _told(machines: Mapping[str, Any], change: Mapping[str, Any]) -> str:
    name, new = next(iter(change.items()))
    if isinstance(new, Mapping):
        return f"{machines[name].get('availability')} → {new['availability']}"
    return f"{machines.get(name)} → {new}"
