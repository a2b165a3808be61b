"""A look at a ticket, of which nobody said what has changed."""

from __future__ import annotations

from dataclasses import replace

from rca_plugin.core.tracker.event import Field, TicketEvent
from rca_plugin.core.tracker.known import Known
from rca_plugin.core.tracker.policy import Policy


def looked_at(known: Known, event: TicketEvent, policy: Policy) -> TicketEvent:
    """A look as an event: what is not as it was last heard has changed, at the latest when anything did.

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
