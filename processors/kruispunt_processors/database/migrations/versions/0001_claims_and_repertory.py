"""Claims, repertory of persons and holdings, decisions claimed, views delivered."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "claim",
        sa.Column("participant", sa.String, primary_key=True),
        sa.Column("offset", sa.BigInteger, primary_key=True),
        sa.Column("appended_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("originator", sa.String, nullable=False),
        sa.Column("signal_id", sa.Uuid, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("verdict", sa.String, nullable=False, comment="REGISTERED, DUPLICATE or STALE"),
        sa.Column("case_key", sa.LargeBinary, nullable=False),
        sa.Column("canonical_case_key", sa.LargeBinary, nullable=False),
        sa.Column("content_fingerprint", sa.LargeBinary, comment="null for a recall"),
        sa.Column(
            "superseded_at",
            sa.BigInteger,
            comment="offset of the posting that replaced it; null while current",
        ),
        sa.Column(
            "event", sa.LargeBinary, comment="the repertory event, Avro: references only; null when stale"
        ),
        sa.Column("review", sa.LargeBinary, comment="the review raised, Avro; null when none"),
        sa.Column("marked", sa.Boolean, nullable=False),
        sa.Column(
            "set_aside",
            sa.Boolean,
            nullable=False,
            comment="quarantined after it was claimed: nobody waits for it",
        ),
    )
    op.create_index("claim_signal", "claim", ["originator", "signal_id"])
    op.create_index("claim_content", "claim", ["originator", "content_fingerprint"])
    op.create_index("claim_case", "claim", ["canonical_case_key"])
    op.create_index("claim_alias", "claim", ["case_key"])
    op.create_table(
        "person",
        sa.Column("reference", sa.String, primary_key=True),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_table(
        "mention",
        sa.Column("mention_id", sa.Uuid, primary_key=True),
        sa.Column("reference", sa.String, sa.ForeignKey("person.reference"), nullable=False),
        sa.Column("sealed_identity", sa.LargeBinary, nullable=False),
    )
    op.create_index("ix_mention_reference", "mention", ["reference"])
    op.create_table(
        "mention_key",
        sa.Column("key", sa.LargeBinary, primary_key=True),
        sa.Column("mention_id", sa.Uuid, sa.ForeignKey("mention.mention_id"), primary_key=True),
        sa.Column("reference", sa.String, nullable=False),
    )
    op.create_table(
        "holding",
        sa.Column("participant", sa.String, primary_key=True),
        sa.Column("reference", sa.String, primary_key=True),
        sa.Column("capacity", sa.String, primary_key=True),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_table(
        "decision_claim",
        sa.Column("participant", sa.String, primary_key=True),
        sa.Column("offset", sa.BigInteger, primary_key=True),
        sa.Column(
            "decision", sa.LargeBinary, nullable=False, comment="the decision record, Avro: no content"
        ),
        sa.Column("marked", sa.Boolean, nullable=False),
    )
    op.create_table(
        "delivered",
        sa.Column("output_id", sa.Uuid, primary_key=True),
        sa.Column("originator", sa.String, nullable=False),
        sa.Column("signal_id", sa.Uuid, nullable=False),
        sa.Column("recipient", sa.String, nullable=False),
        sa.Column("current", sa.Boolean, nullable=False, comment="false once replaced or withdrawn"),
    )
    op.create_index("delivered_signal", "delivered", ["originator", "signal_id"])
    op.create_table(
        "overtaken",
        sa.Column("originator", sa.String, primary_key=True),
        sa.Column("signal_id", sa.Uuid, primary_key=True, comment="a version that a decided one supersedes"),
    )


def downgrade() -> None:
    for table in (
        "overtaken",
        "delivered",
        "decision_claim",
        "holding",
        "mention_key",
        "mention",
        "person",
        "claim",
    ):
        op.drop_table(table)
