"""The rules for one ticket: those of `[rca]`, in the words of the route that the incident took to it."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from sqlalchemy.orm import Session

from rca_plugin.config import jira_wins, routing_file, separated, settings
from rca_plugin.core.routing import Routing
from rca_plugin.core.routing_file import load_routing
from rca_plugin.core.tracker.policy import PRIORITIES, Policy, priorities, statuses
from rca_plugin.core.yaml_file import RuleError
from rca_plugin.server.api_models import IncidentDetail
from rca_plugin.server.models import Incident


def policy_for(session: Session, incident: Incident) -> Policy:
    """The rules; without a route in the words that Jira comes with."""
    route = _routing().ticket(IncidentDetail.load(session, incident).model_dump(mode="json"))
    return Policy(
        jira_wins(),
        statuses(separated(settings().jira_statuses)) or {},
        priorities(route.priorities) if route else PRIORITIES,
        route.assignees if route else {},
    )


def _routing() -> Routing:
    file = routing_file()
    try:
        return _read(file, file.stat().st_mtime_ns)
    except (OSError, RuleError):
        # Where tickets go is no concern of what comes back from them.
        return Routing()


@lru_cache(maxsize=1)
def _read(file: Path, _changed: int) -> Routing:
    return load_routing(file)
