"""The first install creates the tables from the models and runs no migration (Airflow 3.3): both must agree."""

from __future__ import annotations

from typing import Any

import pytest
from airflow.utils.session import create_session
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import inspect

from rca_plugin.server.db_manager import RcaDBManager

pytestmark = pytest.mark.usefixtures("metadata_database")
TABLES = {"rca_incident", "rca_failure", "rca_audit"}


@pytest.fixture
def manager() -> Any:
    """With our tables away before the test, and back after it, on whatever way the test takes."""
    with create_session(scoped=False) as session:
        manager = RcaDBManager(session)
        drop(manager)
        yield manager
        drop(manager)
        manager.initdb()


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
