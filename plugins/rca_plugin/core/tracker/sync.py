"""What an incident makes of what happened to its ticket.

Nothing here is a toggle: what is said again, or too late, changes nothing. What the incident is already changes nothing
either, so that neither side ever answers its own echo.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from html import unescape

from rca_plugin.core.category import Priority
from rca_plugin.core.incident import UNRESOLVED, Status, may_become
from rca_plugin.core.tracker.change import (
    Acknowledge,
    Assign,
    Change,
    Delete,
    Move,
    Prioritize,
    Reopen,
    Resolve,
    Say,
    Tell,
)
from rca_plugin.core.tracker.event import Field, StatusCategory, TicketEvent
from rca_plugin.core.tracker.policy import Policy, Wins

#: As far as the clocks of the two sides are believed to differ.
_SKEW = timedelta(seconds=5)
_OVER = (Status.RESOLVED, Status.CLOSED)


@dataclass(frozen=True)
class Brought:
    """What the incident was when it was brought to the ticket, and when that was."""

    since: datetime
    until: datetime
    status: Status
    priority: Priority

    def explains(self, field_: Field, event: TicketEvent, policy: Policy, *, from_done: bool) -> bool:
        """Whether a change of the ticket is nothing but this, coming back."""
        if not self.since - _SKEW <= event.at <= self.until + _SKEW:
            return False
        if field_ is Field.STATUS and event.status:
            return policy.category(event.status) in self._categories(from_done=from_done)
        return field_ is Field.PRIORITY and policy.priority(event.priority) is self.priority

    def _categories(self, *, from_done: bool) -> tuple[StatusCategory, ...]:
        if self.status in _OVER:
            return (StatusCategory.DONE,)
        under_way = self.status is Status.ACKNOWLEDGED or from_done
        return (StatusCategory.NEW, *((StatusCategory.INDETERMINATE,) if under_way else ()))


@dataclass(frozen=True)
class Known:
    """The incident and its ticket, before the event.

    decided: when a field of the incident was last changed by anybody but the tracker. heard: when a field of the ticket
    last changed, by the clock of the tracker. category, assigned_there and priority_there: how it was then. comments:
    the keys of those that are on the timeline. own_mark: stands in comments of ours.
    """

    key: str
    status: Status
    assignee: str | None
    priority: Priority
    decided: Mapping[Field, datetime] = field(default_factory=dict)
    heard: Mapping[Field, datetime] = field(default_factory=dict)
    category: StatusCategory | None = None
    assigned_there: str | None = None
    priority_there: str | None = None
    brought: tuple[Brought, ...] = ()
    comments: frozenset[str] = frozenset()
    own_mark: str = ""
    deleted: bool = False


def changes(known: Known, event: TicketEvent, policy: Policy) -> tuple[Change, ...]:
    """What to do, in this order; nothing where the event says nothing new."""
    return tuple(_changes(known, event, policy))


def news(known: Known, event: TicketEvent) -> frozenset[Field]:
    """The fields of which the event tells something later than what was heard."""
    return frozenset(f for f in event.changed if f not in known.heard or event.at > known.heard[f])


def _changes(known: Known, event: TicketEvent, policy: Policy) -> Iterator[Change]:
    if event.deleted:
        if not known.deleted:
            yield Delete()
        return
    if event.key and event.key != known.key and _has_moved(known, event):
        yield Move(event.key)
    if event.comment and comment_key(event) not in known.comments and not _is_ours(known, event):
        yield Say(event.comment, comment_key(event))
    for field_ in (Field.PRIORITY, Field.ASSIGNEE, Field.STATUS):
        if field_ in news(known, event):
            yield from _of_field(known, event, policy, field_)


def _has_moved(known: Known, event: TicketEvent) -> bool:
    """What was said before it was moved, and arrives later, has its old key."""
    return event.moved_from == known.key or all(event.at > heard for heard in known.heard.values())


def comment_key(event: TicketEvent) -> str:
    """The same for the same thing said about the same comment."""
    comment = event.comment
    return f"{comment.id} {comment.said.value} {comment.version}" if comment else ""


def _is_ours(known: Known, event: TicketEvent) -> bool:
    if not known.own_mark or event.comment is None:
        return False
    # Both kinds of Jira tell it with the marks that keep it from being markup.
    return known.own_mark in unescape(event.comment.text).replace("\\", "")


def _of_field(known: Known, event: TicketEvent, policy: Policy, field_: Field) -> Iterator[Change]:
    wanted = tuple(_WANTED[field_](known, event, policy))
    if not wanted:
        return
    # What we brought comes back when the incident has gone on: the ticket is about to follow.
    if _is_echo(known, event, policy, field_) or not _jira_wins(known, event, policy, field_):
        yield Tell(field_)
        return
    yield from wanted


def _is_echo(known: Known, event: TicketEvent, policy: Policy, field_: Field) -> bool:
    from_done = _was_done(known, event)
    return any(each.explains(field_, event, policy, from_done=from_done) for each in known.brought)


def _was_done(known: Known, event: TicketEvent) -> bool:
    return event.was_done or known.category is StatusCategory.DONE


def _jira_wins(known: Known, event: TicketEvent, policy: Policy, field_: Field) -> bool:
    wins = policy.wins.get(field_, Wins.NEWEST)
    if wins is not Wins.NEWEST:
        return wins is Wins.JIRA
    decided = known.decided.get(field_)
    return decided is None or event.at > decided


def _status(known: Known, event: TicketEvent, policy: Policy) -> Iterator[Change]:
    """What follows from the status of the ticket, where the incident is not like that already."""
    category = policy.category(event.status) if event.status else None
    if category is None or event.status is None:
        return
    said = f"Jira: {event.status.name} by {event.by or 'somebody'}"
    if category is StatusCategory.DONE:
        if known.status in UNRESOLVED:
            yield Resolve(said)
        return
    status = known.status
    if status in _OVER:
        if not may_become(status, Status.OPEN):
            return
        if not _was_done(known, event):
            # It was resolved here, and the ticket does not know yet.
            yield Tell(Field.STATUS)
            return
        yield Reopen(said)
        status = Status.OPEN
    if category is StatusCategory.INDETERMINATE and may_become(status, Status.ACKNOWLEDGED):
        yield Acknowledge()


def _assignee(known: Known, event: TicketEvent, policy: Policy) -> Iterator[Change]:
    person = policy.person(event.assignee)
    if person != known.assignee:
        yield Assign(person)


def _priority(known: Known, event: TicketEvent, policy: Policy) -> Iterator[Change]:
    """Up or down: whoever changes it in the tracker has looked, which the rules have not."""
    priority = policy.priority(event.priority)
    if priority is not None and priority is not known.priority:
        yield Prioritize(priority)


_WANTED = {Field.STATUS: _status, Field.ASSIGNEE: _assignee, Field.PRIORITY: _priority}


def looked_at(known: Known, event: TicketEvent, policy: Policy) -> TicketEvent:
    """A look at a ticket as an event: what is not as it was last heard has changed, at the latest when anything did.

    What was never heard of is taken as it is: whether somebody chose it, nobody knows. But a ticket that is done is
    done, and whoever it is given to looks after it.
    """
    category = policy.category(event.status) if event.status else None
    changed = set()
    if category is not known.category or Field.STATUS not in known.heard:
        changed.add(Field.STATUS)
    name = event.assignee.name if event.assignee else None
    if name != known.assigned_there and (Field.ASSIGNEE in known.heard or name):
        changed.add(Field.ASSIGNEE)
    if Field.PRIORITY in known.heard and event.priority != known.priority_there:
        changed.add(Field.PRIORITY)
    return replace(event, changed=frozenset(changed))
