"""Our tables under `airflow db migrate`, through `[database] external_db_managers`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from airflow.utils.db_manager import BaseDBManager
from alembic import command

from rca_plugin.server.models import Base

_HERE = Path(__file__).parent


class RcaDBManager(BaseDBManager):
    """Creates, migrates and drops the tables with the prefix rca_."""

    metadata = Base.metadata
    version_table_name = "alembic_version_rca"
    migration_dir = (_HERE / "migrations").as_posix()
    alembic_file = (_HERE / "alembic.ini").as_posix()
    supports_table_dropping = True

    def downgrade(
        self, to_revision: str, from_revision: str | None = None, show_sql_only: bool = False
    ) -> None:
        """Go back to a revision; `base` removes all our tables, and what is in them."""
        span = f"{from_revision}:{to_revision}" if show_sql_only and from_revision else to_revision
        config: Any = self.get_alembic_config()
        command.downgrade(config, revision=span, sql=show_sql_only)
