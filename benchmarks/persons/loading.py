"""A directory in the database as a past of so many persons leaves it, loaded by COPY.

Rules
-----
1. One mention of each person, sealed and under its blocking keys as the worker would store it, with its claim and its
   holding; the event in the claim is one for all, for nothing reads it.
2. The tables are vacuumed and analysed: what a past leaves is no fresh load.

Must not: measure.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

import psycopg
from kruispunt_processors.persons.mentions import Keyring
from kruispunt_schemas import identity
from kruispunt_schemas.records.frame import Posting

from benchmarks.persons.stream import Stream

PAST: Final = "past"
"""Participant of everything that is loaded."""
AT: Final = datetime(2026, 1, 1, tzinfo=UTC)
AT_ONCE: Final = 20_000
EVENT: Final = bytes(600)
"""As long as an event is."""
Row = tuple[Any, ...]
_TABLES: Final = {
    "person": "reference, since, canonical",
    "mention": 'mention_id, reference, assigned, sealed_identity, participant, "offset", capacity, since, event,'
    " registered_at, match, model, posterior",
    "holding": "participant, reference, capacity, since, event",
    "claim": 'participant, "offset", appended_at, originator, signal_id, version, verdict, case_key, canonical_case_key,'
    " content_fingerprint, event, marked, set_aside",
    "mention_key": "key, mention_id",
}


def load(address: str, stream: Stream, keyring: Keyring, step: Callable[[int], None]) -> int:
    """Load everybody who is known at first; return how many mentions. step: told how many more are there."""
    rows: dict[str, list[Row]] = {table: [] for table in _TABLES}
    count = 0
    with psycopg.connect(address, autocommit=True) as connection:
        for offset, mention in enumerate(stream.known_mentions()):
            posting = Posting(participant=PAST, offset=offset, appended_at=AT)
            for table, row in _rows(keyring, mention.subject, posting):
                rows[table].append(row)
            count = offset + 1
            if count % AT_ONCE == 0:
                _copy(connection, rows)
                step(AT_ONCE)
        _copy(connection, rows)
        for table in _TABLES:
            connection.execute(f"vacuum (analyze) {table}".encode())
    return count


def _rows(keyring: Keyring, subject: Any, posting: Posting) -> Iterator[tuple[str, Row]]:
    found = keyring.mention(subject, posting)
    if found is None:
        return
    offset, event = posting.offset, identity.event_id(posting)
    reference = str(identity.derived_id("person", identity.posting_name(posting)))
    key = hashlib.sha256(str(offset).encode()).digest()
    kind = "RadicalisationCase"
    yield "person", (reference, AT, reference)
    yield (
        "mention",
        (
            found.mention_id, reference, reference, found.sealed_identity, PAST, offset, kind, AT, event, AT,
            "NEW", "", 0,
        ),
    )  # fmt: skip
    yield "holding", (PAST, reference, kind, AT, event)
    yield (
        "claim",
        (PAST, offset, AT, PAST, UUID(bytes=key[:16]), 1, "REGISTERED", key, key, key, EVENT, True, False),
    )
    for each in found.keys:
        yield "mention_key", (each.value, found.mention_id)


def _copy(connection: psycopg.Connection[Row], rows: dict[str, list[Row]]) -> None:
    for table, names in _TABLES.items():
        with (
            connection.cursor() as cursor,
            cursor.copy(f"copy {table} ({names}) from stdin".encode()) as copy,
        ):
            for row in rows[table]:
                copy.write_row(row)
        rows[table].clear()
