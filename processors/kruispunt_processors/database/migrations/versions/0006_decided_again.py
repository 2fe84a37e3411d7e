"""A signal may be decided again: claims and views name the judgement, and a claim where its record lay.

What was claimed before is a first decision. Where its signal lay was not noted: a view of it that a judgement brings is
owed.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0004"
branch_labels = None
depends_on = None

_FIRST = "00000000-0000-0000-0000-000000000000"


def upgrade() -> None:
    for table, comment in (
        ("decision_claim", "whose decision again it is; zeros for the first decision"),
        ("delivered", "whose decision again gave it; zeros for the first decision"),
    ):
        op.add_column(
            table, sa.Column("judgement", sa.Uuid, nullable=False, server_default=_FIRST, comment=comment)
        )
        op.alter_column(table, "judgement", server_default=None)
    for name, kind, comment in (
        ("persons", sa.String, "references that recipients were told of, sorted, with blanks between"),
        ("lay_on", sa.String, "topic of the record that it was decided from, null when that was not noted"),
        ("lay_in", sa.Integer, "its partition"),
        ("lay_at", sa.BigInteger, "its offset"),
    ):
        op.add_column("decision_claim", sa.Column(name, kind, comment=comment))
    op.drop_constraint("decision_claim_pkey", "decision_claim")
    op.create_primary_key("decision_claim_pkey", "decision_claim", ["participant", "offset", "judgement"])


def downgrade() -> None:
    # A signal that was decided again has records that the release before could not read: go back before the first one.
    op.drop_constraint("decision_claim_pkey", "decision_claim")
    op.create_primary_key("decision_claim_pkey", "decision_claim", ["participant", "offset"])
    for name in ("lay_at", "lay_in", "lay_on", "persons", "judgement"):
        op.drop_column("decision_claim", name)
    op.drop_column("delivered", "judgement")
