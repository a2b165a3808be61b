"""The past incidents that one is compared with: the newest of those that have most keys in common with it.

What that costs does not depend on how many are stored: of each key the newest few are read off its index.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

from sqlalchemy import bindparam, func, select, union_all
from sqlalchemy.orm import Session

from rca_plugin.core.similarity import Past, Subject, fingerprint_key
from rca_plugin.server.incidents import Readable
from rca_plugin.server.models import Incident, SimilarityKey
from rca_plugin.server.similarity_index import SUBJECT, subject_of

_NEWEST_OF_A_KEY = 50
_MOST_COMPARED = 100


def past_of(session: Session, incident: Incident, own: Subject, readable: Readable) -> list[Past]:
    """Those that opened before and have something in common with an incident, and that the caller may read."""
    numbers = _before(session, incident.id, _candidates(session, incident.id, own.keys))
    columns = (*SUBJECT, Incident.dag_id, Incident.opened_at, Incident.resolved_at)
    rows = session.execute(select(*columns).where(Incident.id.in_(numbers))).all()
    allowed = readable({row.dag_id for row in rows}) if rows else set()
    return [
        Past(row.id, subject_of(row), incident.opened_at - row.opened_at, row.resolved_at is not None)
        for row in rows
        if row.dag_id in allowed
    ]


def _candidates(session: Session, incident_id: int, keys: Sequence[int]) -> list[int]:
    """The incidents that have most of the keys."""
    values = {f"key_{number}": key for number, key in enumerate(keys)}
    return list(session.scalars(_with_most(len(keys)), {"itself": incident_id, **values}))


@cache
def _with_most(keys: int) -> Any:
    """The statement for so many keys: to make it takes longer than to execute it."""
    newest = (_newest_of(bindparam(f"key_{number}")) for number in range(keys))
    each = union_all(*(select(one.c.incident_id) for one in newest)).subquery()
    return (
        select(each.c.incident_id)
        .group_by(each.c.incident_id)
        .order_by(func.count().desc(), each.c.incident_id.desc())
        .limit(_MOST_COMPARED)
    )


def _newest_of(key: Any) -> Any:
    return (
        select(SimilarityKey.incident_id)
        .where(SimilarityKey.key == key, SimilarityKey.incident_id != bindparam("itself"))
        .order_by(SimilarityKey.incident_id.desc())
        .limit(_NEWEST_OF_A_KEY)
        .subquery()
    )


def _before(session: Session, incident_id: int, numbers: Sequence[int]) -> list[int]:
    """The candidates that opened before; in place of a later one, the one of its fingerprint that did."""
    later = [number for number in numbers if number > incident_id]
    earlier = [number for number in numbers if number < incident_id]
    if not later:
        return earlier
    prints = session.scalars(select(Incident.fingerprint).where(Incident.id.in_(later)))
    newest = (
        select(func.max(SimilarityKey.incident_id))
        .where(
            SimilarityKey.key.in_({fingerprint_key(print_) for print_ in prints}),
            SimilarityKey.incident_id < incident_id,
        )
        .group_by(SimilarityKey.key)
    )
    return [*earlier, *session.scalars(newest)]
