"""Store events in one transaction: rows first, then the incidents they belong to.

Rows are inserted in the order of their keys and incidents locked in the order of their fingerprints, so that
two transactions do not hold what the other waits for. Counting is left to the database (one UPDATE, no
read before the write), so counters are exact whatever arrives at the same time.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from rca_plugin.core.failure import Failure, Recovery, TaskRef
from rca_plugin.core.fingerprint import fingerprint, signature
from rca_plugin.server import own_runs, recoveries
from rca_plugin.server.counting import belong
from rca_plugin.server.database import insert_new
from rca_plugin.server.group import Group
from rca_plugin.server.models import FailureRow, Incident
from rca_plugin.server.receipt import Receipt

_NO_TASK = TaskRef("", "")
_OPEN_INCIDENT = select(Incident.id).where(Incident.open_fingerprint == bindparam("print_")).scalar_subquery()


@dataclass(frozen=True)
class _Marked:
    """A failure with its signature, and the fingerprint of the incident it counts on, if it counts on one."""

    failure: Failure
    signature: str
    print_: str | None
    own: bool


def record(session: Session, events: list[Failure | Recovery], waits_for: str | None) -> list[Receipt]:
    """Store events and answer a receipt for each.

    `waits_for` says why incidents cannot be handed off now; when None they are, and HandoffError is raised
    where that does not work.
    """
    failures = _record_failures(session, [e for e in events if isinstance(e, Failure)], waits_for)
    over = recoveries.record(session, [e for e in events if isinstance(e, Recovery)])
    return _in_order(events, failures | over)


def _in_order(events: list[Failure | Recovery], receipts: dict[str, Receipt]) -> list[Receipt]:
    """The receipts in the order of the events; an event that came twice was a duplicate the second time."""
    answered: set[str] = set()
    ordered = []
    for event in events:
        receipt = receipts[event.event_key]
        ordered.append(Receipt("duplicate", receipt.incident_id) if event.event_key in answered else receipt)
        answered.add(event.event_key)
    return ordered


def _record_failures(session: Session, failures: list[Failure], waits_for: str | None) -> dict[str, Receipt]:
    if not failures:
        return {}
    marked = _marked(session, failures)
    new = insert_new(
        session, FailureRow, FailureRow.event_key, [_row(marked[key]) for key in sorted(marked)],
        incident_id=_OPEN_INCIDENT,
    )  # fmt: skip
    receipts = _duplicates(session, marked.keys() - new.keys())
    counting: dict[str, list[_Marked]] = defaultdict(list)
    # In the order they came in: the database answers in any order it likes.
    for key, one in marked.items():
        if key not in new:
            continue
        if one.own:
            receipts[key] = own_runs.record(session, one.failure)
        elif one.print_ is None:
            receipts[key] = Receipt("recorded")
        else:
            counting[one.print_].append(one)
    stored = {key: incident_id for key, (incident_id,) in new.items()}
    return receipts | belong(session, [_group(alike, stored) for alike in counting.values()], waits_for)


def _group(alike: list[_Marked], stored: Mapping[str, int | None]) -> Group:
    failures = sorted((one.failure for one in alike), key=lambda f: (f.occurred_at, f.event_key))
    return Group(alike[0].print_ or "", alike[0].signature, tuple(failures), stored)


def _marked(session: Session, failures: list[Failure]) -> dict[str, _Marked]:
    own_dags = own_runs.own_dags(session, failures)
    first = {failure.event_key: failure for failure in reversed(failures)}
    return {key: _mark(first[key], own_dags) for key in dict.fromkeys(f.event_key for f in failures)}


def _mark(failure: Failure, own_dags: set[str]) -> _Marked:
    masked = signature(failure.message)
    own = failure.task is not None and failure.task.dag_id in own_dags
    counts = failure.final and not own
    return _Marked(
        failure, masked, fingerprint(failure.source, failure.resource, masked) if counts else None, own
    )


def _duplicates(session: Session, keys: Iterable[str]) -> dict[str, Receipt]:
    known = list(keys)
    if not known:
        return {}
    rows = session.execute(
        select(FailureRow.event_key, FailureRow.incident_id).where(FailureRow.event_key.in_(known))
    )
    return {key: Receipt("duplicate", incident_id) for key, incident_id in rows}


def _row(marked: _Marked) -> dict[str, Any]:
    failure = marked.failure
    task = failure.task or _NO_TASK
    return {
        "event_key": failure.event_key,
        "source": failure.source.value,
        "resource": failure.resource,
        "dag_id": task.dag_id or None,
        "run_id": failure.run_id,
        "task_id": task.task_id,
        "map_index": task.map_index,
        "try_number": task.try_number,
        "final": failure.final,
        "occurred_at": failure.occurred_at,
        "recorded_at": datetime.now(timezone.utc),
        "reported_by": failure.reported_by,
        "operator": failure.operator,
        "code": failure.code,
        "message": failure.message,
        "signature": marked.signature,
        "detail": failure.detail,
        "alert": recoveries.alert_key(failure.source, failure.alert),
        "labels": dict(failure.labels),
        "url": failure.url,
        "severity": failure.severity and failure.severity.value,
        "print_": marked.print_,
    }
