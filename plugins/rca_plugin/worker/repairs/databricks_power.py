"""Start or restart a Databricks cluster."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rca_plugin.core.remediation.proposal import Proposal
from rca_plugin.worker.repairs.databricks_cluster import cluster_of, now, proposal, read, started
from rca_plugin.worker.repairs.repair import (
    RUNNING,
    Look,
    NothingToProposeError,
    Order,
    RefusedError,
    Started,
)


class StartCluster:
    """Start a cluster that is down. To start one that is starting, or runs, changes nothing."""

    excludes_double = True
    action = "databricks_start_cluster"

    def propose(self, incident: Mapping[str, Any], settings: Mapping[str, Any]) -> Proposal:
        """For a cluster that ended though nobody wanted it to."""
        workspace_id, cluster = cluster_of(incident)
        if not cluster.is_down:
            raise NothingToProposeError(f"cluster {cluster.name} is {cluster.answer.get('state')}")
        return proposal(self.action, workspace_id, cluster, f"cluster {cluster.name}: start")

    def start(self, order: Order) -> Started:
        """Start it, unless it is being started, or was already and has ended again."""
        cluster = now(order)
        if cluster.is_down and not cluster.ended_since(order):
            body = {"cluster_id": order.target["cluster_id"]}
            cluster.workspace.do(lambda hook: hook.start_cluster(body))
        return started(order)

    def find(self, order: Order) -> Started | None:
        """It is up or on its way, or it ended since."""
        cluster = read(order)
        return started(order) if not cluster.is_down or cluster.ended_since(order) else None

    def look(self, order: Order, external_run_id: str) -> Look:
        """Whether it is up. One that is still down has not heard of it yet."""
        cluster = read(order)
        if cluster.is_down and not cluster.ended_since(order):
            return Look(RUNNING, cluster.look.text)
        return cluster.look


class RestartCluster:
    """Restart a cluster. Databricks would do it again when it is told again."""

    excludes_double = False
    action = "databricks_restart_cluster"

    def propose(self, incident: Mapping[str, Any], settings: Mapping[str, Any]) -> Proposal:
        """For a cluster that runs, and does not answer."""
        workspace_id, cluster = cluster_of(incident)
        if cluster.answer.get("state") != "RUNNING":
            raise NothingToProposeError(f"cluster {cluster.name} is {cluster.answer.get('state')}")
        touched = f"cluster {cluster.name}: restart, which ends whatever runs on it"
        return proposal(self.action, workspace_id, cluster, touched)

    def start(self, order: Order) -> Started:
        """Restart it, if it still runs."""
        cluster = now(order)
        if cluster.restarted_since(order):
            return started(order)
        if cluster.answer.get("state") != "RUNNING":
            raise RefusedError(f"cluster {cluster.name} is {cluster.answer.get('state')} by now")
        body = {"cluster_id": order.target["cluster_id"]}
        cluster.workspace.do(lambda hook: hook.restart_cluster(body))
        return started(order)

    def find(self, order: Order) -> Started | None:
        """It is being restarted, or was since."""
        return started(order) if read(order).restarted_since(order) else None

    def look(self, order: Order, external_run_id: str) -> Look:
        """Whether it is up again. One that runs and was not restarted has not heard of it yet."""
        cluster = read(order)
        if cluster.answer.get("state") == "RUNNING" and not cluster.restarted_since(order):
            return Look(RUNNING, "not restarted yet")
        return cluster.look
