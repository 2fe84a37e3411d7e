"""A database with a past: the rows of one pass multiplied, under keys of their own.

Rule: every index gets what so many signals would leave in it; topics get nothing, for a worker reads none of the past.
Must not: leave a claim open, or take the place of a posting that is still to come.
"""

from __future__ import annotations

from typing import Final

import psycopg

SHIFT: Final = 1_000_000_000
"""Added to offsets, once for each copy: far beyond those of the run."""

_COPIES: Final = (
    "insert into person select reference || '-' || i, since, canonical || '-' || i, as_of"
    " from person, generate_series(1, {k}) i",
    "insert into mention select md5(mention_id::text || i)::uuid, reference || '-' || i, assigned || '-' || i,"
    ' sealed_identity, participant, "offset" + i * {shift}::bigint, capacity, since, event, registered_at, match, model,'
    " posterior, compared_with, runner_up from mention, generate_series(1, {k}) i",
    "insert into mention_key select hashint8extended(key, i), md5(mention_id::text || i)::uuid"
    " from mention_key, generate_series(1, {k}) i",
    "insert into holding select participant, reference || '-' || i, capacity, since, event"
    " from holding, generate_series(1, {k}) i",
    'insert into claim select participant, "offset" + i * {shift}::bigint, appended_at, originator,'
    " md5(signal_id::text || i)::uuid, version, verdict, sha256(case_key || int4send(i)),"
    " sha256(canonical_case_key || int4send(i)), sha256(content_fingerprint || int4send(i)), superseded_at, event,"
    " review, true, set_aside from claim, generate_series(1, {k}) i",
    'insert into decision_claim select participant, "offset" + i * {shift}::bigint, decision, true'
    " from decision_claim, generate_series(1, {k}) i",
    "insert into delivered select md5(output_id::text || i)::uuid, originator, md5(signal_id::text || i)::uuid,"
    " recipient, current from delivered, generate_series(1, {k}) i",
)


def multiply(database: str, signals: int) -> int:
    """Bring the claims to at least so many by copying what is there; return how many there are."""
    with psycopg.connect(database, autocommit=True) as connection:
        there = _count(connection)
        if there == 0:
            raise RuntimeError("there is nothing to multiply: run the road first")
        copies = max(0, -(-signals // there) - 1)
        for statement in _COPIES if copies else ():
            connection.execute(statement.format(k=copies, shift=SHIFT).encode())
        connection.execute(b"analyze")
        return _count(connection)


def _count(connection: psycopg.Connection[tuple[int]]) -> int:
    row = connection.execute(b"select count(*) from claim").fetchone()
    return row[0] if row else 0
