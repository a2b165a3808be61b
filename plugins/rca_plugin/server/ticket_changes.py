"""How an incident is changed by what happened to its ticket: one way for each change there is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy.orm import Session

from rca_plugin.core.delivery import Destination
from rca_plugin.core.storable import beginning
from rca_plugin.core.text import head
from rca_plugin.core.tracker import change as changes
from rca_plugin.core.tracker.change import Change
from rca_plugin.core.tracker.event import Said, TicketEvent
from rca_plugin.core.tracker.key import page_of
from rca_plugin.server import audit, deliveries, lifecycle, ticket_store
from rca_plugin.server.masking import redactor
from rca_plugin.server.models import Incident, Ticket
from rca_plugin.server.ticket_known import decided_at
from rca_plugin.server.ticket_overruled import overrule

_COMMENT_CHARS = 4_000
_NAME_CHARS = 240
_MOST_COMMENTS = 200


@dataclass(frozen=True)
class Happened:
    """Something happened to the ticket of a locked incident."""

    session: Session
    incident: Incident
    ticket: Ticket
    event: TicketEvent

    @property
    def actor(self) -> str:
        """Who did it, as the timeline says it."""
        return f"{ticket_store.ACTOR}{_line(self.event.by, _NAME_CHARS) or 'somebody'}"

    def note(self, action: str, **detail: Any) -> None:
        """Put it onto the timeline."""
        audit.append(self.session, self.incident.id, self.actor, action, **detail)


def make(it: Happened, change: Change) -> None:
    """Have the incident follow."""
    _WAYS[type(change)](it, change)


def _resolve(it: Happened, change: changes.Resolve) -> None:
    lifecycle.resolve(it.session, it.incident, it.actor, _line(change.how, _COMMENT_CHARS))


def _reopen(it: Happened, change: changes.Reopen) -> None:
    lifecycle.reopen(it.session, it.incident, it.actor, reason=_line(change.why, _COMMENT_CHARS))


def _acknowledge(it: Happened, _: changes.Acknowledge) -> None:
    lifecycle.acknowledge(it.session, it.incident, it.actor)


def _assign(it: Happened, change: changes.Assign) -> None:
    assignee = _line(change.assignee, _NAME_CHARS) if change.assignee else None
    lifecycle.assign(it.session, it.incident, it.actor, assignee)


def _prioritize(it: Happened, change: changes.Prioritize) -> None:
    lifecycle.prioritize(it.session, it.incident, it.actor, change.priority)


def _say(it: Happened, change: changes.Say) -> None:
    # A new list: what changes inside of one the session does not see.
    it.ticket.comments = [*it.ticket.comments, change.key][-_MOST_COMMENTS:]
    comment = change.comment
    said = {"ticket": it.ticket.key, "comment": comment.id}
    if comment.said is not Said.DELETED:
        said["text"] = beginning(comment.text, _COMMENT_CHARS, redactor())
    it.note(comment.said.value, **said)


def _tell(it: Happened, change: changes.Tell) -> None:
    decided = decided_at(it.session, it.incident.id).get(change.field, it.event.at)
    overrule(it.ticket, change.field, max(decided, it.event.at))
    deliveries.changed(it.session, it.incident.id, Destination.TICKET)


def _delete(it: Happened, _: changes.Delete) -> None:
    it.note("ticket_deleted", ticket=it.ticket.key)


def _move(it: Happened, change: changes.Move) -> None:
    before, url = it.ticket.key, page_of(it.ticket.url, change.key)
    ticket_store.rename(it.session, it.ticket, change.key, url)
    deliveries.moved(it.session, it.incident.id, Destination.TICKET, url)
    it.note("ticket_moved", ticket=change.key, before=head(before, _NAME_CHARS))


def _line(text: str, limit: int) -> str:
    """Of a text of others what goes onto the timeline."""
    return beginning(" ".join(text.split()), limit, redactor())


_WAYS: Mapping[type[Any], Callable[[Happened, Any], None]] = {
    changes.Resolve: _resolve, changes.Reopen: _reopen, changes.Acknowledge: _acknowledge,
    changes.Assign: _assign, changes.Prioritize: _prioritize, changes.Say: _say, changes.Tell: _tell,
    changes.Delete: _delete, changes.Move: _move,
}  # fmt: skip
