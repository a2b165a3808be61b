"""Silences, recoveries, and why an incident stays quiet."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from airflow.migrations.utils import disable_sqlite_fkeys
from airflow.utils.sqlalchemy import UtcDateTime
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

# What an incident or failure that is there already gets in a column that may not be empty.
_INCIDENT = {
    "kind": sa.text("'failure'"),
    "cause": sa.text("fingerprint"),
    "opened_at": sa.text("first_failure_at"),
    "reopened_count": sa.text("0"),
    "flapping": sa.false(),
}
_FAILURE = {"labels": sa.text("'{}'")}

_INCIDENT_INDEXES = {
    "idx_rca_incident_parent_id": ["parent_id"],
    "idx_rca_incident_cause": ["cause", "opened_at"],
    "idx_rca_incident_source": ["source", "opened_at"],
    "idx_rca_incident_status": ["status", "source"],
    "idx_rca_incident_resource": ["resource"],
}
_INCIDENT_COLUMNS = (
    ("kind", sa.String(length=10)),
    ("suppressed_by", sa.String(length=20)),
    ("suppressed_why", sa.Text()),
    ("parent_id", _ID),
    ("silence_id", _ID),
    ("cause", sa.String(length=64)),
    ("opened_at", UtcDateTime()),
    ("resolved_at", UtcDateTime()),
    ("resolved_how", sa.Text()),
    ("reopened_count", sa.Integer()),
    ("flapping", sa.Boolean()),
)
_FAILURE_COLUMNS = (
    ("alert", sa.String(length=80)),
    ("labels", sa.JSON()),
    ("url", sa.Text()),
    ("severity", sa.String(length=20)),
)


def upgrade() -> None:
    op.create_table(
        "rca_silence",
        sa.Column("id", _ID, nullable=False),
        sa.Column("matchers", sa.JSON(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("starts_at", UtcDateTime(), nullable=False),
        sa.Column("ends_at", UtcDateTime(), nullable=True),
        sa.Column("recurrence", sa.String(length=100), nullable=True),
        sa.Column("duration_minutes", sa.Integer(), nullable=True),
        sa.Column("time_zone", sa.String(length=64), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("created_by", sa.String(length=250), nullable=False),
        sa.Column("ended_at", UtcDateTime(), nullable=True),
        sa.Column("ended_by", sa.String(length=250), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("rca_silence_pkey")),
    )
    op.create_index("idx_rca_silence_ends_at", "rca_silence", ["ends_at"], unique=False)
    op.create_table(
        "rca_recovery",
        sa.Column("id", _ID, nullable=False),
        sa.Column("event_key", sa.String(length=80), nullable=False),
        sa.Column("source", sa.String(length=20), nullable=False),
        sa.Column("alert", sa.String(length=80), nullable=True),
        sa.Column("resource", sa.String(length=510), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("occurred_at", UtcDateTime(), nullable=False),
        sa.Column("recorded_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("rca_recovery_pkey")),
        sa.UniqueConstraint("event_key", name=op.f("rca_recovery_event_key_uq")),
    )
    op.create_index("idx_rca_recovery_alert", "rca_recovery", ["alert"], unique=False)

    # SQLite changes a table by making it anew: with foreign keys on, dropping the old one would take the
    # failures and the timeline with it.
    with disable_sqlite_fkeys(op):
        _add_columns("rca_incident", _INCIDENT_COLUMNS, _INCIDENT)
        with op.batch_alter_table("rca_incident") as table:
            for column in ("parent_id", "silence_id"):
                table.create_foreign_key(
                    f"rca_incident_{column}_fkey",
                    "rca_incident" if column == "parent_id" else "rca_silence",
                    [column], ["id"], ondelete="SET NULL",
                )  # fmt: skip
        _add_columns("rca_failure", _FAILURE_COLUMNS, _FAILURE)
    for name, columns in _INCIDENT_INDEXES.items():
        ops = {"resource": "text_pattern_ops"} if columns == ["resource"] else {}
        op.create_index(name, "rca_incident", columns, unique=False, postgresql_ops=ops)
    op.create_index("idx_rca_failure_alert", "rca_failure", ["alert"], unique=False)


def _add_columns(table: str, columns: tuple[tuple[str, Any], ...], filled: dict[str, Any]) -> None:
    with op.batch_alter_table(table) as batch:
        for name, kind in columns:
            batch.add_column(sa.Column(name, kind, nullable=True))
    op.execute(sa.table(table, *(sa.column(name) for name in filled)).update().values(filled))
    with op.batch_alter_table(table) as batch:
        for name, kind in columns:
            if name in filled:
                batch.alter_column(name, existing_type=kind, nullable=False)


def downgrade() -> None:
    op.drop_index("idx_rca_failure_alert", table_name="rca_failure")
    for name in _INCIDENT_INDEXES:
        op.drop_index(name, table_name="rca_incident")
    with disable_sqlite_fkeys(op):
        with op.batch_alter_table("rca_incident") as table:
            for column in ("parent_id", "silence_id"):
                table.drop_constraint(f"rca_incident_{column}_fkey", type_="foreignkey")
            for name, _ in _INCIDENT_COLUMNS:
                table.drop_column(name)
        with op.batch_alter_table("rca_failure") as table:
            for name, _ in _FAILURE_COLUMNS:
                table.drop_column(name)
    op.drop_table("rca_recovery")
    op.drop_table("rca_silence")
