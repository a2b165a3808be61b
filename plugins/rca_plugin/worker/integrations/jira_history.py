"""When the fields of a ticket of Jira were changed last, and by whom."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from rca_plugin.core.ticket.history import History
from rca_plugin.core.tracker.event import Field
from rca_plugin.worker.integrations.jira_moment import moment
from rca_plugin.worker.integrations.jira_site import Site
from rca_plugin.worker.recipient import DeliveryError

_FIELDS = frozenset(field.value for field in Field)


def read(site: Site, key: str) -> History:
    """Of status, priority and assignee. Raises DeliveryError."""
    # Cloud has an address of its own for this; Data Center has not. Cloud tells the newest hundred changes.
    params = {"fields": "creator", "expand": "changelog"}
    what = f"the history of {key}"
    answer = site.ask(what, "GET", f"issue/{key}", params=params)
    try:
        creator = _person(answer["fields"]["creator"])
        changes = list(answer["changelog"]["histories"])
        others = (change for change in changes if _person(change.get("author")) != creator)
        return History(_latest(changes), _latest(others))
    except (KeyError, TypeError, ValueError, AttributeError):
        raise DeliveryError(f"Jira's answer to {what} cannot be read") from None


def _person(user: Any) -> str | None:
    """None for a user who is there no more. Data Center writes one name in different ways."""
    return str(user.get("accountId") or user.get("name")).casefold() if user else None


def _latest(changes: Iterable[Mapping[str, Any]]) -> Mapping[str, datetime]:
    latest: dict[str, datetime] = {}
    for change in changes:
        at = moment(change["created"])
        for name in _FIELDS & {item["field"] for item in change["items"]}:
            latest[name] = max(at, latest.get(name, at))
    return latest
