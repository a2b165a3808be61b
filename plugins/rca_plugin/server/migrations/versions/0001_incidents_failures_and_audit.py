"""Incidents, failures and audit."""

from __future__ import annotations

import sqlalchemy as sa
from airflow.utils.sqlalchemy import UtcDateTime
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "rca_incident",
        sa.Column("id", _ID, nullable=False),
        sa.Column("fingerprint", sa.String(length=64), nullable=False),
        sa.Column("open_fingerprint", sa.String(length=64), nullable=True),
        sa.Column("source", sa.String(length=20), nullable=False),
        sa.Column("resource", sa.String(length=510), nullable=False),
        sa.Column("dag_id", sa.String(length=250), nullable=True),
        sa.Column("environment", sa.String(length=50), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("owner", sa.String(length=500), nullable=True),
        sa.Column("category", sa.String(length=40), nullable=False),
        sa.Column("severity", sa.String(length=20), nullable=False),
        sa.Column("priority", sa.String(length=2), nullable=False),
        sa.Column("rule", sa.String(length=200), nullable=True),
        sa.Column("confidence", sa.Float(), nullable=False),
        sa.Column("status", sa.String(length=20), nullable=False),
        sa.Column("failure_count", sa.Integer(), nullable=False),
        sa.Column("first_failure_at", UtcDateTime(), nullable=False),
        sa.Column("last_failure_at", UtcDateTime(), nullable=False),
        sa.Column("rca_run_id", sa.String(length=250), nullable=True),
        sa.Column("analysis_problem", sa.Text(), nullable=True),
        sa.Column("evidence", sa.JSON(), nullable=True),
        sa.Column("analysis", sa.JSON(), nullable=True),
        sa.Column("analyzed_at", UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("rca_incident_pkey")),
        sa.UniqueConstraint("open_fingerprint", name=op.f("rca_incident_open_fingerprint_uq")),
    )
    op.create_index("idx_rca_incident_dag_id", "rca_incident", ["dag_id"], unique=False)
    op.create_index("idx_rca_incident_fingerprint", "rca_incident", ["fingerprint"], unique=False)
    op.create_index("idx_rca_incident_last_failure_at", "rca_incident", ["last_failure_at"], unique=False)
    op.create_index("idx_rca_incident_rca_run_id", "rca_incident", ["rca_run_id"], unique=False)

    op.create_table(
        "rca_audit",
        sa.Column("id", _ID, nullable=False),
        sa.Column("incident_id", _ID, nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("actor", sa.String(length=250), nullable=False),
        sa.Column("action", sa.String(length=60), nullable=False),
        sa.Column("detail", sa.JSON(), nullable=False),
        sa.Column("prev_hash", sa.String(length=64), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(
            ["incident_id"], ["rca_incident.id"], name=op.f("rca_audit_incident_id_fkey"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("rca_audit_pkey")),
    )
    op.create_index("idx_rca_audit_incident_seq", "rca_audit", ["incident_id", "seq"], unique=True)

    op.create_table(
        "rca_failure",
        sa.Column("id", _ID, nullable=False),
        sa.Column("event_key", sa.String(length=80), nullable=False),
        sa.Column("incident_id", _ID, nullable=True),
        sa.Column("source", sa.String(length=20), nullable=False),
        sa.Column("resource", sa.String(length=510), nullable=False),
        sa.Column("dag_id", sa.String(length=250), nullable=True),
        sa.Column("run_id", sa.String(length=250), nullable=True),
        sa.Column("task_id", sa.String(length=250), nullable=True),
        sa.Column("map_index", sa.Integer(), nullable=False),
        sa.Column("try_number", sa.Integer(), nullable=False),
        sa.Column("final", sa.Boolean(), nullable=False),
        sa.Column("occurred_at", UtcDateTime(), nullable=False),
        sa.Column("recorded_at", UtcDateTime(), nullable=False),
        sa.Column("reported_by", sa.String(length=20), nullable=False),
        sa.Column("operator", sa.String(length=250), nullable=True),
        sa.Column("code", sa.String(length=200), nullable=True),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("signature", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["incident_id"],
            ["rca_incident.id"],
            name=op.f("rca_failure_incident_id_fkey"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("rca_failure_pkey")),
        sa.UniqueConstraint("event_key", name=op.f("rca_failure_event_key_uq")),
    )
    op.create_index(
        "idx_rca_failure_incident_id", "rca_failure", ["incident_id", "occurred_at"], unique=False
    )
    op.create_index(
        "idx_rca_failure_task",
        "rca_failure",
        ["dag_id", "run_id", "task_id", "map_index", "try_number"],
        unique=False,
    )


def downgrade() -> None:
    op.drop_table("rca_audit")
    op.drop_table("rca_failure")
    op.drop_table("rca_incident")
