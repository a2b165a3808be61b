"""The one list of what is plugged into Airflow.

This file is imported in every process of Airflow, each task process included. Whatever is heavy is a
`cached_property`, which only the process that needs it reads: with eager imports of FastAPI and
Flask-AppBuilder a task process of Airflow 3.3 starts five seconds later.
"""

from __future__ import annotations

from functools import cached_property
from types import ModuleType
from typing import Any

from airflow.plugins_manager import AirflowPlugin

from rca_plugin.config import settings


class RcaPlugin(AirflowPlugin):
    """Root cause analysis: incidents from failures."""

    name = "rca"

    @classmethod
    def on_load(cls, *_args: Any, **_kwargs: Any) -> None:
        """Refuse to load with an option that cannot be used; Airflow logs the reason and shows it."""
        settings()

    @cached_property
    def listeners(self) -> list[ModuleType]:
        """What hears of a failed task, in the task's own process."""
        from rca_plugin.worker import listener

        return [listener]

    @cached_property
    def flask_blueprints(self) -> list[Any]:
        """The webhooks at /pluginsv2/rca/webhooks."""
        from rca_plugin.server.jira_webhook import blueprint as tickets
        from rca_plugin.server.slack_webhook import blueprint as clicks
        from rca_plugin.server.webhooks import blueprint as reports

        return [reports, clicks, tickets]

    @cached_property
    def appbuilder_views(self) -> list[dict[str, Any]]:
        """The pages at /pluginsv2/rca. Without a name, so that only the entry below is in the menu."""
        from rca_plugin.server.views.analyses import AnalysesView
        from rca_plugin.server.views.incidents import IncidentsView
        from rca_plugin.server.views.repairs import RepairsView
        from rca_plugin.server.views.silences import SilencesView

        views = (IncidentsView, SilencesView, AnalysesView, RepairsView)
        return [{"view": view()} for view in views]

    @cached_property
    def fastapi_apps(self) -> list[dict[str, Any]]:
        """The JSON API at /rca."""
        from rca_plugin.server.api import create_app

        return [{"app": create_app(), "url_prefix": "/rca", "name": "RCA"}]

    @cached_property
    def fastapi_root_middlewares(self) -> list[dict[str, Any]]:
        """A bound on the size of what is sent to us, and what keeps secrets in URLs out of the access logs."""
        from rca_plugin.server.body_limit import BodyLimit
        from rca_plugin.server.hidden_query import HiddenQuery

        return [
            {"middleware": BodyLimit, "args": [], "kwargs": {}, "name": "RCA body limit"},
            {"middleware": HiddenQuery, "args": [], "kwargs": {}, "name": "RCA hidden query"},
        ]

    @cached_property
    def external_views(self) -> list[dict[str, Any]]:
        """Where the pages are shown in Airflow's own UI."""
        from rca_plugin.server.views.placement import external_views

        return external_views()
