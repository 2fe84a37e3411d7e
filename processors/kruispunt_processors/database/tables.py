"""Tables of the common database (a simulated GGB and reference repertory).

Rules: no text or assessment of a signal; keyed hashes for blocking; names and dates sealed with a key that lives
outside the database. Rows are keyed by (participant, offset), the out-position of the posting that caused them.
Must not: hold a statement (`claims`, `known`, `decided`).
"""

from __future__ import annotations

from typing import Final

from kruispunt_schemas.records.frame import Posting
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    Uuid,
    func,
    text,
)

Position = tuple[str, int]
"""Participant and offset on its topic: the key of what a posting caused."""

metadata: Final = MetaData()

claim: Final = Table(
    "claim",
    metadata,
    Column("participant", String, primary_key=True),
    Column("offset", BigInteger, primary_key=True),
    Column("appended_at", DateTime(timezone=True), nullable=False),
    Column("originator", String, nullable=False),
    Column("signal_id", Uuid, nullable=False),
    Column("version", Integer, nullable=False),
    Column("verdict", String, nullable=False, comment="REGISTERED, DUPLICATE or STALE"),
    Column("case_key", LargeBinary, nullable=False),
    Column("canonical_case_key", LargeBinary, nullable=False),
    Column("content_fingerprint", LargeBinary, comment="null for a recall"),
    Column("superseded_at", BigInteger, comment="offset of the posting that replaced it; null while current"),
    Column("event", LargeBinary, comment="the repertory event, Avro: references only; null when stale"),
    Column("review", LargeBinary, comment="the review raised, Avro; null when none"),
    Column("marked", Boolean, nullable=False),
    Column(
        "set_aside", Boolean, nullable=False, comment="quarantined after it was claimed: nobody waits for it"
    ),
    Index("claim_signal", "originator", "signal_id"),
    Index("claim_content", "originator", "content_fingerprint"),
    Index("claim_case", "canonical_case_key"),
    Column("claimed_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Index("claim_alias", "case_key"),
    Index("claim_unfinished", "claimed_at", postgresql_where=text("not marked and not set_aside")),
)

person: Final = Table(
    "person",
    metadata,
    Column("reference", String, primary_key=True),
    Column("since", DateTime(timezone=True), nullable=False),
    Column(
        "canonical", String, nullable=False, comment="the reference that it leads to: itself unless joined"
    ),
    Column("as_of", Uuid, comment="the last judgement that touched it; null when none did"),
)

mention: Final = Table(
    "mention",
    metadata,
    Column("mention_id", Uuid, primary_key=True),
    Column(
        "reference", String, ForeignKey("person.reference"), nullable=False, comment="whose it counts as now"
    ),
    Column("assigned", String, nullable=False, comment="whose the resolver said that it is, for good"),
    Column("sealed_identity", LargeBinary, nullable=False, comment="begins with the id of its key"),
    Column("participant", String, nullable=False),
    Column("offset", BigInteger, nullable=False),
    Column("capacity", String, nullable=False, comment="type of the signal"),
    Column("since", DateTime(timezone=True), nullable=False, comment="when the broker took the signal"),
    Column("event", Uuid, nullable=False, comment="the repertory event that registered it"),
    Column("registered_at", DateTime(timezone=True), nullable=False),
    Column("match", String, nullable=False, comment="LINKED, NEW, PROVISIONAL; UNRECOGNISED before 0004"),
    Column("model", String, nullable=False, comment="version of the weights that decided"),
    Column("posterior", Integer, nullable=False, comment="in millionths"),
    Column("compared_with", Uuid, comment="the mention that was most like it; null when it is new"),
    Column("runner_up", String, comment="the next likely person; null when there was none"),
    Index("mention_reference", "reference"),
    Index("mention_assigned", "assigned"),
)

mention_key: Final = Table(
    "mention_key",
    metadata,
    Column("key", BigInteger, primary_key=True, comment="keyed hash, 64 bits"),
    # No foreign key: a mention and its keys are written in one statement, and the check would be a tenth of it.
    Column("mention_id", Uuid, primary_key=True),
)

person_key: Final = Table(
    "person_key",
    metadata,
    Column("key_id", Integer, primary_key=True, autoincrement=False),
    Column(
        "state", String, nullable=False, comment="CURRENT, RETIRING or RETIRED; no row at all: the first key"
    ),
    Column("since", DateTime(timezone=True), nullable=False, server_default=func.now()),
)
"""Which keys of persons are in force: one is CURRENT, what lies under one that is RETIRING is being made anew."""


holding: Final = Table(
    "holding",
    metadata,
    Column("participant", String, nullable=False),
    Column("reference", String, nullable=False),
    Column("capacity", String, nullable=False),
    Column("since", DateTime(timezone=True), nullable=False),
    Column(
        "event",
        Uuid,
        nullable=False,
        comment="repertory event of the participant's first holding of the person, in whatever capacity",
    ),
    # The person comes first, for resolve asks who holds it.
    PrimaryKeyConstraint("reference", "participant", "capacity"),
)

decision_claim: Final = Table(
    "decision_claim",
    metadata,
    Column("participant", String, primary_key=True),
    Column("offset", BigInteger, primary_key=True),
    Column("decision", LargeBinary, nullable=False, comment="the decision record, Avro: no content"),
    Column("marked", Boolean, nullable=False),
    Column("claimed_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Index("decision_claim_unfinished", "claimed_at", postgresql_where=text("not marked")),
)

delivered: Final = Table(
    "delivered",
    metadata,
    Column("output_id", Uuid, primary_key=True),
    Column("originator", String, nullable=False),
    Column("signal_id", Uuid, nullable=False),
    Column("recipient", String, nullable=False),
    Column("current", Boolean, nullable=False, comment="false once replaced or withdrawn"),
    Index("delivered_signal", "originator", "signal_id"),
)

overtaken: Final = Table(
    "overtaken",
    metadata,
    Column("originator", String, primary_key=True),
    Column("signal_id", Uuid, primary_key=True, comment="a version that a decided one supersedes"),
)


def position(posting: Posting) -> Position:
    """Return the key of a posting's row."""
    return posting.participant, posting.offset
