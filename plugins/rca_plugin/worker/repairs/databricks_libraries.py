"""Install the libraries of a Databricks cluster again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rca_plugin.core.remediation.proposal import Proposal
from rca_plugin.worker.repairs.databricks_power import RestartCluster
from rca_plugin.worker.repairs.databricks_workspace import LIBRARIES, Workspace
from rca_plugin.worker.repairs.repair import (
    FAILED,
    RUNNING,
    SUCCEEDED,
    Look,
    NothingToProposeError,
    Order,
    said,
)


class ReinstallLibraries(RestartCluster):
    """Install all libraries of a cluster again, which Databricks does when it is restarted."""

    action = "databricks_reinstall_libraries"

    def propose(self, incident: Mapping[str, Any], settings: Mapping[str, Any]) -> Proposal:
        """For a cluster on which the installation of a library failed."""
        found = super().propose(incident, settings)
        failed = [name for name, state in _libraries(Workspace(found.target["workspace_id"]), found.target)
                  if state == "FAILED"]  # fmt: skip
        if not failed:
            raise NothingToProposeError("no library of this cluster failed to be installed")
        touched = (*found.blast_radius, *(f"library {name}" for name in failed[:100]))
        return Proposal(self.action, found.resource, found.target, touched)

    def look(self, order: Order, external_run_id: str) -> Look:
        """Whether it is up again and every library is there."""
        up = super().look(order, external_run_id)
        if up.state != SUCCEEDED:
            return up
        libraries = _libraries(Workspace(order.target["workspace_id"]), order.target)
        failed = [name for name, state in libraries if state == "FAILED"]
        if failed:
            return Look(FAILED, said(f"not installed: {', '.join(failed[:10])}"))
        waiting = [name for name, state in libraries if state in ("PENDING", "RESOLVING", "INSTALLING")]
        return Look(RUNNING, said(f"being installed: {', '.join(waiting[:10])}")) if waiting else up


def _libraries(workspace: Workspace, target: Mapping[str, Any]) -> list[tuple[str, str]]:
    answer = workspace.read(LIBRARIES, {"cluster_id": target["cluster_id"]})
    statuses = answer.get("library_statuses") or []
    return [(said(one.get("library")), str(one.get("status"))) for one in statuses if isinstance(one, dict)]
