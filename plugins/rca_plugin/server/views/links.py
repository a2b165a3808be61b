"""The addresses that pages lead to: in Airflow's UI, in the JSON API, and where a failure was seen."""

from __future__ import annotations

from urllib.parse import quote, urlsplit

from airflow.api_fastapi.app import API_ROOT_PATH

from rca_plugin.core.knowledge import is_https as is_https
from rca_plugin.server.models import FailureRow, Incident
from rca_plugin.server.rca_dag import DAG_ID, REPAIR_DAG_ID


def task(failure: FailureRow) -> str | None:
    """The page of a failed try or run in Airflow's UI; None for what did not fail in Airflow."""
    if failure.dag_id is None or failure.run_id is None:
        return None
    url = f"{API_ROOT_PATH}dags/{quote(failure.dag_id, safe='')}/runs/{quote(failure.run_id, safe='')}"
    if failure.task_id is None:
        return url
    url += f"/tasks/{quote(failure.task_id, safe='')}"
    mapped = f"/mapped/{failure.map_index}" if failure.map_index >= 0 else ""
    return f"{url}{mapped}?try_number={failure.try_number}"


def outside(failure: FailureRow) -> str | None:
    """Its page where it was seen. None for what is no web address: `javascript:` would run in ours."""
    try:
        parts = urlsplit(failure.url or "")
    except ValueError:
        return None
    return failure.url if parts.scheme in ("http", "https") and parts.netloc else None


def rca(incident: Incident) -> str:
    """The page of the RCA run in Airflow's UI."""
    return f"{API_ROOT_PATH}dags/{DAG_ID}/runs/{quote(incident.rca_run_id or '', safe='')}"


def repair_run(run_id: str) -> str:
    """The page of the run of a repair in Airflow's UI."""
    return f"{API_ROOT_PATH}dags/{REPAIR_DAG_ID}/runs/{quote(run_id, safe='')}"


def api(path: str) -> str:
    """An address of the JSON API, such as `incidents/42/resolve`."""
    return f"{API_ROOT_PATH}rca/api/v1/{path}"
