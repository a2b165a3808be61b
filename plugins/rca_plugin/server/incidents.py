"""Look incidents up: the list with its filters, and one with all that belongs to it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from airflow.utils.sqlalchemy import get_dialect_name
from sqlalchemy import and_, func, literal, or_, select, update
from sqlalchemy.orm import Session, defer

from rca_plugin.core.incident import UNRESOLVED, VISIBLE, Kind, Status
from rca_plugin.server.models import FailureRow, Incident

Readable = Callable[[set[str | None]], set[str | None]]
"""Given the DAGs that incidents are of, those that the caller may read."""

SORTS: dict[str, Any] = {
    "last_failure_at": Incident.last_failure_at,
    "first_failure_at": Incident.first_failure_at,
    "priority": Incident.priority,
    "failure_count": Incident.failure_count,
    "resource": Incident.resource,
    "category": Incident.category,
    "status": Incident.status,
    "id": Incident.id,
}
#: Names for several statuses at once.
STATUS_GROUPS = {"active": VISIBLE, "unresolved": UNRESOLVED}
PAGE_SIZE = 50
MAX_PAGE_SIZE = 200
_SHOWN_FAILURES = 100


@dataclass(frozen=True)
class IncidentQuery:
    """What to list. An empty filter leaves nothing out; `text` is looked for in resource, title and RCA-id.

    `status` is one status or a group of `STATUS_GROUPS`; `parent` and `silence` are what keeps incidents quiet.
    """

    status: str = ""
    source: str = ""
    category: str = ""
    priority: str = ""
    kind: str = ""
    parent: int | None = None
    silence: int | None = None
    text: str = ""
    sort: str = "last_failure_at"
    descending: bool = True
    offset: int = 0
    limit: int = PAGE_SIZE


@dataclass(frozen=True)
class Page:
    """One page of incidents, and how many there are in all."""

    incidents: list[Incident]
    total: int


def find(session: Session, query: IncidentQuery, readable: Readable) -> Page:
    """The incidents that match and that the caller may read.

    Raises ValueError for an unknown sort.
    """
    if query.sort not in SORTS:
        raise ValueError(f"sort must be one of {', '.join(SORTS)}")
    conditions = [*_filters(query), visible(session, readable)]
    total = session.scalar(select(func.count(Incident.id)).where(*conditions)) or 0
    return Page(list(session.scalars(_ordered(query).where(*conditions))), total)


def count_by_status(session: Session, query: IncidentQuery, readable: Readable) -> dict[str, int]:
    """How many incidents of each status match all of the query but its status, and the caller may read."""
    conditions = [*_filters(replace(query, status="")), visible(session, readable)]
    counted = select(Incident.status, func.count(Incident.id)).where(*conditions).group_by(Incident.status)
    found = {row[0]: row[1] for row in session.execute(counted)}
    return {status.value: found[status.value] for status in Status if status.value in found}


def _filters(query: IncidentQuery) -> list[Any]:
    exact = {
        Incident.source: query.source,
        Incident.category: query.category,
        Incident.priority: query.priority,
        Incident.kind: query.kind,
        Incident.parent_id: query.parent,
        Incident.silence_id: query.silence,
    }
    conditions: list[Any] = [column == value for column, value in exact.items() if value not in ("", None)]
    if query.status:
        group = STATUS_GROUPS.get(query.status)
        wanted = [status.value for status in group] if group else [query.status]
        conditions.append(Incident.status.in_(wanted))
    conditions.extend(_contains(word) for word in query.text.split()[:10])
    return conditions


def _contains(word: str) -> Any:
    number = word.upper().removeprefix("RCA-")
    in_text = or_(
        Incident.resource.icontains(word, autoescape=True), Incident.title.icontains(word, autoescape=True)
    )
    return (
        or_(in_text, Incident.id == int(number))
        if number.isascii() and number.isdigit() and len(number) < 16
        else in_text
    )


def visible(session: Session, readable: Readable) -> Any:
    """The condition that leaves the incidents that the caller may read."""
    allowed = readable(set(session.scalars(select(Incident.dag_id).distinct())))
    named = [dag_id for dag_id in allowed if dag_id is not None]
    return or_(Incident.dag_id.in_(named), and_(Incident.dag_id.is_(None), literal(None in allowed)))


def _ordered(query: IncidentQuery) -> Any:
    column = SORTS[query.sort]
    return (
        select(Incident)
        .options(defer(Incident.evidence))
        .order_by(column.desc() if query.descending else column.asc(), Incident.id.desc())
        .offset(query.offset)
        .limit(min(query.limit, MAX_PAGE_SIZE))
    )


def failures_of(session: Session, incident_id: int, limit: int = _SHOWN_FAILURES) -> list[FailureRow]:
    """The newest failures of an incident, newest first; those of a storm are those of its incidents."""
    newest = select(FailureRow).order_by(FailureRow.occurred_at.desc(), FailureRow.id.desc()).limit(limit)
    return list(session.scalars(newest.where(of_incident(session, incident_id))))


def of_incident(session: Session, incident_id: int) -> Any:
    """The condition that a failure is of this incident, or of one that the storm has gathered."""
    kind = session.scalar(select(Incident.kind).where(Incident.id == incident_id))
    if kind != Kind.STORM:
        return FailureRow.incident_id == incident_id
    return FailureRow.incident_id.in_(select(Incident.id).where(Incident.parent_id == incident_id))


def of_task(
    session: Session, dag_id: str, run_id: str, task_id: str | None = None, map_index: int | None = None
) -> list[int]:
    """The ids of the incidents that a run, a task of it or one mapped instance of that has failures in."""
    statement = (
        select(FailureRow.incident_id)
        .where(FailureRow.dag_id == dag_id, FailureRow.run_id == run_id, FailureRow.incident_id.is_not(None))
        .distinct()
        .order_by(FailureRow.incident_id.desc())
    )
    if task_id is not None:
        statement = statement.where(FailureRow.task_id == task_id)
    if map_index is not None:
        statement = statement.where(FailureRow.map_index == map_index)
    return [incident_id for incident_id in session.scalars(statement) if incident_id is not None]


class UnknownIncidentError(LookupError):
    """There is no such incident."""


def locked(session: Session, incident_id: int) -> Incident:
    """The incident, locked until the transaction ends.

    Raises UnknownIncidentError.
    """
    this = Incident.id == incident_id
    if get_dialect_name(session) == "sqlite":
        # FOR UPDATE means nothing to SQLite: only who has written keeps others from writing.
        written = update(Incident).where(this).values(id=Incident.id)
        session.execute(written.execution_options(synchronize_session=False))
    incident = session.scalar(select(Incident).where(this).with_for_update())
    if incident is None:
        raise UnknownIncidentError(f"there is no incident {incident_id}")
    return incident
