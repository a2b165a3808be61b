"""The timeline cannot be changed unnoticed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from airflow.utils.session import create_session
from sqlalchemy import delete, update

from rca_plugin.server import audit
from rca_plugin.server.models import AuditRow
from tests.server.test_intake import a_failure, store

pytestmark = pytest.mark.usefixtures("database")


def an_incident_with_four_entries() -> int:
    [receipt] = store(a_failure("run-0"))
    for n in (1, 2):
        store(a_failure(f"run-{n}"))
    assert receipt.incident_id is not None
    return receipt.incident_id


def first_broken(incident_id: int) -> int | None:
    with create_session(scoped=False) as session:
        return audit.first_broken_entry(session, incident_id)


def test_an_honest_timeline_is_sound() -> None:
    incident_id = an_incident_with_four_entries()
    with create_session(scoped=False) as session:
        entries = audit.timeline(session, incident_id)
    assert [entry.seq for entry in entries] == [1, 2, 3, 4]
    assert first_broken(incident_id) is None


def entry(seq: int, incident_id: int) -> tuple[object, ...]:
    return (AuditRow.incident_id == incident_id, AuditRow.seq == seq)


TAMPERING: dict[str, Callable[[int], list[object]]] = {
    "another detail": lambda i: [update(AuditRow).where(*entry(2, i)).values(detail={"run_id": "other"})],
    "another actor": lambda i: [update(AuditRow).where(*entry(2, i)).values(actor="nobody")],
    "another time": lambda i: [update(AuditRow).where(*entry(2, i)).values(at=a_failure().occurred_at)],
    "one removed": lambda i: [delete(AuditRow).where(*entry(2, i))],
    "one removed and the others moved up": lambda i: [
        delete(AuditRow).where(*entry(2, i)),
        update(AuditRow).where(*entry(3, i)).values(seq=2),
        update(AuditRow).where(*entry(4, i)).values(seq=3),
    ],
    "another beginning": lambda i: [update(AuditRow).where(*entry(2, i)).values(prev_hash=audit.FIRST_HASH)],
}


@pytest.mark.parametrize("statements", TAMPERING.values(), ids=TAMPERING.keys())
def test_a_change_after_the_fact_is_found(statements: Callable[[int], list[object]]) -> None:
    incident_id = an_incident_with_four_entries()
    with create_session(scoped=False) as session:
        for statement in statements(incident_id):
            session.execute(statement)
    assert first_broken(incident_id) == 2


def test_a_row_moved_up_with_a_new_hash_breaks_the_chain() -> None:
    """Who can compute one hash must compute all that follow, too."""
    incident_id = an_incident_with_four_entries()
    with create_session(scoped=False) as session:
        row = session.query(AuditRow).filter(*entry(2, incident_id)).one()
        row.at += timedelta(seconds=1)
        row.hash = audit._hash_of(row)
    assert first_broken(incident_id) == 3
