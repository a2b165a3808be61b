"""Whose failure it is that an alert saw: of Data Factory, of Databricks, or of the Azure resource itself.

What Data Factory or Databricks may report themselves as well gets the names it has there, so that one failure
that comes on two ways is one event.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from rca_plugin.core.failure import Failure
from rca_plugin.core.sources.adf_run import AdfRun
from rca_plugin.core.sources.arm_id import ArmId
from rca_plugin.core.sources.azure_monitor.alert import Alert
from rca_plugin.core.sources.azure_monitor.sighting import Sighting
from rca_plugin.core.sources.databricks.cluster import Cluster
from rca_plugin.core.sources.databricks.job_run import JobRun
from rca_plugin.core.sources.facts import embedded
from rca_plugin.core.sources.fields import text_of

_ADF = re.compile(
    r"microsoft\.datafactory|\bADF(?:Pipeline|Activity|Trigger|Sandbox)\w{0,20}Run\b", re.IGNORECASE
)
_DATABRICKS = re.compile(r"microsoft\.databricks|\bDatabricks(?:Clusters|Jobs)\b", re.IGNORECASE)
#: Its pipelines have the same columns, but are run by another service.
_SYNAPSE = re.compile(r"microsoft\.synapse|\bSynapse\w{1,40}", re.IGNORECASE)
_PIPELINE = frozenset(
    {"pipelinerunid", "runid", "activityname", "activityrunid", "errorcode", "errormessage"}
)
_JOB, _CLUSTER = frozenset({"jobid", "jobname", "runid", "taskkey"}), frozenset({"clusterid"})
_ENDED = frozenset({"terminationcode", "terminationtype", "state", "clusterstate", "failuretext"})
_EMBEDDED = ("response", "requestparams")


def events(sighting: Sighting, alert: Alert, received_at: datetime) -> list[Failure]:
    """The failure that a sighting is; none where it tells of normal life."""
    said = _said(sighting, alert)
    about = f"{sighting.about} {alert.target.type if alert.target else ''} {said.get('resourceid', '')}"
    if _is_adf(about, said):
        return _of_adf(sighting, alert, said, received_at)
    if _is_databricks(about, said):
        return _of_databricks(sighting, alert, said, received_at)
    return [sighting.failure(alert, received_at)]


def _said(sighting: Sighting, alert: Alert) -> dict[str, Any]:
    """By folded names: what it says itself, what is packed into its columns, and what holds for all."""
    own = sighting.facts.folded()
    packed = {
        name: text_of(value) for column in _EMBEDDED for name, value in embedded(own.get(column, "")).items()
    }
    return {**alert.known.folded(), **packed, **own}


def _is_adf(about: str, said: Mapping[str, Any]) -> bool:
    if _ADF.search(about):
        return True
    return "pipelinename" in said and bool(_PIPELINE & said.keys()) and not _SYNAPSE.search(about)


def _is_databricks(about: str, said: Mapping[str, Any]) -> bool:
    if _DATABRICKS.search(about):
        return bool((_JOB | _CLUSTER) & said.keys())
    return {"jobid", "runid"} <= said.keys() or ("clusterid" in said and bool(_ENDED & said.keys()))


def _of_adf(
    sighting: Sighting, alert: Alert, said: Mapping[str, Any], received_at: datetime
) -> list[Failure]:
    watched = {"resourceid": alert.target.text} if alert.target else {}
    run = AdfRun.model_validate({**watched, **said, **_counted(sighting)})
    if not (run.pipeline or run.names_its_factory):
        return [sighting.failure(alert, received_at)]
    if not run.failed:
        return []
    message = "" if _is_a_failed_run(sighting, run) else sighting.message
    return [
        run.failure(
            _seen_at(alert, received_at), alert.key(*sighting.place),
            message=message, detail=sighting.text(alert), severity=alert.severity, alert=alert.name,
            url=sighting.url or alert.essentials.link, more=sighting.labels(alert).items(),
        )
    ]  # fmt: skip


def _of_databricks(
    sighting: Sighting, alert: Alert, said: Mapping[str, Any], received_at: datetime
) -> list[Failure]:
    known = {**_workspace(alert, said), **said}
    of_job = bool(_JOB & said.keys())
    found: JobRun | Cluster = JobRun.model_validate(known) if of_job else Cluster.model_validate(known)
    if not found.failed:
        return []
    return [
        found.failure(
            _seen_at(alert, received_at), found.key() or alert.key(*sighting.place),
            detail=sighting.text(alert), severity=alert.severity, alert=alert.name,
            url=sighting.url or alert.essentials.link, more=sighting.labels(alert).items(),
        )
    ]  # fmt: skip


def _seen_at(alert: Alert, received_at: datetime) -> datetime:
    fired = alert.essentials.fired_at
    return min(fired, received_at) if fired else received_at


def _workspace(alert: Alert, said: Mapping[str, Any]) -> dict[str, str]:
    """The name of the workspace, for what does not say its number."""
    found = (ArmId.of(text_of(said.get("resourceid"))), alert.target)
    workspaces = [one.name for one in found if one and one.type == "microsoft.databricks/workspaces"]
    return {"workspace": workspaces[0]} if workspaces else {}


def _counted(sighting: Sighting) -> dict[str, str]:
    """The dimension `Name` of a metric is the name of what the metric counts."""
    name, metric = sighting.facts.folded().get("name"), (sighting.metric or "").lower()
    found = next((kind for kind in ("pipeline", "activity", "trigger") if metric.startswith(kind)), None)
    return {found: name} if found and name else {}


def _is_a_failed_run(sighting: Sighting, run: AdfRun) -> bool:
    if sighting.metric is None:
        return run.pipeline is not None
    return sighting.metric.lower().endswith("failedruns")
