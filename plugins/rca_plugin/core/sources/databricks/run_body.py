"""A run as its senders nest it, laid flat: by folded names, and each thing that is said in one place."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rca_plugin.core.sources.facts import folded, lifted

_PARTS = ("job", "settings", "run", "task", "state", "status", "terminationdetails")
_CLUSTER_PARTS = ("clusterinstance", "clusterdetails")


def said_of_run(body: Mapping[str, Any]) -> dict[str, Any]:
    """What a notification, a run of the Jobs API, or a flat form says."""
    said = folded(body)
    said.setdefault("jobname", _name_of_job(said.get("job")))
    said.setdefault("repairid", _latest_repair(said.get("repairhistory")))
    for part in _PARTS:
        said = lifted(said, part)
        if isinstance(said.get(part), Mapping):
            del said[part]
    for part in _CLUSTER_PARTS:
        said = {**_cluster_of(said.get(part)), **said}
    if isinstance(said.get("error"), Mapping):
        said = lifted(said, "error")
        del said["error"]
    return {name: content for name, content in said.items() if content not in (None, "")}


def _name_of_job(job: object) -> object:
    return folded(job).get("name") or folded(folded(job).get("settings")).get("name")


def _cluster_of(part: object) -> dict[str, Any]:
    # A cluster has a state of its own, which is not the state of the run.
    return {name: text for name, text in folded(part).items() if name in ("clusterid", "clustername")}


def _latest_repair(history: object) -> object:
    repairs = [folded(repair).get("id") for repair in history] if isinstance(history, list) else []
    return next((found for found in reversed(repairs) if found is not None), None)
