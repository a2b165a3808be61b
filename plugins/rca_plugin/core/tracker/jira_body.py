"""The parts of a webhook of Jira that we read, of Cloud and of every Data Center. All else is left out."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict
from pydantic import Field as Key

from rca_plugin.core.sources.fields import Id, Instant, Name, Text
from rca_plugin.core.tracker.event import Account, StatusCategory, TicketStatus


def _or_nothing(value: Any) -> Any:
    return value if isinstance(value, dict) else None


class Part(BaseModel):
    """A part of the body."""

    model_config = ConfigDict(extra="ignore", frozen=True, populate_by_name=True)


class User(Part):
    """Somebody. Cloud has account ids, Data Center has names and keys."""

    account_id: Id = Key(None, alias="accountId")
    name: Name = None
    key: Name = None
    display_name: Name = Key(None, alias="displayName")

    def to_account(self) -> Account | None:
        """The same as a value; None for somebody without any id."""
        found = self.account_id or self.name or self.key
        return Account(found, self.display_name or self.name or found) if found else None


class Category(Part):
    """Of a status."""

    key: Name = None


class Status(Part):
    """The status of a ticket."""

    name: Name = None
    category: Annotated[Category | None, BeforeValidator(_or_nothing)] = Key(None, alias="statusCategory")

    def to_status(self) -> TicketStatus:
        """The same as a value."""
        key = self.category.key if self.category else None
        known = {category.value: category for category in StatusCategory}
        return TicketStatus(self.name or "", known.get(key or ""))


class Priority(Part):
    """The priority of a ticket."""

    name: Name = None


class Fields(Part):
    """The fields of a ticket."""

    status: Annotated[Status | None, BeforeValidator(_or_nothing)] = None
    priority: Annotated[Priority | None, BeforeValidator(_or_nothing)] = None
    assignee: Annotated[User | None, BeforeValidator(_or_nothing)] = None
    creator: Annotated[User | None, BeforeValidator(_or_nothing)] = None


class Issue(Part):
    """The ticket."""

    id: Id = None
    key: Name = None
    fields: Annotated[Fields, BeforeValidator(lambda value: _or_nothing(value) or {})] = Fields()


class Comment(Part):
    """A comment. One that not everybody may read has a `visibility`."""

    id: Id = None
    address: Name = Key(None, alias="self")
    body: Text = ""
    author: Annotated[User | None, BeforeValidator(_or_nothing)] = None
    editor: Annotated[User | None, BeforeValidator(_or_nothing)] = Key(None, alias="updateAuthor")
    created: Name = None
    updated: Name = None
    visibility: Any = None


class Item(Part):
    """One entry of the log of changes."""

    field: Name = None
    before: Name = Key(None, alias="from")
    before_name: Name = Key(None, alias="fromString")
    after: Name = Key(None, alias="to")
    after_name: Name = Key(None, alias="toString")


class ChangeLog(Part):
    """What was changed at once."""

    items: tuple[Item, ...] = ()


class Webhook(Part):
    """The body."""

    event: Name = Key(None, alias="webhookEvent")
    kind: Name = Key(None, alias="issue_event_type_name")
    timestamp: Instant = None
    user: Annotated[User | None, BeforeValidator(_or_nothing)] = None
    issue: Annotated[Issue | None, BeforeValidator(_or_nothing)] = None
    comment: Annotated[Comment | None, BeforeValidator(_or_nothing)] = None
    changelog: Annotated[ChangeLog, BeforeValidator(lambda value: _or_nothing(value) or {})] = ChangeLog()
