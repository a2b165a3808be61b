"""Attempts to repair, and the switch that stops them all."""

from __future__ import annotations

import sqlalchemy as sa
from airflow.utils.sqlalchemy import UtcDateTime
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_INDEXES = {
    "incident_id": ["incident_id"],
    "state": ["state"],
    "resource": ["resource", "begun_at"],
    "begun_at": ["begun_at"],
    "category": ["category", "planned_at"],
    "next_id": ["next_id"],
}


def upgrade() -> None:
    op.create_table(
        "rca_remediation",
        sa.Column("id", _ID, nullable=False),
        sa.Column("incident_id", _ID, nullable=False),
        sa.Column("category", sa.String(length=40), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("action", sa.String(length=60), nullable=False),
        sa.Column("mode", sa.String(length=10), nullable=False),
        sa.Column("resource", sa.String(length=510), nullable=False),
        sa.Column("decision", sa.JSON(), nullable=False),
        sa.Column("proposals", sa.JSON(), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("approvals", sa.JSON(), nullable=False),
        sa.Column("planned_at", UtcDateTime(), nullable=False),
        sa.Column("not_before", UtcDateTime(), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        sa.Column("run_id", sa.String(length=250), nullable=True),
        sa.Column("begun_at", UtcDateTime(), nullable=True),
        sa.Column("external_run_id", sa.String(length=500), nullable=True),
        sa.Column("external_url", sa.Text(), nullable=True),
        sa.Column("reported", sa.String(length=10), nullable=True),
        sa.Column("reported_text", sa.Text(), nullable=True),
        sa.Column("ended_at", UtcDateTime(), nullable=True),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.Column("followed_by", sa.String(length=20), nullable=True),
        sa.Column("next_id", _ID, nullable=True),
        sa.ForeignKeyConstraint(
            ["incident_id"],
            ["rca_incident.id"],
            name=op.f("rca_remediation_incident_id_fkey"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["next_id"],
            ["rca_remediation.id"],
            name=op.f("rca_remediation_next_id_fkey"),
            ondelete="SET NULL",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("rca_remediation_pkey")),
        sa.UniqueConstraint("run_id", name=op.f("rca_remediation_run_id_uq")),
    )
    for name, columns in _INDEXES.items():
        op.create_index(f"idx_rca_remediation_{name}", "rca_remediation", columns, unique=False)
    op.create_table(
        "rca_switch",
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column("on", sa.Boolean(), nullable=False),
        sa.Column("by", sa.String(length=250), nullable=True),
        sa.Column("at", UtcDateTime(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("rca_switch_pkey")),
    )


def downgrade() -> None:
    op.drop_table("rca_switch")
    op.drop_table("rca_remediation")
