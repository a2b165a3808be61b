"""What similar incidents have in common. Housekeeping fills it, for the incidents that are there already too."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "rca_similarity_key",
        sa.Column("key", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("incident_id", _ID, autoincrement=False, nullable=False),
        sa.ForeignKeyConstraint(
            ["incident_id"],
            ["rca_incident.id"],
            name=op.f("rca_similarity_key_incident_id_fkey"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("key", "incident_id", name=op.f("rca_similarity_key_pkey")),
    )
    op.create_index("idx_rca_similarity_key_incident_id", "rca_similarity_key", ["incident_id"], unique=False)


def downgrade() -> None:
    op.drop_table("rca_similarity_key")
