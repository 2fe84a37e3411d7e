"""Mentions as the resolver makes them: who decided what of each, keys of 64 bits, and which keys are in force.

What was claimed before is written anew as records are written now. Mentions of before keep their person and its holdings.
They were found by other keys, which are dropped, and were sealed without the id of a key, so they get the id 0 in front:
the key 0 is being retired, and resolve waits until ``kruispunt persons rotate`` has made their keys and seals anew.

Back: what the resolver made is not found by the release before, which finds no keys; its judgements and its reviews are
lost. Who goes back rebuilds from the topics.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from typing import Any

import fastavro
import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

BEFORE, NOW = "RepertoryEvent-a13dc4624553", "RepertoryEvent-c2a331e39713"
BATCH = 1_000

CLAIMS = sa.text(
    'select participant, "offset", event from claim where event is not null'
    ' and (participant, "offset") > (:participant, :offset)'
    ' order by participant, "offset" limit :batch'
)
FILL = sa.text(
    'update mention set participant = :participant, "offset" = :offset, capacity = :capacity, since = :since,'
    " event = :event, registered_at = :registered_at where mention_id = :mention_id"
)
ADDED = (
    ("assigned", sa.String(), "whose the resolver said that it is, for good"),
    ("participant", sa.String(), None),
    ("offset", sa.BigInteger(), None),
    ("capacity", sa.String(), "type of the signal"),
    ("since", sa.DateTime(timezone=True), "when the broker took the signal"),
    ("event", sa.Uuid(), "the repertory event that registered it"),
    ("registered_at", sa.DateTime(timezone=True), None),
    ("match", sa.String(), "LINKED, NEW, PROVISIONAL; UNRECOGNISED before 0004"),
    ("model", sa.String(), "version of the weights that decided"),
    ("posterior", sa.Integer(), "in millionths"),
)
NULLABLE = (
    ("compared_with", sa.Uuid(), "the mention that was most like it; null when it is new"),
    ("runner_up", sa.String(), "the next likely person; null when there was none"),
)


def upgrade() -> None:
    op.add_column(
        "person",
        sa.Column("canonical", sa.String, comment="the reference that it leads to: itself unless joined"),
    )
    op.add_column(
        "person",
        sa.Column("as_of", sa.Uuid, comment="the last judgement that touched it; null when none did"),
    )
    op.execute("update person set canonical = reference")
    op.alter_column("person", "canonical", nullable=False)

    op.execute("alter index ix_mention_reference rename to mention_reference")
    for name, kind, comment in (*ADDED, *NULLABLE):
        op.add_column("mention", sa.Column(name, kind, comment=comment))
    op.alter_column("mention", "reference", comment="whose it counts as now")
    op.alter_column("mention", "sealed_identity", comment="begins with the id of its key")
    op.execute(
        r"update mention set assigned = reference, match = 'UNRECOGNISED', model = '', posterior = 0,"
        r" sealed_identity = '\x00'::bytea || sealed_identity"
    )
    _written_anew(BEFORE, NOW, fill=True)
    op.execute("delete from mention where participant is null")  # of a claim that is not here: it is rebuilt
    for name, _, _ in ADDED:
        op.alter_column("mention", name, nullable=False)
    op.create_index("mention_assigned", "mention", ["assigned"])

    op.drop_table("mention_key")
    op.create_table(
        "mention_key",
        sa.Column("key", sa.BigInteger, primary_key=True, comment="keyed hash, 64 bits"),
        sa.Column("mention_id", sa.Uuid, primary_key=True),
    )
    op.create_table(
        "person_key",
        sa.Column("key_id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column(
            "state",
            sa.String,
            nullable=False,
            comment="CURRENT, RETIRING or RETIRED; no row at all: the first key",
        ),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
    )
    op.execute(
        "insert into person_key (key_id, state) select key_id, state"
        " from (values (0, 'RETIRING'), (1, 'CURRENT')) as key (key_id, state)"
        " where exists (select from mention)"
    )
    # What they end with now: no mention and no version of weights; no judgement and no rounds.
    op.execute(r"update claim set review = review || '\x0000'::bytea where review is not null")
    op.execute(r"update decision_claim set decision = decision || '\x0000'::bytea")


def downgrade() -> None:
    op.execute(
        "update decision_claim set decision = substring(decision from 1 for length(decision) - 2)"
        r" where substring(decision from length(decision) - 1) = '\x0000'::bytea"
    )
    op.execute(
        "update claim set review = substring(review from 1 for length(review) - 2)"
        r" where substring(review from length(review) - 1) = '\x0000'::bytea"
    )
    _written_anew(NOW, BEFORE, fill=False)
    op.drop_table("person_key")
    op.drop_table("mention_key")
    op.create_table(
        "mention_key",
        sa.Column("key", sa.LargeBinary, primary_key=True),
        sa.Column("mention_id", sa.Uuid, sa.ForeignKey("mention.mention_id"), primary_key=True),
        sa.Column("reference", sa.String, nullable=False),
    )
    op.drop_index("mention_assigned", "mention")
    op.execute(
        r"update mention set sealed_identity = substring(sealed_identity from 2)"
        r" where substring(sealed_identity from 1 for 1) = '\x00'::bytea"
    )
    for name, _, _ in (*ADDED, *NULLABLE):
        op.drop_column("mention", name)
    op.execute("alter index mention_reference rename to ix_mention_reference")
    op.drop_column("person", "as_of")
    op.drop_column("person", "canonical")


def _written_anew(writer: str, reader: str, *, fill: bool) -> None:
    """Write every event claimed under another schema; fill: note in mentions where they come from."""
    connection = op.get_bind()
    for rows in _batches(connection):
        anew, mentions = [], []
        for participant, offset, value in rows:
            data: dict[str, Any] = fastavro.schemaless_reader(
                io.BytesIO(value), _schema(writer), _schema(reader)
            )  # type: ignore[assignment]
            out = io.BytesIO()
            fastavro.schemaless_writer(out, _schema(reader), data)
            anew.append({"p": participant, "o": offset, "e": out.getvalue()})
            mentions += [
                {
                    "mention_id": row["mention_id"],
                    "participant": participant,
                    "offset": offset,
                    "capacity": data["signal_type"],
                    "since": data["posting"]["appended_at"],
                    "event": data["event_id"],
                    "registered_at": data["registered_at"],
                }
                for row in data["persons"]
            ]
        connection.execute(
            sa.text('update claim set event = :e where participant = :p and "offset" = :o'), anew
        )
        if fill and mentions:
            connection.execute(FILL, mentions)


def _batches(connection: sa.Connection) -> Iterator[list[tuple[str, int, bytes]]]:
    last: tuple[str, int] = ("", -1)
    while True:
        found = connection.execute(CLAIMS, {"participant": last[0], "offset": last[1], "batch": BATCH})
        rows = [(row[0], row[1], row[2]) for row in found]
        if not rows:
            return
        last = rows[-1][:2]
        yield rows


@cache
def _schema(released: str) -> Any:
    path = files("kruispunt_schemas") / "avro" / "released" / f"{released}.json"
    return fastavro.parse_schema(json.loads(path.read_text(encoding="utf-8")))
