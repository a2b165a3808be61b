"""One ticket of Jira: found, created, read and changed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from rca_plugin.core.ticket.fields import FOLLOWING
from rca_plugin.core.ticket.record import PROPERTY, Record
from rca_plugin.core.tracker.key import is_key
from rca_plugin.worker.integrations.jira_refusal import RefusedError
from rca_plugin.worker.integrations.jira_site import Site
from rca_plugin.worker.recipient import DeliveryError

#: How long a new ticket may be there before a search finds it, in seconds. Of Cloud it is said that most take seconds
#: (https://developer.atlassian.com/cloud/jira/platform/search-and-reconcile), and nothing else finds one whose number
#: was never heard: properties of tickets are searched by the same index, and `reconcileIssues` wants the number.
UNSEEN_SECONDS = 120.0
# What many projects have not on their screens. A ticket without them is better than none.
_SPARED = frozenset({"priority", "assignee", "duedate"})


@dataclass(frozen=True)
class Ticket:
    """As it is there. `category` is its status's; `record` what we wrote last."""

    site: Site
    key: str
    fields: Mapping[str, Any]
    status: str
    category: str
    record: Record

    def write(self, fields: Mapping[str, Any]) -> Ticket:
        """Change fields, and note with them that we did. Raises DeliveryError."""
        sent = _sent(
            self.site, f"a change of {self.key}", "PUT", f"issue/{self.key}", fields, self.record, {}, (204,)
        )
        return replace(self, record=self.record.having(sent[0], self.site.dialect))

    def remember(self, record: Record) -> Ticket:
        """Note what we did besides. Raises DeliveryError."""
        path = f"issue/{self.key}/properties/{PROPERTY}"
        self.site.ask(
            f"a note on {self.key}", "PUT", path, body=record.to_json(), success=(200, 201), content=False
        )
        return replace(self, record=record)


def read(site: Site, key: str) -> Ticket | None:
    """The ticket that had this key once; None where there is none any more. Raises DeliveryError."""
    params = {"fields": ",".join((*FOLLOWING, "status")), "properties": PROPERTY}
    found = site.ask_for(f"a look at {key}", f"issue/{key}", params)
    if found is None:
        return None
    try:
        fields, status = dict(found["fields"]), found["fields"]["status"]
        record = Record.from_json((found.get("properties") or {}).get(PROPERTY))
        now = _key(found)
        return Ticket(site, now, fields, str(status["name"]), str(status["statusCategory"]["key"]), record)
    except (KeyError, TypeError, ValueError, AttributeError):
        raise DeliveryError(f"Jira's answer to a look at {key} cannot be read") from None


def find(site: Site, label: str) -> Ticket | None:
    """The oldest ticket with a label, in whatever project it is. Raises DeliveryError."""
    body = {"jql": f'labels = "{label}" ORDER BY created ASC, key ASC', "fields": ["labels"], "maxResults": 2}
    path = "search/jql" if site.dialect.cloud else "search"
    answer = site.ask("a search", "POST", path, body=body)
    issues = answer.get("issues")
    if not isinstance(issues, list):
        raise DeliveryError("Jira's answer to a search cannot be read")
    return read(site, _key(issues[0])) if issues else None


def create(site: Site, following: Mapping[str, Any], settled: Mapping[str, Any], record: Record) -> str:
    """The key of a new one. Raises DeliveryError: one that may be there nevertheless wants to be waited for."""
    try:
        return _key(_sent(site, "a new ticket", "POST", "issue", following, record, settled, (201,))[1])
    except RefusedError:
        raise
    except DeliveryError as error:
        raise DeliveryError(str(error), max(error.retry_after, UNSEEN_SECONDS)) from None


def read_new(site: Site, key: str) -> Ticket:
    """The ticket that was created with this key. Raises DeliveryError."""
    created = read(site, key)
    if created is None:
        raise DeliveryError(
            f"{key} was created, but cannot be seen: let the connection's user browse the project"
        )
    return created


def _sent(
    site: Site,
    what: str,
    method: str,
    path: str,
    following: Mapping[str, Any],
    record: Record,
    settled: Mapping[str, Any],
    success: tuple[int, ...],
) -> tuple[Mapping[str, Any], dict[str, Any]]:
    """Send fields and the note on them at once. What the project has not is left out. Answers what was sent."""
    properties = [{"key": PROPERTY, "value": record.having(following, site.dialect).to_json()}]
    body = {"fields": {**settled, **following}, "properties": properties}
    try:
        return following, site.ask(what, method, path, body=body, success=success, content=method == "POST")
    except RefusedError as error:
        refused = error.fields.keys() & following.keys()
        if not refused or not refused <= _SPARED or refused != error.fields.keys():
            raise
    fewer = {name: value for name, value in following.items() if name not in refused}
    if not fewer:
        return {}, {}
    return _sent(site, what, method, path, fewer, record, settled, success)


def _key(issue: Any) -> str:
    key = issue.get("key") if isinstance(issue, dict) else None
    if not isinstance(key, str) or not is_key(key):
        raise DeliveryError("Jira names a ticket by something that is no key")
    return key
