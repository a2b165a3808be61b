"""Which incident new failures belong to: the open one of their fingerprint is counted up, or one is opened."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sqlalchemy import and_, bindparam, case, or_, select, update
from sqlalchemy.orm import Session

from rca_plugin.config import settings
from rca_plugin.core.incident import Status
from rca_plugin.server import audit, earlier_tries
from rca_plugin.server.group import Group
from rca_plugin.server.models import Incident
from rca_plugin.server.opening import continue_resolved, continue_suppressed, open_new
from rca_plugin.server.receipt import Receipt

# The failures themselves are all kept; the timeline says how many there were when that is news.
_NEWS = (*range(2, 11), *(step * 10**power for power in range(1, 8) for step in (2, 5, 10)))
_READ = (Incident.id, Incident.status, Incident.failure_count)
# What was resolved so long before that this is another story is left as it is.
_OPEN = and_(
    Incident.open_fingerprint == bindparam("print_"),
    or_(Incident.resolved_at.is_(None), Incident.resolved_at >= bindparam("past")),
)
_COUNT = (
    update(Incident)
    .where(_OPEN)
    .values(
        failure_count=Incident.failure_count + bindparam("more"),
        first_failure_at=case(
            (Incident.first_failure_at > bindparam("oldest"), bindparam("oldest")),
            else_=Incident.first_failure_at,
        ),
        last_failure_at=case(
            (Incident.last_failure_at < bindparam("newest"), bindparam("newest")),
            else_=Incident.last_failure_at,
        ),
    )
)


def belong(session: Session, groups: list[Group], waits_for: str | None) -> dict[str, Receipt]:
    """Count each group on its incident, and answer a receipt for each failure.

    Raises HandoffError when `waits_for` is None and an incident cannot be handed off.
    """
    receipts: dict[str, Receipt] = {}
    while groups:
        counted = {group.print_: _count(session, group) for group in sorted(groups, key=lambda g: g.print_)}
        fresh = [group for group in groups if counted[group.print_] is None]
        # The oldest first: what fails because of another failure comes after it.
        opened = open_new(session, sorted(fresh, key=lambda g: g.oldest.occurred_at), waits_for)
        for group in groups:
            if row := counted[group.print_]:
                receipts |= _receipts(group, _go_on(session, group, row, waits_for))
            elif group.print_ in opened:
                receipts |= _receipts(group, opened[group.print_], first=True)
        # Another process has just opened the others, or they stood in the way resolved: once more.
        groups = [group for group in fresh if group.print_ not in opened]
    return receipts


def _receipts(group: Group, receipt: Receipt, *, first: bool = False) -> dict[str, Receipt]:
    rest = Receipt("counted", receipt.incident_id) if first and receipt.result == "opened" else receipt
    return {failure.event_key: rest for failure in group.failures} | {group.oldest.event_key: receipt}


def _count(session: Session, group: Group) -> Any:
    """Count a group on its incident, which is locked by that; None when there is none that goes on."""
    connection = session.connection()
    values = {
        "print_": group.print_,
        "past": group.newest.occurred_at - timedelta(hours=settings().reopen_window),
        "more": len(group.failures),
        "oldest": group.oldest.occurred_at,
        "newest": group.newest.occurred_at,
    }
    if connection.dialect.update_returning:
        return connection.execute(_COUNT.returning(*_READ), values).one_or_none()
    # MySQL answers no rows from an UPDATE.
    found = connection.execute(_COUNT, values).rowcount == 1
    return connection.execute(select(*_READ).where(_OPEN), values).one() if found else None


def _go_on(session: Session, group: Group, row: Any, waits_for: str | None) -> Receipt:
    """One more failure, or some, of an incident that is known, and counted already."""
    group.attach(session, row.id)
    earlier_tries.bring(session, group, row.id)
    count, before = row.failure_count, row.failure_count - len(group.failures)
    if any(before < news <= count for news in _NEWS):
        newest = group.newest
        audit.append(session, row.id, newest.reported_by, "failed_again", count=count, run=newest.run_id)
    if row.status == Status.RESOLVED:
        return continue_resolved(session, row.id, group, waits_for)
    if row.status == Status.SUPPRESSED:
        return continue_suppressed(session, row.id, group, waits_for)
    return Receipt("counted", row.id)
