"""What follows for an incident from a field of its ticket, where it is not like that already."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from rca_plugin.core.incident import OVER, UNRESOLVED, Status, may_become
from rca_plugin.core.tracker.change import Acknowledge, Assign, Change, Prioritize, Reopen, Resolve, Tell
from rca_plugin.core.tracker.event import Field, StatusCategory, TicketEvent
from rca_plugin.core.tracker.known import Known
from rca_plugin.core.tracker.policy import Policy


def wanted_by(known: Known, event: TicketEvent, policy: Policy, field: Field) -> tuple[Change, ...]:
    """What to do, in this order; nothing where both are alike."""
    return tuple(_WANTED[field](known, event, policy))


def was_done(known: Known, event: TicketEvent) -> bool:
    """Whether the ticket was done until now."""
    return event.was_done or known.category is StatusCategory.DONE


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
    if status in OVER:
        if not may_become(status, Status.OPEN):
            return
        if not was_done(known, event):
            # It was resolved here, and the ticket does not know yet.
            yield Tell(Field.STATUS)
            return
        yield Reopen(said)
        status = Status.OPEN
    if category is StatusCategory.INDETERMINATE and may_become(status, Status.ACKNOWLEDGED):
        yield Acknowledge()


def _assignee(known: Known, event: TicketEvent, policy: Policy) -> Iterator[Change]:
    if policy.is_assigned(event.assignee, known.assignee, known.owner):
        return
    person = policy.person(event.assignee)
    if person != known.assignee:
        yield Assign(person)


def _priority(known: Known, event: TicketEvent, policy: Policy) -> Iterator[Change]:
    """Up or down: whoever changes it in the tracker has looked, which the rules have not."""
    priority = policy.priority(event.priority)
    if priority is not None and priority is not known.priority:
        yield Prioritize(priority)


_WANTED: Mapping[Field, Callable[[Known, TicketEvent, Policy], Iterator[Change]]] = {
    Field.STATUS: _status, Field.ASSIGNEE: _assignee, Field.PRIORITY: _priority,
}  # fmt: skip
