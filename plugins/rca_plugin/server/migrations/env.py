"""How Alembic reaches Airflow's metadata database; it touches no table but ours."""

from __future__ import annotations

from typing import Any

from airflow import settings
from alembic import context

from rca_plugin.server.db_manager import RcaDBManager


def _is_ours(_object: Any, name: str | None, kind: str, *_: Any) -> bool:
    return kind != "table" or name in RcaDBManager.metadata.tables


_OPTIONS: dict[str, Any] = {
    "target_metadata": RcaDBManager.metadata,
    "version_table": RcaDBManager.version_table_name,
    "include_object": _is_ours,
    "compare_type": True,
    "compare_server_default": True,
    "render_as_batch": True,
}


def _run_offline() -> None:
    context.configure(url=settings.SQL_ALCHEMY_CONN, literal_binds=True, **_OPTIONS)
    with context.begin_transaction():
        context.run_migrations()


def _run_online() -> None:
    with settings.engine.connect() as connection:
        context.configure(connection=connection, transaction_per_migration=True, **_OPTIONS)
        with context.begin_transaction():
            context.run_migrations()


if context.is_offline_mode():
    _run_offline()
else:
    _run_online()
