"""What an incident makes of what happened to its ticket.

Nothing here is a toggle: what is said again, or too late, changes nothing. What the incident is already changes nothing
either, so that neither side ever answers its own echo.
"""

from __future__ import annotations

from collections.abc import Iterator
from html import unescape

from rca_plugin.core.tracker.brought import Brought
from rca_plugin.core.tracker.change import Acknowledge, Change, Delete, Move, Say, Tell
from rca_plugin.core.tracker.consequence import wanted_by, was_done
from rca_plugin.core.tracker.event import Field, TicketEvent
from rca_plugin.core.tracker.known import Known
from rca_plugin.core.tracker.policy import Policy, Wins


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
    wanted = wanted_by(known, event, policy, field_)
    if not wanted:
        return
    # What we brought comes back when the incident has gone on: the ticket is about to follow.
    if _is_echo(known, event, policy, field_, wanted) or not _jira_wins(known, event, policy, field_):
        yield Tell(field_)
        return
    yield from wanted


def _is_echo(
    known: Known, event: TicketEvent, policy: Policy, field_: Field, wanted: tuple[Change, ...]
) -> bool:
    from_done = was_done(known, event)
    return any(
        each.explains(field_, event, policy, from_done=from_done)
        and (wanted == (Acknowledge(),) or _has_gone_on(known, policy, field_, each))
        for each in known.brought
    )


def _has_gone_on(known: Known, policy: Policy, field_: Field, brought: Brought) -> bool:
    """Whether the incident was changed here since. If not, it is as the ticket had it since, and that goes on."""
    decided = known.decided.get(field_)
    if decided is not None and decided >= brought.since:
        return True
    # The priority follows from the severity too, which nobody decides.
    return field_ is Field.PRIORITY and policy.priority(known.priority_there) is not known.priority


def _jira_wins(known: Known, event: TicketEvent, policy: Policy, field_: Field) -> bool:
    wins = policy.wins.get(field_, Wins.NEWEST)
    if wins is not Wins.NEWEST:
        return wins is Wins.JIRA
    decided = known.decided.get(field_)
    return decided is None or event.at > decided
