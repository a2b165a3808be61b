"""Tickets that are followed, who looks after an incident, and until when."""

from __future__ import annotations

import sqlalchemy as sa
from airflow.migrations.utils import disable_sqlite_fkeys
from airflow.utils.sqlalchemy import UtcDateTime
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_INCIDENT_COLUMNS = (
    ("priority_by", sa.String(length=250)),
    ("assignee", sa.String(length=250)),
    ("acknowledged_at", UtcDateTime()),
    ("acknowledged_by", sa.String(length=250)),
    ("response_due_at", UtcDateTime()),
    ("resolve_due_at", UtcDateTime()),
)


def upgrade() -> None:
    op.create_table(
        "rca_ticket",
        sa.Column("id", _ID, nullable=False),
        sa.Column("incident_id", _ID, nullable=False),
        sa.Column("system", sa.String(length=20), nullable=False),
        sa.Column("key", sa.String(length=100), nullable=False),
        sa.Column("external_id", sa.String(length=40), nullable=True),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("recorded_at", UtcDateTime(), nullable=False),
        sa.Column("external_status", sa.String(length=100), nullable=True),
        sa.Column("external_category", sa.String(length=20), nullable=True),
        sa.Column("external_assignee", sa.String(length=250), nullable=True),
        sa.Column("external_priority", sa.String(length=100), nullable=True),
        sa.Column("status_at", UtcDateTime(), nullable=True),
        sa.Column("assignee_at", UtcDateTime(), nullable=True),
        sa.Column("priority_at", UtcDateTime(), nullable=True),
        sa.Column("comments", sa.JSON(), nullable=False),
        sa.Column("brought", sa.JSON(), nullable=False),
        sa.Column("overruled", sa.JSON(), nullable=False),
        sa.Column("deleted_at", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(
            ["incident_id"], ["rca_incident.id"], name=op.f("rca_ticket_incident_id_fkey"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("rca_ticket_pkey")),
        sa.UniqueConstraint("key", name=op.f("rca_ticket_key_uq")),
    )
    for column in ("incident_id", "external_id"):
        op.create_index(f"idx_rca_ticket_{column}", "rca_ticket", [column], unique=False)
    # SQLite changes a table by making it anew: with foreign keys on, dropping the old one would take the
    # failures and the timeline with it.
    with disable_sqlite_fkeys(op), op.batch_alter_table("rca_incident") as table:
        for name, kind in _INCIDENT_COLUMNS:
            table.add_column(sa.Column(name, kind, nullable=True))


def downgrade() -> None:
    with disable_sqlite_fkeys(op), op.batch_alter_table("rca_incident") as table:
        for name, _ in _INCIDENT_COLUMNS:
            table.drop_column(name)
    op.drop_table("rca_ticket")
