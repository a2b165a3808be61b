"""Storms: when one cause opens many incidents in a minute, one incident speaks for all of them.

The ones that opened before it was clear stay as they are. From then on each is attached, keeps quiet, and remains an
incident of its own with its own failures.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any

from sqlalchemy import and_, exists, func, or_, select, true
from sqlalchemy.orm import Session

from rca_plugin.config import settings
from rca_plugin.core.category import Priority
from rca_plugin.core.incident import UNRESOLVED, VISIBLE, Kind, Status, incident_label
from rca_plugin.core.text import head
from rca_plugin.server import audit, handoff, lifecycle
from rca_plugin.server.database import insert_once, memory
from rca_plugin.server.lifecycle import Quiet
from rca_plugin.server.models import Incident
from rca_plugin.server.storm_first import MINUTE

# A storm goes on as long as it gathers more; afterwards it takes as many as at first to join it.
_GOES_ON = timedelta(minutes=10)
_TITLE_CHARS = 200
_IS_FAILURE = Incident.kind == Kind.FAILURE.value
_TAKEN_OVER = (
    "category", "severity", "priority", "rule", "confidence", "first_failure_at", "last_failure_at",
)  # fmt: skip


@dataclass(frozen=True)
class _Front:
    """A set of incidents that may be a storm: how to recognize its members, and how many are too many."""

    cause: str
    members: Any
    threshold: int
    what: str

    def title(self, incident: Incident) -> str:
        """The storm in one line, with the error that it began with."""
        return head(f"Storm of {self.what}: {incident.title}", _TITLE_CHARS)


def joined(session: Session, incident: Incident, waits_for: str | None) -> Quiet | None:
    """Attach a new incident to the storm that it is part of, opening the storm if this one makes it one.

    Raises HandoffError when `waits_for` is None and the storm cannot be handed off.
    """
    # What is so once is so for all incidents that one transaction opens.
    storms = memory(session).setdefault("storms", {})
    for front in _fronts(incident):
        if front.cause not in storms:
            storms[front.cause] = _storm(session, incident, front) if front.threshold else None
        if storm := storms[front.cause]:
            _gather(session, storm, incident)
            if storm.rca_run_id is None and storm.analysis_problem is None:
                # Only now, with a first member, it has failures to analyze.
                handoff.start(session, [storm], waits_for)
            return Quiet("storm", f"part of {incident_label(storm.id)}: {storm.title}", parent_id=storm.id)
    return None


def around(session: Session, incident: Incident) -> Incident | None:
    """The storm that speaks for an incident: the one it is attached to, or one that opened within a minute of it, as
    of the first few, which opened before it was clear. Once the storm is over, it still does for those that are too.
    """
    if incident.kind == Kind.STORM.value:
        return None
    prints = [_print_of(front) for front in _fronts(incident)]
    began_with_it = and_(
        Incident.fingerprint.in_(prints),
        Incident.opened_at.between(incident.opened_at - MINUTE, incident.opened_at + MINUTE),
    )
    goes_on = Incident.status.in_([status.value for status in VISIBLE])
    return session.scalar(
        select(Incident)
        .where(
            Incident.kind == Kind.STORM.value,
            goes_on if Status(incident.status) in UNRESOLVED else true(),
            or_(Incident.id == incident.parent_id, began_with_it),
        )
        .order_by(Incident.id)
        .limit(1)
    )


def _fronts(incident: Incident) -> list[_Front]:
    limits = settings()
    category, _, target = incident.cause.partition("@")
    alike = category.replace("_", " ") if category == incident.category else "the same error"
    return [
        _Front(
            incident.cause,
            Incident.cause == incident.cause,
            limits.storm_threshold,
            f"{alike} at {target}" if target else alike,
        ),
        _Front(
            f"source:{incident.source}",
            Incident.source == incident.source,
            limits.source_storm_threshold,
            f"failures of {incident.source.replace('_', ' ')}",
        ),
    ]


def _storm(session: Session, incident: Incident, front: _Front) -> Incident | None:
    """The storm that blows now, if there is one."""
    print_ = _print_of(front)
    now = datetime.now(timezone.utc)
    last = session.scalar(select(Incident).where(Incident.open_fingerprint == print_).with_for_update())
    if (
        last is not None
        and Status(last.status) in VISIBLE
        and _gathered(session, last, front, now - _GOES_ON)
    ):
        return last
    if _opened(session, front, now - MINUTE) <= front.threshold:
        return None
    if last is None or Status(last.status) in VISIBLE:
        return last or _open(session, incident, front, print_)
    lifecycle.close(session, last)
    return _open(session, incident, front, print_)


def _print_of(front: _Front) -> str:
    return hashlib.sha256(f"storm\x1f{front.cause}".encode()).hexdigest()


def _opened(session: Session, front: _Front, since: datetime) -> int:
    """How many members opened since then; counted only as far as it matters."""
    some = select(Incident.id).where(front.members, Incident.opened_at > since, _IS_FAILURE)
    return session.scalar(select(func.count()).select_from(some.limit(front.threshold + 1).subquery())) or 0


def _gathered(session: Session, storm: Incident, front: _Front, since: datetime) -> bool:
    members = exists().where(front.members, Incident.opened_at > since, Incident.parent_id == storm.id)
    return bool(session.scalar(select(members)))


def _open(session: Session, incident: Incident, front: _Front, print_: str) -> Incident:
    insert_once(session, Incident, {
        "kind": Kind.STORM.value,
        "fingerprint": print_,
        "open_fingerprint": print_,
        "source": incident.source,
        "resource": f"storm/{front.cause}",
        "environment": incident.environment,
        "title": front.title(incident),
        "cause": front.cause,
        "failure_count": 0,
        **lifecycle.at_first(Priority(incident.priority)),
        **{name: getattr(incident, name) for name in _TAKEN_OVER},
    })  # fmt: skip
    storm = session.scalars(
        select(Incident).where(Incident.open_fingerprint == print_).with_for_update()
    ).one()
    audit.append(session, storm.id, "rca", "opened", what=front.what, more_than_a_minute=front.threshold)
    return storm


def _gather(session: Session, storm: Incident, incident: Incident) -> None:
    """Count a member; the failures of a storm are the incidents it gathered."""
    storm.failure_count += 1
    storm.first_failure_at = min(storm.first_failure_at, incident.first_failure_at)
    storm.last_failure_at = max(storm.last_failure_at, incident.last_failure_at)
    session.flush()
