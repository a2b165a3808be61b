"""Files incidents so that similar ones are found.

By housekeeping, and by nothing else: the intake has no statement to spare, one writer needs no locks, and an
incident has to be found by later ones only, a minute after it opened. What was there before this table was is filed
backward from the oldest that is, so that after an update the newest are found first.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from sqlalchemy import delete, exists, func, select
from sqlalchemy.orm import Session, aliased

from rca_plugin.core.fingerprint import signature
from rca_plugin.core.incident import Kind
from rca_plugin.core.similarity import Subject
from rca_plugin.server.database import insert_new, transaction
from rca_plugin.server.models import FailureRow, Incident, SimilarityKey

_BATCH = 500
_SECONDS = 5.0
# Numbers are given before they are committed: so far behind the newest, one that is missing may still turn up.
_LATE = 5_000

_SIGNATURE = (
    select(FailureRow.signature)
    .where(FailureRow.incident_id == Incident.id, FailureRow.final.is_(True))
    .order_by(FailureRow.occurred_at.desc())
    .limit(1)
    .correlate(Incident)
    .scalar_subquery()
)
#: What a subject is made of.
SUBJECT = (
    Incident.id, Incident.kind, Incident.fingerprint, Incident.source, Incident.resource, Incident.category,
    Incident.title, _SIGNATURE.label("signature"),
)  # fmt: skip
_STANDS_BACK = (Incident.parent_id.is_not(None) | Incident.suppressed_by.is_not(None)).label("stands_back")


def subject_of(row: Any) -> Subject:
    """What a row of `SUBJECT` is compared by; a storm, which has no error of its own, by its title."""
    text = row.signature if row.signature and row.kind == Kind.FAILURE.value else signature(row.title)
    return Subject(row.fingerprint, row.source, row.resource, row.category, text)


def file_incidents() -> int:
    """File the incidents that are not filed yet, for a bounded time, and answer how many that were."""
    deadline = time.monotonic() + _SECONDS
    filed = 0
    for front in (_newest, _oldest):
        while time.monotonic() < deadline and (done := transaction(partial(_file_front, front=front))):
            filed += done
    return filed


def file_again(session: Session, incident_id: int) -> None:
    """File one that was kept quiet when it was filed, and is not any more; leave to housekeeping what is new."""
    if session.scalar(select(exists().where(SimilarityKey.incident_id == incident_id))):
        _file_all(session, [incident_id])


def _file_front(session: Session, front: Callable[[Session], list[int]]) -> int:
    numbers = front(session)
    _file_all(session, numbers)
    return len(numbers)


def _file_all(session: Session, numbers: list[int]) -> None:
    rows = session.execute(select(*SUBJECT, _STANDS_BACK).where(Incident.id.in_(numbers))).all()
    _file(session, [(row.id, subject_of(row)) for row in rows], {row.id for row in rows if row.stands_back})


def _newest(session: Session) -> list[int]:
    last = session.scalar(select(func.max(SimilarityKey.incident_id)))
    if last is None:
        return list(session.scalars(select(Incident.id).order_by(Incident.id.desc()).limit(_BATCH)))
    filed = exists().where(SimilarityKey.incident_id == Incident.id)
    new = select(Incident.id).where(Incident.id > last - _LATE, ~filed)
    return list(session.scalars(new.order_by(Incident.id).limit(_BATCH)))


def _oldest(session: Session) -> list[int]:
    first = session.scalar(select(func.min(SimilarityKey.incident_id)))
    old = select(Incident.id).where(Incident.id < (first or 0))
    return list(session.scalars(old.order_by(Incident.id.desc()).limit(_BATCH)))


def _file(session: Session, subjects: list[tuple[int, Subject]], standing_back: set[int]) -> None:
    """Every incident by its fingerprint; the newest of each by everything.

    One that is attached to another, or silenced, stands back: a storm is found by itself, not by its members.
    """
    newest = {subject.own_key: number for number, subject in sorted(subjects, key=lambda pair: pair[0])
              if number not in standing_back}  # fmt: skip
    before = _standing(session, newest)
    overtaken = {key: before[key] for key, number in newest.items() if before.get(key, number) < number}
    session.execute(delete(SimilarityKey).where(SimilarityKey.incident_id.in_(overtaken.values())))
    stand = {number for key, number in newest.items() if before.get(key, number) <= number}
    rows = [{"key": key, "incident_id": number} for key, number in overtaken.items()]
    for number, subject in subjects:
        keys = subject.keys if number in stand else [subject.own_key]
        rows += [{"key": key, "incident_id": number} for key in keys]
    if rows:
        insert_new(session, SimilarityKey, SimilarityKey.incident_id, rows)


def _standing(session: Session, own_keys: Iterable[int]) -> dict[int, int]:
    """For each fingerprint, by its key, the incident that stands for it: the one that has other keys as well."""
    another = aliased(SimilarityKey)
    has_more = exists().where(
        another.incident_id == SimilarityKey.incident_id, another.key != SimilarityKey.key
    )
    found = (
        select(SimilarityKey.key, func.max(SimilarityKey.incident_id))
        .where(SimilarityKey.key.in_(list(own_keys)), has_more)
        .group_by(SimilarityKey.key)
    )
    return {row[0]: row[1] for row in session.execute(found)}
