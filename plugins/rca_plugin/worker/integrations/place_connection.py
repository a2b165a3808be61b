"""The Airflow connection to a place that takes incidents."""

from __future__ import annotations

from typing import Any

from rca_plugin.worker.recipient import NotSetUpError


def place_connection(option: str, conn_id: str) -> Any:
    """The connection that an option of [rca] names. Raises NotSetUpError where there is none."""
    from airflow.sdk.bases.hook import BaseHook
    from airflow.sdk.exceptions import AirflowNotFoundException

    if not conn_id:
        raise NotSetUpError(f"[rca] {option} is empty")
    try:
        return BaseHook.get_connection(conn_id)
    except AirflowNotFoundException:
        raise NotSetUpError(f"there is no connection {conn_id}") from None
