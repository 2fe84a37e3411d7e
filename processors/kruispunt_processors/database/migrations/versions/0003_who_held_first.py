"""Which repertory event registered the first holding of each participant and person; holdings are found by person.

What was claimed before gets the event as it is written now: without followers, an empty array at its end. The event of a
holding is read from the claim that founded it: an event begins with its id, 36 characters after a length of one byte.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(r"update claim set event = event || '\x00'::bytea where event is not null")
    op.add_column(
        "holding",
        sa.Column(
            "event",
            sa.Uuid,
            comment="repertory event of the participant's first holding of the person, in whatever capacity",
        ),
    )
    op.execute("""
        update holding set event = first.event from (
            select distinct on (held.reference, held.participant) held.reference, held.participant,
                convert_from(substring(claim.event from 2 for 36), 'UTF8')::uuid as event
            from holding held join claim
                on claim.participant = held.participant and claim.appended_at = held.since
                and claim.verdict = 'REGISTERED'
                and position(convert_to(held.reference, 'UTF8') in claim.event) > 0
            order by held.reference, held.participant, claim.claimed_at, claim.appended_at, claim."offset"
        ) first where first.reference = holding.reference and first.participant = holding.participant
    """)
    op.alter_column("holding", "event", nullable=False)
    op.drop_constraint("holding_pkey", "holding")
    op.create_primary_key("holding_pkey", "holding", ["reference", "participant", "capacity"])


def downgrade() -> None:
    # An event that cites followers is none that the release before could read: go back before the first one, or rebuild.
    op.drop_constraint("holding_pkey", "holding")
    op.create_primary_key("holding_pkey", "holding", ["participant", "reference", "capacity"])
    op.drop_column("holding", "event")
    op.execute(
        "update claim set event = substring(event from 1 for length(event) - 1) where event is not null"
    )
