"""The first install creates the tables from the models and runs no migration (Airflow 3.3): both must agree."""

from __future__ import annotations

from typing import Any

import pytest
from airflow import settings
from airflow.utils.session import create_session
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import inspect, select, text

from rca_plugin.server.db_manager import RcaDBManager
from rca_plugin.server.models import AuditRow, FailureRow, Incident

pytestmark = pytest.mark.usefixtures("metadata_database")
TABLES = {
    "rca_incident", "rca_failure", "rca_recovery", "rca_silence", "rca_audit", "rca_similarity_key", "rca_model_call",
    "rca_spending", "rca_feedback", "rca_delivery", "rca_ticket", "rca_remediation", "rca_switch",
    "rca_digest",
}  # fmt: skip


@pytest.fixture
def manager() -> Any:
    """With our tables away before the test, and back after it, on whatever way the test takes."""
    with create_session(scoped=False) as session:
        manager = RcaDBManager(session)
        drop(manager)
        yield manager
        drop(manager)
        manager.initdb()
    # On SQLite a migration leaves its connection without foreign keys.
    settings.engine.dispose()


def drop(manager: RcaDBManager) -> None:
    # What the session has read it holds locks on, and PostgreSQL drops nothing that is locked.
    manager.session.commit()
    with manager.session.get_bind().begin() as connection:
        manager.metadata.drop_all(connection)
        connection.exec_driver_sql(f"DROP TABLE IF EXISTS {manager.version_table_name}")


def our_tables(manager: RcaDBManager) -> set[str]:
    return {name for name in inspect(manager.session.get_bind()).get_table_names() if name.startswith("rca_")}


def schema(manager: RcaDBManager) -> set[str]:
    """What the database says of our tables, one fact a line."""
    # SQLite answers PRAGMAs from what a connection knew before another one changed the schema: only new ones now.
    manager.session.get_bind().dispose()
    found = inspect(manager.session.get_bind())
    facts: list[tuple[Any, ...]] = []
    for table in TABLES:
        facts += [(table, c["name"], str(c["type"]), c["nullable"]) for c in found.get_columns(table)]
        facts += [(table, i["name"], i["column_names"], bool(i["unique"])) for i in found.get_indexes(table)]
        facts += [(table, u["name"], u["column_names"]) for u in found.get_unique_constraints(table)]
        facts += [
            (table, f["name"], f["referred_table"], f["options"]) for f in found.get_foreign_keys(table)
        ]
        facts += [(table, found.get_pk_constraint(table)["constrained_columns"])]
    return {str(fact) for fact in facts}


def differences(manager: RcaDBManager) -> list[Any]:
    def ours(_object: Any, name: str | None, kind: str, *_: Any) -> bool:
        return kind != "table" or name in TABLES

    with manager.session.get_bind().connect() as connection:
        context = MigrationContext.configure(connection, opts={"include_object": ours, "compare_type": True})
        return list(compare_metadata(context, manager.metadata))


def test_migrations_make_what_the_models_say(manager: RcaDBManager) -> None:
    manager.initdb(use_migration_files=True)
    migrated = schema(manager)
    assert differences(manager) == []
    assert manager.check_migration()

    drop(manager)
    manager.initdb()
    assert schema(manager) ^ migrated == set()
    assert manager.check_migration()


def test_downgrade_takes_the_tables_away_and_upgrade_brings_them_back(manager: RcaDBManager) -> None:
    manager.initdb()
    assert our_tables(manager) == TABLES
    manager.session.commit()
    manager.downgrade("base")
    assert our_tables(manager) == set()
    assert not manager.check_migration()
    manager.session.commit()
    manager.upgradedb(to_revision="head")
    assert our_tables(manager) == TABLES


def test_a_pending_migration_is_seen(manager: RcaDBManager) -> None:
    assert not manager.check_migration()


def test_what_is_stored_stays_when_columns_are_added(manager: RcaDBManager) -> None:
    manager.initdb(use_migration_files=True)
    manager.session.commit()
    manager.downgrade("0001")
    at = "2026-11-23 12:00:00"
    columns = {
        "rca_incident": {
            "id": 7, "fingerprint": "f7", "open_fingerprint": "f7", "source": "airflow", "resource": "orders/load",
            "environment": "production", "title": "boom", "category": "unknown", "severity": "Medium", "priority": "P3",
            "confidence": 0.5, "status": "open", "failure_count": 3, "first_failure_at": at, "last_failure_at": at,
        },
        "rca_failure": {
            "id": 8, "event_key": "e8", "incident_id": 7, "source": "airflow", "resource": "orders/load",
            "map_index": -1, "try_number": 1, "final": True, "occurred_at": at, "recorded_at": at, "reported_by": "x",
            "message": "boom", "signature": "boom", "detail": "",
        },
        "rca_audit": {
            "id": 9, "incident_id": 7, "seq": 1, "at": at, "actor": "rca", "action": "opened", "detail": "{}",
            "prev_hash": "0", "hash": "1",
        },
    }  # fmt: skip
    with create_session(scoped=False) as session:
        for table, values in columns.items():
            names = ", ".join(values)
            places = ", ".join(f":{name}" for name in values)
            session.execute(text(f"INSERT INTO {table} ({names}) VALUES ({places})"), values)
    manager.session.commit()
    manager.upgradedb(to_revision="head")
    with create_session(scoped=False) as session:
        [incident] = session.scalars(select(Incident))
        [failure] = session.scalars(select(FailureRow))
        [entry] = session.scalars(select(AuditRow))
        assert (incident.id, incident.failure_count, incident.kind, incident.cause) == (7, 3, "failure", "f7")
        assert (incident.opened_at, incident.reopened_count, incident.flapping) == (
            incident.first_failure_at,
            0,
            False,
        )
        assert (failure.incident_id, failure.labels, failure.severity) == (7, {}, None)
        assert (entry.incident_id, entry.action) == (7, "opened")
    manager.session.commit()
    manager.downgrade("0001")
    with create_session(scoped=False) as session:
        assert session.execute(text("SELECT count(*) FROM rca_failure")).scalar() == 1
