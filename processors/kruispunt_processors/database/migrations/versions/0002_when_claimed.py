"""When each claim was made, and an index over those that are not marked: the health page asks for the oldest."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

UNFINISHED = {"claim": "not marked and not set_aside", "decision_claim": "not marked"}


def upgrade() -> None:
    for table, condition in UNFINISHED.items():
        op.add_column(
            table,
            sa.Column("claimed_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
        )
        op.create_index(f"{table}_unfinished", table, ["claimed_at"], postgresql_where=sa.text(condition))


def downgrade() -> None:
    for table in UNFINISHED:
        op.drop_index(f"{table}_unfinished", table)
        op.drop_column(table, "claimed_at")
