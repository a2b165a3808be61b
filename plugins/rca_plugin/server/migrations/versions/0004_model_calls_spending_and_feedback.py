"""What models were asked and answered, what that cost, and whether it helped."""

from __future__ import annotations

import sqlalchemy as sa
from airflow.utils.sqlalchemy import UtcDateTime
from alembic import op
from sqlalchemy.dialects.mysql import MEDIUMTEXT

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_LONG_TEXT = sa.Text().with_variant(MEDIUMTEXT, "mysql")


def upgrade() -> None:
    op.create_table(
        "rca_model_call",
        sa.Column("id", _ID, nullable=False),
        sa.Column("incident_id", _ID, nullable=False),
        sa.Column("purpose", sa.String(length=10), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("model", sa.String(length=200), nullable=False),
        sa.Column("prompt", sa.String(length=200), nullable=False),
        sa.Column("request", _LONG_TEXT, nullable=False),
        sa.Column("answer", _LONG_TEXT, nullable=True),
        sa.Column("problem", sa.Text(), nullable=False),
        sa.Column("reused_id", _ID, nullable=True),
        sa.Column("input_tokens", sa.Integer(), nullable=False),
        sa.Column("cached_tokens", sa.Integer(), nullable=False),
        sa.Column("output_tokens", sa.Integer(), nullable=False),
        sa.Column("seconds", sa.Float(), nullable=False),
        sa.Column("reserved_micros", sa.BigInteger(), nullable=False),
        sa.Column("cost_micros", sa.BigInteger(), nullable=True),
        sa.Column("asked_at", UtcDateTime(), nullable=False),
        sa.Column("ended_at", UtcDateTime(), nullable=True),
        sa.Column("wait_until", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(
            ["incident_id"],
            ["rca_incident.id"],
            name=op.f("rca_model_call_incident_id_fkey"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["reused_id"],
            ["rca_model_call.id"],
            name=op.f("rca_model_call_reused_id_fkey"),
            ondelete="SET NULL",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("rca_model_call_pkey")),
    )
    for column in ("incident_id", "key", "reused_id", "wait_until"):
        op.create_index(f"idx_rca_model_call_{column}", "rca_model_call", [column], unique=False)
    op.create_table(
        "rca_spending",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("micros", sa.BigInteger(), nullable=False),
        sa.Column("needed_micros", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("day", name=op.f("rca_spending_pkey")),
    )
    op.create_table(
        "rca_feedback",
        sa.Column("id", _ID, nullable=False),
        sa.Column("incident_id", _ID, nullable=False),
        sa.Column("person", sa.String(length=250), nullable=False),
        sa.Column("analyzed_at", UtcDateTime(), nullable=False),
        sa.Column("helpful", sa.Boolean(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("method", sa.String(length=20), nullable=False),
        sa.Column("model", sa.String(length=200), nullable=False),
        sa.Column("prompt", sa.String(length=200), nullable=False),
        sa.ForeignKeyConstraint(
            ["incident_id"],
            ["rca_incident.id"],
            name=op.f("rca_feedback_incident_id_fkey"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("rca_feedback_pkey")),
    )
    op.create_index(
        "idx_rca_feedback_analysis", "rca_feedback", ["incident_id", "analyzed_at", "person"], unique=True
    )


def downgrade() -> None:
    op.drop_table("rca_feedback")
    op.drop_table("rca_spending")
    op.drop_table("rca_model_call")
