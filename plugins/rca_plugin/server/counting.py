"""Which incident new failures belong to: the open one of their fingerprint is counted up, or one is opened."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from sqlalchemy import bindparam, case, select, update
from sqlalchemy.orm import Session

from rca_plugin.config import settings
from rca_plugin.core.incident import Status
from rca_plugin.server import audit, earlier_tries, lifecycle
from rca_plugin.server.group import Group
from rca_plugin.server.models import Incident
from rca_plugin.server.opening import continue_resolved, continue_suppressed, open_new
from rca_plugin.server.receipt import Receipt

# The failures themselves are all kept; the timeline says how many there were when that is news.
_NEWS = (*range(2, 11), *(step * 10**power for power in range(1, 8) for step in (2, 5, 10)))
_READ = (
    Incident.id,
    Incident.open_fingerprint,
    Incident.status,
    Incident.failure_count,
    Incident.resolved_at,
)

_COUNT = (
    update(Incident)
    .where(Incident.id == bindparam("incident"))
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
        known = _lock(session, groups)
        _count(session, [group for group in groups if group.print_ in known], known)
        fresh = [group for group in groups if group.print_ not in known]
        # The oldest first: what fails because of another failure comes after it.
        opened = open_new(session, sorted(fresh, key=lambda g: g.oldest.occurred_at), waits_for)
        for group in groups:
            if group.print_ in known:
                receipts |= _receipts(group, _go_on(session, group, known[group.print_], waits_for))
            elif group.print_ in opened:
                receipts |= _receipts(group, opened[group.print_], first=True)
        # Another process has just opened the others: they are counted there.
        groups = [group for group in fresh if group.print_ not in opened]
    return receipts


def _receipts(group: Group, receipt: Receipt, *, first: bool = False) -> dict[str, Receipt]:
    rest = Receipt("counted", receipt.incident_id) if first and receipt.result == "opened" else receipt
    return {failure.event_key: rest for failure in group.failures} | {group.oldest.event_key: receipt}


def _lock(session: Session, groups: list[Group]) -> Mapping[str, Any]:
    """The unclosed incidents of these fingerprints, locked."""
    prints = [group.print_ for group in groups]
    statement = (
        select(*_READ)
        .where(Incident.open_fingerprint.in_(prints))
        .order_by(Incident.open_fingerprint)
        .with_for_update()
    )
    found = {row.open_fingerprint: row for row in session.execute(statement)}
    for group in groups:
        row = found.get(group.print_)
        if row is not None and _is_past(row, group):
            lifecycle.close(session, session.get_one(Incident, row.id, populate_existing=True))
            del found[group.print_]
    return found


def _is_past(row: Any, group: Group) -> bool:
    """Whether it was resolved so long ago that this is another story."""
    window = timedelta(hours=settings().reopen_window)
    return row.status == Status.RESOLVED and group.newest.occurred_at > row.resolved_at + window


def _count(session: Session, groups: list[Group], known: Mapping[str, Any]) -> None:
    counted = [
        {
            "incident": known[group.print_].id,
            "more": len(group.failures),
            "oldest": group.oldest.occurred_at,
            "newest": group.newest.occurred_at,
        }
        for group in groups
    ]
    if counted:
        session.connection().execute(_COUNT, counted)


def _go_on(session: Session, group: Group, row: Any, waits_for: str | None) -> Receipt:
    """One more failure, or some, of an incident that is known, and counted already."""
    group.attach(session, row.id)
    earlier_tries.bring(session, group, row.id)
    count = row.failure_count + len(group.failures)
    if any(row.failure_count < news <= count for news in _NEWS):
        newest = group.newest
        audit.append(session, row.id, newest.reported_by, "failed_again", count=count, run=newest.run_id)
    if row.status == Status.RESOLVED:
        return continue_resolved(session, row.id, group, waits_for)
    if row.status == Status.SUPPRESSED:
        return continue_suppressed(session, row.id, group, waits_for)
    return Receipt("counted", row.id)
