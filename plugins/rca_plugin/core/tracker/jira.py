"""Webhooks of Jira, Cloud and Data Center, as events.

Of what they hold only that is believed to be new which they say has changed: each brings the whole ticket along, as it
may no longer be when the webhook arrives.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from rca_plugin.core.sources.fields import happened
from rca_plugin.core.tracker.event import Account, Field, TicketEvent, TicketStatus
from rca_plugin.core.tracker.jira_body import Fields, Item, Webhook
from rca_plugin.core.tracker.jira_comment import comment_in, issue_of
from rca_plugin.core.tracker.key import is_key

_DELETED = "jira:issue_deleted"
_UPDATED = "jira:issue_updated"
_ITEMS = {
    "status": Field.STATUS, "resolution": Field.STATUS, "assignee": Field.ASSIGNEE, "priority": Field.PRIORITY,
}  # fmt: skip
# What Jira may say instead of a log of changes.
_KINDS = {
    "issue_assigned": Field.ASSIGNEE, "issue_resolved": Field.STATUS, "issue_closed": Field.STATUS,
    "issue_reopened": Field.STATUS, "issue_work_started": Field.STATUS, "issue_work_stopped": Field.STATUS,
}  # fmt: skip


def parse(body: Any, received_at: datetime) -> TicketEvent | None:
    """What a webhook tells; None where that is of no ticket, or nothing that concerns an incident.

    Raises ValidationError for what is none of Jira's.
    """
    told = Webhook.model_validate(body)
    issue = told.issue
    external_id = issue.id if issue else issue_of(told.comment)
    key = issue.key if issue and is_key(issue.key or "") else None
    if not (key or external_id) or not told.event:
        return None
    items = told.changelog.items if told.event == _UPDATED else ()
    fields = issue.fields if issue else Fields()
    return TicketEvent(
        key=key,
        external_id=external_id,
        at=happened(told.timestamp, received_at),
        by=_by(told),
        by_other=_is_by_other(told, fields),
        changed=_changed(told, items),
        status=_status(fields, items),
        was_done=told.kind == "issue_reopened" or any(_took_resolution_away(item) for item in items),
        assignee=_assignee(fields, items),
        priority=_priority(fields, items),
        comment=comment_in(told),
        deleted=told.event == _DELETED,
        moved_from=_moved_from(items),
    )


def _by(told: Webhook) -> str:
    comment = told.comment
    who = told.user or (comment and (comment.editor or comment.author))
    account = who.to_account() if who else None
    return account.name if account else ""


def _is_by_other(told: Webhook, fields: Fields) -> bool:
    who = told.user.to_account() if told.user else None
    creator = fields.creator.to_account() if fields.creator else None
    # Data Center writes one name in different ways.
    return who is not None and creator is not None and who.id.casefold() != creator.id.casefold()


def _changed(told: Webhook, items: tuple[Item, ...]) -> frozenset[Field]:
    if told.event != _UPDATED:
        # One that is created is as we created it.
        return frozenset()
    named = {_ITEMS.get((item.field or "").lower()) for item in items}
    return frozenset(field for field in {*named, _KINDS.get(told.kind or "")} if field)


def _item(items: tuple[Item, ...], name: str) -> Item | None:
    return next((item for item in items if (item.field or "").lower() == name), None)


def _status(fields: Fields, items: tuple[Item, ...]) -> TicketStatus | None:
    now = fields.status.to_status() if fields.status else None
    item = _item(items, "status")
    if item is None or (now and now.name == item.after_name):
        return now
    # It has gone on already, and of which category this one was is not said.
    return TicketStatus(item.after_name or "", None)


def _assignee(fields: Fields, items: tuple[Item, ...]) -> Account | None:
    now = fields.assignee.to_account() if fields.assignee else None
    item = _item(items, "assignee")
    if item is None or (now and now.name == item.after_name):
        return now
    # The log of Data Center has the key of a user, which may not be the name.
    return (
        Account(item.after or item.after_name or "", item.after_name or item.after or "")
        if item.after
        else None
    )


def _priority(fields: Fields, items: tuple[Item, ...]) -> str | None:
    item = _item(items, "priority")
    if item is not None:
        return item.after_name
    return fields.priority.name if fields.priority else None


def _took_resolution_away(item: Item) -> bool:
    had = item.before or item.before_name
    return (item.field or "").lower() == "resolution" and bool(had) and not (item.after or item.after_name)


def _moved_from(items: tuple[Item, ...]) -> str | None:
    keys = (item.before_name for item in items if (item.field or "").lower() == "key")
    return next((key for key in keys if key and is_key(key)), None)
