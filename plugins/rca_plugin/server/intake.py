"""The one way in: failures become rows and incidents, and new incidents are handed off, in one transaction.

Counting is left to the database (one UPDATE, no read before the write), so counters are exact whatever
arrives at the same time.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from typing import Any

from airflow.models.dag import DagTag
from sqlalchemy import case, exists, select, update
from sqlalchemy.orm import Session

from rca_plugin.config import settings
from rca_plugin.core.failure import Failure
from rca_plugin.core.fingerprint import fingerprint, signature
from rca_plugin.core.incident import Status
from rca_plugin.core.text import head
from rca_plugin.server import audit, triage
from rca_plugin.server.database import changed_rows, insert_once, transaction
from rca_plugin.server.handoff import DAG_ID, HandoffError, hand_off
from rca_plugin.server.models import FailureRow, Incident
from rca_plugin.server.task_instances import same_task

log = logging.getLogger(__name__)

OWN_DAG_TAG = "rca"
TITLE_CHARS = 200

# Each transaction with a new incident holds one connection and makes trigger_dag (Airflow 3.3) open another:
# more of them at once than half of the pool (15 by default) could wait for one another until they time out.
_AT_ONCE = threading.BoundedSemaphore(4)
# Airflow serves its pages from 40 threads: ours must not stay in them behind a database that hangs. Waiting is
# not fair (a thread that just finished may come first again), so this is well above what a burst needs.
_WAIT_SECONDS = 10.0


class BusyError(Exception):
    """Too many reports at once: nothing was stored, send it again."""


@dataclass(frozen=True)
class Receipt:
    """What became of one failure.

    `result` is `opened` (a new incident), `counted` (one more failure of an open incident), `recorded` (a try
    that will be retried), `duplicate` (the event was known) or `own` (a failure of an RCA run itself).
    """

    result: str
    incident_id: int | None = None


def take_in(failures: Iterable[Failure]) -> list[Receipt]:
    """Store failures; answer when they are committed, one receipt for each.

    When the RCA DAG cannot take a new incident, the incident is kept all the same and says why; the
    housekeeping DAG hands it off later. Raises BusyError when it is not this call's turn in 10 seconds.
    """
    batch = list(failures)
    if not _AT_ONCE.acquire(timeout=_WAIT_SECONDS):
        raise BusyError("the server is busy with other reports")
    try:
        return _stored(batch)
    finally:
        _AT_ONCE.release()


def _stored(failures: list[Failure]) -> list[Receipt]:
    try:
        return transaction(lambda session: _take_in_all(session, failures, waits_for=None))
    except HandoffError as error:
        # The failed hand-off may have left that transaction unusable: a second one stores what is certain.
        reason = str(error)
        log.warning("New incidents wait for their analysis: %s", reason)
        return transaction(lambda session: _take_in_all(session, failures, waits_for=reason))


def _take_in_all(session: Session, failures: list[Failure], waits_for: str | None) -> list[Receipt]:
    prints = {f.event_key: fingerprint(f.source, f.resource, signature(f.message)) for f in failures}
    receipts: dict[str, Receipt] = {}
    # Always in the same order, so that two transactions with the same failures do not lock each other out.
    for failure in sorted(failures, key=lambda f: (prints[f.event_key], f.event_key)):
        if failure.event_key not in receipts:
            receipts[failure.event_key] = _take_in_one(session, failure, prints[failure.event_key], waits_for)
    return [receipts[f.event_key] for f in failures]


def _take_in_one(session: Session, failure: Failure, print_: str, waits_for: str | None) -> Receipt:
    if not insert_once(session, FailureRow, _failure_values(failure)):
        return Receipt("duplicate", _incident_of(session, failure))
    if _is_own(session, failure):
        return _record_on_own_incident(session, failure)
    if not failure.final:
        return Receipt("recorded")
    return _count_or_open(session, failure, print_, waits_for)


def _failure_values(failure: Failure) -> dict[str, Any]:
    return {
        "event_key": failure.event_key,
        "source": failure.source.value,
        "resource": failure.resource,
        **asdict(failure.task),
        "final": failure.final,
        "occurred_at": failure.occurred_at,
        "recorded_at": datetime.now(timezone.utc),
        "reported_by": failure.reported_by,
        "operator": failure.operator,
        "code": failure.code,
        "message": failure.message,
        "signature": signature(failure.message),
        "detail": failure.detail,
    }


def _incident_of(session: Session, failure: Failure) -> int | None:
    return session.scalar(select(FailureRow.incident_id).where(FailureRow.event_key == failure.event_key))


def _is_own(session: Session, failure: Failure) -> bool:
    """Whether it failed in a DAG of ours: those are never analyzed, or one error would feed on itself."""
    tagged = exists().where(DagTag.dag_id == failure.task.dag_id, DagTag.name == OWN_DAG_TAG)
    return failure.task.dag_id == DAG_ID or bool(session.scalar(select(tagged)))


def _record_on_own_incident(session: Session, failure: Failure) -> Receipt:
    worked_on = select(Incident).where(Incident.rca_run_id == failure.task.run_id).with_for_update()
    incident = session.scalar(worked_on)
    if incident is None or not failure.final:
        return Receipt("own")
    # Said on the incident, but not one of its failures: those are what is analyzed.
    task, error = failure.task.task_id, head(failure.message, TITLE_CHARS)
    incident.analysis_problem = f"task {task} of its RCA run failed: {error}"
    audit.append(session, incident.id, "airflow", "rca_failed", task=task, error=error)
    return Receipt("own", incident.id)


def _count_or_open(session: Session, failure: Failure, print_: str, waits_for: str | None) -> Receipt:
    opened = False
    while not _count(session, failure, print_):
        if opened := insert_once(session, Incident, _incident_values(failure, print_)):
            break
    incident = session.scalars(
        select(Incident).where(Incident.open_fingerprint == print_).with_for_update()
    ).one()
    _attach(session, failure.event_key, incident.id)
    if not opened:
        _note_earlier_tries(session, failure, incident.id)
        audit.append(session, incident.id, failure.reported_by, "failed_again", run=failure.task.run_id)
        return Receipt("counted", incident.id)
    audit.append(
        session, incident.id, failure.reported_by, "opened",
        category=incident.category, rule=incident.rule, priority=incident.priority,
    )  # fmt: skip
    _note_earlier_tries(session, failure, incident.id)
    if waits_for is None:
        start_analysis(session, incident)
    else:
        _keep_waiting(session, incident, waits_for)
    return Receipt("opened", incident.id)


def _count(session: Session, failure: Failure, print_: str) -> bool:
    """Add one to the open incident of this fingerprint, if there is one."""
    statement = (
        update(Incident)
        .where(Incident.open_fingerprint == print_)
        .values(failure_count=Incident.failure_count + 1, **_seen_at(failure))
        .execution_options(synchronize_session=False)
    )
    return changed_rows(session, statement) == 1


def _seen_at(failure: Failure) -> dict[str, Any]:
    at = failure.occurred_at
    return {
        "first_failure_at": case((Incident.first_failure_at > at, at), else_=Incident.first_failure_at),
        "last_failure_at": case((Incident.last_failure_at < at, at), else_=Incident.last_failure_at),
    }


def _incident_values(failure: Failure, print_: str) -> dict[str, Any]:
    return {
        "fingerprint": print_,
        "open_fingerprint": print_,
        "source": failure.source.value,
        "resource": failure.resource,
        "dag_id": failure.task.dag_id,
        "environment": settings().environment,
        "title": head(failure.message.partition("\n")[0], TITLE_CHARS) or "failed without a message",
        "owner": failure.owner,
        "status": Status.OPEN.value,
        "failure_count": 1,
        "first_failure_at": failure.occurred_at,
        "last_failure_at": failure.occurred_at,
        **triage.columns(triage.triage(failure)),
    }


def _attach(session: Session, event_key: str, incident_id: int) -> None:
    of_event = update(FailureRow).where(FailureRow.event_key == event_key)
    changed_rows(session, of_event.values(incident_id=incident_id))


def _note_earlier_tries(session: Session, failure: Failure, incident_id: int) -> None:
    """Bring the tries that were retried to the incident that the last one leads to."""
    task = failure.task
    earlier = select(FailureRow).where(
        same_task(FailureRow, task), FailureRow.try_number < task.try_number, FailureRow.incident_id.is_(None)
    )
    for row in session.scalars(earlier.order_by(FailureRow.try_number)).all():
        row.incident_id = incident_id
        audit.append(
            session, incident_id, row.reported_by, "earlier_try_failed",
            **{"try": row.try_number}, at=row.occurred_at.isoformat(), error=head(row.message, TITLE_CHARS),
        )  # fmt: skip


def start_analysis(session: Session, incident: Incident) -> None:
    """Hand a locked incident off, and note it.

    Raises HandoffError; the transaction must then be given up.
    """
    incident.rca_run_id = hand_off(session, incident)
    incident.analysis_problem = None
    audit.append(session, incident.id, "rca", "handed_off", run_id=incident.rca_run_id)


def _keep_waiting(session: Session, incident: Incident, reason: str) -> None:
    incident.analysis_problem = reason
    audit.append(session, incident.id, "rca", "handoff_waiting", reason=reason)
