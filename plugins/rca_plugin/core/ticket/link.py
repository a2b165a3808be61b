"""The addresses that a ticket leads to. All of them are in Airflow: those that failures bring are others'."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from rca_plugin.core.ticket.block import Link

_URL_CHARS = 2_000


def links(incident: Mapping[str, Any], airflow: str) -> tuple[Link, ...]:
    """The pages of an incident, of the run and of the log of its latest failure; none where Airflow's is not known."""
    if not airflow:
        return ()
    base = airflow.rstrip("/")
    latest: Mapping[str, Any] = next(iter(incident.get("failures") or ()), {})
    found = (Link(incident["label"], f"{base}/pluginsv2/rca/incidents/{incident['id']}"), *_of(latest, base))
    return tuple(link for link in found if len(link.url) <= _URL_CHARS)


def _of(failure: Mapping[str, Any], base: str) -> tuple[Link, ...]:
    if not failure.get("dag_id") or not failure.get("run_id"):
        return ()
    run = f"{base}/dags/{_part(failure['dag_id'])}/runs/{_part(failure['run_id'])}"
    if not failure.get("task_id"):
        return (Link("Run", run),)
    mapped = f"/mapped/{failure['map_index']}" if failure["map_index"] >= 0 else ""
    task = f"{run}/tasks/{_part(failure['task_id'])}{mapped}"
    return Link("Run", run), Link("Log", f"{task}?try_number={failure['try_number']}")


def _part(name: str) -> str:
    return quote(name, safe="", errors="replace")
