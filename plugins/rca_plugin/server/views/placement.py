"""Where the pages are shown in Airflow's own UI: an entry in the navigation, and tabs."""

from __future__ import annotations

from typing import Any

from airflow.api_fastapi.app import API_ROOT_PATH

PAGES = f"{API_ROOT_PATH}pluginsv2/rca"


def external_views() -> list[dict[str, Any]]:
    """The entries for `external_views`; Airflow fills in what stands in braces."""
    # {MAP_INDEX} stays literal for a task that is not mapped (Airflow 3.3); the page takes it for that.
    task_query = "dag_id={DAG_ID}&run_id={RUN_ID}&task_id={TASK_ID}&map_index={MAP_INDEX}"
    return [
        _view("Incidents", "nav", "rca_incidents", f"{PAGES}/incidents") | {"category": "browse"},
        _view("Root cause", "task_instance", "rca_task", f"{PAGES}/of-task?{task_query}"),
        _view("Root cause", "dag_run", "rca_run", f"{PAGES}/of-task?dag_id={{DAG_ID}}&run_id={{RUN_ID}}"),
    ]


def _view(name: str, destination: str, route: str, href: str) -> dict[str, Any]:
    return {
        "name": name,
        "destination": destination,
        "url_route": route,
        "href": href,
        "icon": f"{PAGES}/static/icon.svg",
        "icon_dark_mode": f"{PAGES}/static/icon-dark.svg",
    }
