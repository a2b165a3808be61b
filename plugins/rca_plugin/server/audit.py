"""The timeline of an incident: append-only, each entry sealed with the hash of the one before.

One chain for each incident, so that incidents do not wait for one another. Whoever appends holds the lock
on the incident's row (or, on SQLite, on the database), which keeps the sequence free of gaps and forks.
"""

from __future__ import annotations

import hashlib
import json
from datetime import datetime, timezone
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from rca_plugin.server.models import AuditRow

FIRST_HASH = "0" * 64


def append(session: Session, incident_id: int, actor: str, action: str, **detail: Any) -> AuditRow:
    """Add an entry to the timeline of an incident whose row this transaction has locked."""
    last = session.scalar(
        select(AuditRow).where(AuditRow.incident_id == incident_id).order_by(AuditRow.seq.desc()).limit(1)
    )
    entry = AuditRow(
        incident_id=incident_id,
        seq=last.seq + 1 if last else 1,
        at=datetime.now(timezone.utc),
        actor=actor,
        action=action,
        detail=detail,
        prev_hash=last.hash if last else FIRST_HASH,
    )
    entry.hash = _seal(entry)
    session.add(entry)
    session.flush()
    return entry


def timeline(session: Session, incident_id: int, limit: int = 500) -> list[AuditRow]:
    """The newest entries of an incident, oldest first."""
    newest = select(AuditRow).where(AuditRow.incident_id == incident_id).order_by(AuditRow.seq.desc())
    return list(session.scalars(newest.limit(limit)))[::-1]


def first_broken_entry(session: Session, incident_id: int) -> int | None:
    """The sequence number of the first entry that was changed, removed or forged; None when all are sound."""
    entries = select(AuditRow).where(AuditRow.incident_id == incident_id).order_by(AuditRow.seq)
    previous = FIRST_HASH
    for expected_seq, entry in enumerate(session.scalars(entries), start=1):
        sound = entry.seq == expected_seq and entry.prev_hash == previous and entry.hash == _seal(entry)
        if not sound:
            return expected_seq
        previous = entry.hash
    return None


def _seal(entry: AuditRow) -> str:
    content = {
        "incident_id": entry.incident_id,
        "seq": entry.seq,
        "at": entry.at.astimezone(timezone.utc).isoformat(timespec="microseconds"),
        "actor": entry.actor,
        "action": entry.action,
        "detail": entry.detail,
        "prev_hash": entry.prev_hash,
    }
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(canonical.encode()).hexdigest()
