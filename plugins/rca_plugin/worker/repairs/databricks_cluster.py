"""A Databricks cluster, as a repair of it needs to know it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from rca_plugin.core.remediation.proposal import Proposal
from rca_plugin.worker.failure_case import failure_of
from rca_plugin.worker.integrations.databricks import Subject
from rca_plugin.worker.repairs.databricks_workspace import GET_CLUSTER, Workspace
from rca_plugin.worker.repairs.repair import (
    FAILED,
    RUNNING,
    SUCCEEDED,
    Look,
    NothingToProposeError,
    Order,
    Started,
    said,
)

_DOWN = ("TERMINATED", "ERROR", "UNKNOWN")
_CLOCKS = timedelta(minutes=1)


@dataclass(frozen=True)
class Cluster:
    """One that people made, as Databricks describes it: one that a job makes for itself is gone with its run."""

    workspace: Workspace
    answer: Mapping[str, Any]

    @classmethod
    def of(cls, workspace_id: str | None, cluster_id: str) -> Cluster:
        """Raises what keeps Databricks from answering."""
        workspace = Workspace(workspace_id)
        return cls(workspace, workspace.read(GET_CLUSTER, {"cluster_id": cluster_id}))

    @property
    def name(self) -> str:
        return str(self.answer.get("cluster_name") or self.answer["cluster_id"])

    @property
    def is_down(self) -> bool:
        return self.answer.get("state") in _DOWN

    @property
    def made_by_a_job(self) -> bool:
        return self.answer.get("cluster_source") == "JOB"

    def ended_since(self, order: Order) -> bool:
        return self._happened("terminated_time", order)

    def restarted_since(self, order: Order) -> bool:
        return self.answer.get("state") == "RESTARTING" or self._happened("last_restarted_time", order)

    def _happened(self, what: str, order: Order) -> bool:
        """Not what had happened already when this was planned, nor anything before the intent."""
        at = self.answer.get(what)
        since = (order.since - _CLOCKS).timestamp() * 1000
        return isinstance(at, int) and at != order.target.get(what) and at > since

    @property
    def look(self) -> Look:
        """How it stands, once it was told to be up."""
        reason = self.answer.get("termination_reason") if self.is_down else None
        code = reason.get("code") if isinstance(reason, Mapping) else ""
        text = said(
            f"{self.answer.get('state')} {code or ''} {self.answer.get('state_message') or ''}".strip()
        )
        return Look(
            SUCCEEDED if self.answer.get("state") == "RUNNING" else FAILED if self.is_down else RUNNING, text
        )


def proposal(action: str, workspace_id: str | None, cluster: Cluster, touched: str, **more: Any) -> Proposal:
    """To do something with a cluster."""
    cluster_id = cluster.answer["cluster_id"]
    before = {name: cluster.answer.get(name) for name in ("terminated_time", "last_restarted_time")}
    target = {"workspace_id": workspace_id, "cluster_id": cluster_id, **before, **more}
    return Proposal(action, f"cluster:{workspace_id or '-'}/{cluster_id}", target, (touched,))


def started(order: Order) -> Started:
    """A cluster has no runs: it is known by its own id."""
    return Started(str(order.target["cluster_id"]))


def cluster_of(incident: Mapping[str, Any]) -> tuple[str | None, Cluster]:
    about = Subject.of_labels(failure_of(incident)["labels"])
    if about.cluster_id is None:
        raise NothingToProposeError("the report names no cluster")
    cluster = Cluster.of(about.workspace_id, about.cluster_id)
    if cluster.made_by_a_job:
        raise NothingToProposeError(f"cluster {cluster.name} was made by a job for itself")
    return about.workspace_id, cluster


def read(order: Order) -> Cluster:
    return Cluster.of(order.target["workspace_id"], order.target["cluster_id"])


def now(order: Order) -> Cluster:
    """How it is before anything is begun."""
    workspace = Workspace(order.target["workspace_id"])
    query = {"cluster_id": order.target["cluster_id"]}
    return Cluster(workspace, workspace.check(lambda hook: hook._do_api_call(GET_CLUSTER, query)))
