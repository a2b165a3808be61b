"""The timeline of an incident: append-only, each entry sealed with the hash of the one before.

One chain for each incident, so that incidents do not wait for one another. Whoever appends holds the lock
on the incident's row (or, on SQLite, on the database), which keeps the sequence free of gaps and forks.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any, TypeAlias

from sqlalchemy import func, insert, select
from sqlalchemy.orm import Session

from rca_plugin.server.database import memory
from rca_plugin.server.models import AuditRow

FIRST_HASH = "0" * 64
End: TypeAlias = tuple[int, str]
_EMPTY: End = (0, FIRST_HASH)
_SEALED = ("incident_id", "seq", "at", "actor", "action", "detail", "prev_hash")


@dataclass(frozen=True)
class Entry:
    """Something that happened to an incident; `detail` is JSON."""

    incident_id: int
    actor: str
    action: str
    detail: dict[str, Any]


def append(session: Session, incident_id: int, actor: str, action: str, **detail: Any) -> None:
    """Add an entry to the timeline of an incident whose row this transaction has locked."""
    append_all(session, [Entry(incident_id, actor, action, detail)])


def append_all(session: Session, entries: list[Entry]) -> None:
    """The same for several entries, of one or of several incidents, in two statements."""
    # What is pending on the incidents is written first: the timeline never runs ahead of them.
    session.flush()
    ends = _ends(session, {entry.incident_id for entry in entries})
    rows = []
    for entry in entries:
        seq, prev_hash = ends.get(entry.incident_id, _EMPTY)
        row = _row(entry, seq + 1, prev_hash)
        ends[entry.incident_id] = (row["seq"], row["hash"])
        rows.append(row)
    if rows:
        session.connection().execute(insert(AuditRow), rows)


def begin(session: Session, incident_ids: Iterable[int]) -> None:
    """Say that incidents are new in this transaction, so that nobody looks for a timeline of theirs."""
    memory(session).setdefault("timelines", {}).update(dict.fromkeys(incident_ids, _EMPTY))


def _ends(session: Session, incident_ids: set[int]) -> dict[int, End]:
    """The last sequence number and hash of timelines: nobody else can append while their incidents are locked."""
    known: dict[int, End] = memory(session).setdefault("timelines", {})
    if unknown := incident_ids - known.keys():
        known.update(_read_ends(session, unknown))
    return known


def _read_ends(session: Session, incident_ids: set[int]) -> dict[int, End]:
    last = (
        select(AuditRow.incident_id, func.max(AuditRow.seq).label("seq"))
        .where(AuditRow.incident_id.in_(incident_ids))
        .group_by(AuditRow.incident_id)
        .subquery()
    )
    rows = session.execute(
        select(AuditRow.incident_id, AuditRow.seq, AuditRow.hash).join(
            last, (AuditRow.incident_id == last.c.incident_id) & (AuditRow.seq == last.c.seq)
        )
    )
    return {incident_id: (seq, hash_) for incident_id, seq, hash_ in rows}


def _row(entry: Entry, seq: int, prev_hash: str) -> dict[str, Any]:
    row = {
        "incident_id": entry.incident_id,
        "seq": seq,
        "at": datetime.now(timezone.utc),
        "actor": entry.actor,
        "action": entry.action,
        "detail": entry.detail,
        "prev_hash": prev_hash,
    }
    return {**row, "hash": _seal(row)}


def timeline(session: Session, incident_id: int, limit: int = 500) -> list[AuditRow]:
    """The newest entries of an incident, oldest first."""
    newest = select(AuditRow).where(AuditRow.incident_id == incident_id).order_by(AuditRow.seq.desc())
    return list(session.scalars(newest.limit(limit)))[::-1]


def first_broken_entry(session: Session, incident_id: int) -> int | None:
    """The sequence number of the first entry that was changed, removed or forged; None when all are sound."""
    entries = select(AuditRow).where(AuditRow.incident_id == incident_id).order_by(AuditRow.seq)
    previous = FIRST_HASH
    for expected_seq, entry in enumerate(session.scalars(entries), start=1):
        sound = entry.seq == expected_seq and entry.prev_hash == previous and entry.hash == _hash_of(entry)
        if not sound:
            return expected_seq
        previous = entry.hash
    return None


def _hash_of(entry: AuditRow) -> str:
    return _seal({name: getattr(entry, name) for name in _SEALED})


def _seal(row: dict[str, Any]) -> str:
    content = {**row, "at": row["at"].astimezone(timezone.utc).isoformat(timespec="microseconds")}
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(canonical.encode()).hexdigest()
