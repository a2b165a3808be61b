"""What incidents do when they begin, or begin again: they are analyzed, or they are kept quiet and say why."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from rca_plugin.config import settings
from rca_plugin.core.category import Priority
from rca_plugin.core.incident import Kind, Status
from rca_plugin.core.sources.airflow import retry_decision
from rca_plugin.core.text import head
from rca_plugin.server import audit, earlier_tries, handoff, inhibition, lifecycle, quiet, recoveries, triage
from rca_plugin.server.audit import Entry
from rca_plugin.server.database import insert_new
from rca_plugin.server.group import Group
from rca_plugin.server.models import Incident
from rca_plugin.server.receipt import Receipt

TITLE_CHARS = 200


def open_new(session: Session, groups: list[Group], waits_for: str | None) -> dict[str, Receipt]:
    """Open the incidents of groups, and answer a receipt for each fingerprint; those are missing that somebody
    else has just opened, or that were resolved too long ago: those are closed, and open at the next attempt.

    Raises HandoffError when `waits_for` is None and they cannot be handed off.
    """
    if not groups:
        return {}
    new = insert_new(session, Incident, Incident.open_fingerprint, [_values(group) for group in groups])
    _close_past(session, [group for group in groups if group.print_ not in new])
    opened = [group for group in groups if group.print_ in new]
    incidents = {
        i.open_fingerprint: i
        for i in session.scalars(select(Incident).where(Incident.open_fingerprint.in_(new)))
    }
    _begin_timelines(session, opened, incidents)
    begun, receipts = [], {}
    for group in opened:
        incident = incidents[group.print_]
        result = _first_state(session, incident, group, waits_for)
        begun += [incident] if result is None else []
        receipts[group.print_] = Receipt(result or "opened", incident.id)
    # One of them may have turned out to be the consequence of a later one.
    handoff.start(session, [incident for incident in begun if incident.status == Status.OPEN], waits_for)
    return receipts


def _close_past(session: Session, groups: list[Group]) -> None:
    """Close what was resolved longer than the window before these failures, so that they are another story."""
    if not groups:
        return
    prints = [group.print_ for group in groups]
    past = select(Incident).where(
        Incident.open_fingerprint.in_(prints), Incident.status == Status.RESOLVED.value
    )
    for incident in session.scalars(past.order_by(Incident.open_fingerprint).with_for_update()):
        lifecycle.close(session, incident)


def _begin_timelines(session: Session, groups: list[Group], incidents: dict[str | None, Incident]) -> None:
    entries = []
    for group in groups:
        incident = incidents[group.print_]
        group.attach(session, incident.id)
        known = {name: getattr(incident, name) for name in ("category", "rule", "priority")}
        known |= retry_decision(group.oldest.labels)
        entries.append(Entry(incident.id, group.oldest.reported_by, "opened", known))
    audit.begin(session, [entry.incident_id for entry in entries])
    audit.append_all(session, entries)
    for group in groups:
        earlier_tries.bring(session, group, incidents[group.print_].id)


def _first_state(session: Session, incident: Incident, group: Group, waits_for: str | None) -> str | None:
    """What becomes of a new incident that is not to be analyzed now; None for one that is."""
    if over := recoveries.already_over(session, group.failures):
        lifecycle.resolve(session, incident, over.source, over.reason, over.occurred_at)
        return "opened"
    if incident.status != Status.OPEN:
        # An upstream failure of the same transaction has attached it already.
        return "suppressed"
    return None if _speaks(session, incident, group, waits_for) else "suppressed"


def continue_resolved(session: Session, incident_id: int, group: Group, waits_for: str | None) -> Receipt:
    """A resolved incident has failures again: if they are not old news, it is open again.

    Raises HandoffError when `waits_for` is None and it cannot be handed off.
    """
    incident = _read(session, incident_id)
    is_old = incident.resolved_at is not None and group.newest.occurred_at <= incident.resolved_at
    if is_old or recoveries.already_over(session, group.failures):
        return Receipt("counted", incident_id)
    lifecycle.reopen(session, incident, group.newest.reported_by, run=group.newest.run_id)
    if not _speaks(session, incident, group, waits_for):
        return Receipt("suppressed", incident_id)
    if not incident.flapping:
        # One that comes and goes has its analysis; another one each time would only repeat it.
        handoff.start(session, [incident], waits_for)
    return Receipt("reopened", incident_id)


def continue_suppressed(session: Session, incident_id: int, group: Group, waits_for: str | None) -> Receipt:
    """A suppressed incident has more failures: it stays quiet as long as there is a reason.

    Raises HandoffError when `waits_for` is None and it cannot be handed off.
    """
    incident = _read(session, incident_id)
    if quiet.still_quiet(session, incident, group.newest):
        return Receipt("suppressed", incident_id)
    lifecycle.release(session, incident, f"no longer: {incident.suppressed_why}")
    if not _speaks(session, incident, group, waits_for):
        return Receipt("suppressed", incident_id)
    handoff.start(session, [incident], waits_for)
    return Receipt("counted", incident_id)


def _speaks(session: Session, incident: Incident, group: Group, waits_for: str | None) -> bool:
    """Whether an open incident goes on in the open; otherwise it is quiet from now on."""
    if reason := quiet.reason(session, incident, group.newest, waits_for):
        lifecycle.suppress(session, incident, reason)
        return False
    inhibition.adopt(session, incident, group.newest)
    return True


def _read(session: Session, incident_id: int) -> Incident:
    """The incident, which this transaction has locked, as it is now."""
    return session.get_one(Incident, incident_id, populate_existing=True)


def _values(group: Group) -> dict[str, Any]:
    first = group.oldest
    found = triage.triage(first)
    classified = triage.columns(found, first.severity)
    return {
        "kind": Kind.FAILURE.value,
        "fingerprint": group.print_,
        "open_fingerprint": group.print_,
        "source": first.source.value,
        "resource": first.resource,
        "dag_id": first.task.dag_id if first.task else None,
        "environment": settings().environment,
        "title": head(first.message.partition("\n")[0], TITLE_CHARS) or "failed without a message",
        "owner": first.owner,
        "cause": triage.cause(found, group.signature),
        "failure_count": len(group.failures),
        "first_failure_at": first.occurred_at,
        "last_failure_at": group.newest.occurred_at,
        **classified,
        **lifecycle.at_first(Priority(classified["priority"])),
    }
