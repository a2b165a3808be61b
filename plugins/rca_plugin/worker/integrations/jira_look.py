"""How a ticket of Jira is now, for sites that cannot tell us when it changes."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any

from rca_plugin.worker.integrations.jira_site import Site
from rca_plugin.worker.recipient import DeliveryError

_FIELDS = "status,assignee,priority,updated"
_NAME_CHARS = 250


def look(site: Site, key: str) -> dict[str, Any]:
    """The state of the ticket that had this key once, as the server takes it. Raises DeliveryError."""
    found = site.ask_for(f"a look at {key}", f"issue/{key}", {"fields": _FIELDS})
    if found is None:
        # Jira says the same to whoever may see nothing at all.
        site.ask("a look at who we are", "GET", "myself")
        return {"deleted": True, "updated": datetime.now(timezone.utc).isoformat()}
    try:
        return _state(found, found["fields"])
    except (KeyError, TypeError, AttributeError):
        raise DeliveryError(f"Jira's answer to a look at {key} cannot be read") from None


def _state(issue: Mapping[str, Any], fields: Mapping[str, Any]) -> dict[str, Any]:
    status, priority = fields["status"], fields.get("priority")
    return {
        "key": str(issue["key"]),
        "external_id": str(issue["id"])[:40],
        "updated": str(fields["updated"]),
        "status": str(status["name"])[:_NAME_CHARS],
        "category": str(status["statusCategory"]["key"])[:40],
        "assignee": _account(fields.get("assignee")),
        "priority": str(priority["name"])[:_NAME_CHARS] if priority else None,
    }


def _account(user: Any) -> dict[str, str] | None:
    if not user:
        return None
    found = str(user.get("accountId") or user.get("name"))[:_NAME_CHARS]
    return {"id": found, "name": str(user.get("displayName") or found)[:_NAME_CHARS]}
