"""The directory of persons: who is found under which keys, what was mentioned of them, and which keys are in force.

Rules
-----
1. Found are at most `MOST` mentions under one key, the same ones every time: a name that thousands bear finds some of
   them, which links nobody by itself. Who is not found under it is found under another key, or is a new person.
2. Candidates of a batch are read in one statement and opened here; under locks on their keys, or two workers split a new
   person in two (`claims`).
3. Mentions are made with the keys in force, or not stored: who holds others gets `RenewedError`. They are locked against
   a change of them until the end of the transaction.
4. A person, its mention and its keys are stored in one statement.

Must not: decide (`resolve` does), or hold a name longer than a batch.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from kruispunt_schemas.failures import UnavailableError
from kruispunt_schemas.records.backbone import RepertoryEvent
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from kruispunt_processors.database.tables import person_key
from kruispunt_processors.persons.mentions import Keyring
from kruispunt_processors.persons.sealing import FIRST_KEY
from kruispunt_processors.resolve.identification import KnownMention, key_value

MOST: Final = 64
"""Mentions found under one key."""
CURRENT: Final = "CURRENT"
RETIRING: Final = "RETIRING"
RETIRED: Final = "RETIRED"
KEY_BYTES: Final = 8


@dataclass(frozen=True, slots=True)
class KeysInForce:
    """The id of the keys that mentions are made with, and of those under which they are still found."""

    current: int = FIRST_KEY
    retiring: tuple[int, ...] = ()


class RenewedError(UnavailableError):
    """Other keys of persons are in force than the ones that were used; ``in_force`` are those."""

    def __init__(self, in_force: KeysInForce) -> None:
        super().__init__("other keys of persons are in force")
        self.in_force = in_force


@dataclass(frozen=True, slots=True)
class Found:
    """What lies under the keys asked for: mentions by key, and by person the last judgement that touched it."""

    mentions: dict[int, list[KnownMention]]
    as_of: dict[str, UUID | None]


async def keys_in_force(connection: AsyncConnection) -> KeysInForce:
    """Return which keys are in force."""
    rows = (await connection.execute(select(person_key.c.key_id, person_key.c.state))).all()
    current = next((row.key_id for row in rows if row.state == CURRENT), FIRST_KEY)
    return KeysInForce(current, tuple(sorted(row.key_id for row in rows if row.state == RETIRING)))


async def check_keys(connection: AsyncConnection, keyring: Keyring) -> None:
    """Raise RenewedError unless a keyring has the keys in force; they stay in force until the end of the transaction."""
    await connection.execute(_HOLD_KEYS)
    found = await keys_in_force(connection)
    if (found.current, found.retiring) != (keyring.key_id, keyring.retiring):
        raise RenewedError(found)


async def find(connection: AsyncConnection, keyring: Keyring, keys: Collection[int]) -> Found:
    """Return the mentions that lie under any of these keys, opened; raise SealError when one cannot be."""
    found = Found({}, {})
    opened: dict[UUID, KnownMention] = {}
    if not keys:
        return found
    for row in await connection.execute(_CANDIDATES, {"keys": sorted(keys), "most": MOST}):
        mention = opened.get(row.mention_id)
        if mention is None:
            particulars = keyring.open(row.mention_id, row.sealed_identity)
            mention = opened[row.mention_id] = KnownMention(row.mention_id, row.reference, particulars)
            found.as_of[row.reference] = row.as_of
        found.mentions.setdefault(row.key, []).append(mention)
    return found


async def store(connection: AsyncConnection, events: Sequence[RepertoryEvent]) -> None:
    """Store the persons, mentions and keys that events register."""
    registered = [(event, row) for event in events for row in event.persons]
    if not registered:
        return
    since: dict[str, object] = {}
    for event, row in registered:
        since.setdefault(row.reference, event.posting.appended_at)
    persons = sorted(since)
    keys = sorted((key_value(key), row.mention_id) for _, row in registered for key in row.keys)
    await connection.execute(
        _STORE,
        {
            "person": persons,
            "person_since": [since[reference] for reference in persons],
            "mention_id": [row.mention_id for _, row in registered],
            "reference": [row.reference for _, row in registered],
            "sealed": [row.sealed_identity for _, row in registered],
            "participant": [event.posting.participant for event, _ in registered],
            "offset": [event.posting.offset for event, _ in registered],
            "capacity": [event.signal_type for event, _ in registered],
            "since": [event.posting.appended_at for event, _ in registered],
            "event": [event.event_id for event, _ in registered],
            "registered_at": [event.registered_at for event, _ in registered],
            "match": [row.match.value for _, row in registered],
            "model": [row.model for _, row in registered],
            "posterior": [row.posterior for _, row in registered],
            "compared_with": [row.compared_with for _, row in registered],
            "runner_up": [row.runner_up for _, row in registered],
            "key": [key for key, _ in keys],
            "key_mention": [mention_id for _, mention_id in keys],
        },
    )


_HOLD_KEYS: Final = text("select pg_advisory_xact_lock_shared(4, 0)")

_CANDIDATES: Final = text("""
    select wanted.key, found.mention_id, mention.reference, mention.sealed_identity, person.as_of
    from unnest(cast(:keys as bigint[])) as wanted (key)
    cross join lateral (
        select mention_id from mention_key where mention_key.key = wanted.key order by mention_id limit :most
    ) as found
    join mention on mention.mention_id = found.mention_id
    join person on person.reference = mention.reference
""")

_STORE: Final = text("""
    with persons as (
        insert into person (reference, since, canonical)
        select reference, since, reference
        from unnest(cast(:person as varchar[]), cast(:person_since as timestamptz[])) as fresh (reference, since)
        on conflict do nothing
    ), mentions as (
        insert into mention (mention_id, reference, assigned, sealed_identity, participant, "offset", capacity,
            since, event, registered_at, match, model, posterior, compared_with, runner_up)
        select mention_id, reference, reference, sealed, participant, position, capacity,
            since, event, registered_at, match, model, posterior, compared_with, runner_up
        from unnest(cast(:mention_id as uuid[]), cast(:reference as varchar[]), cast(:sealed as bytea[]),
            cast(:participant as varchar[]), cast(:offset as bigint[]), cast(:capacity as varchar[]),
            cast(:since as timestamptz[]), cast(:event as uuid[]), cast(:registered_at as timestamptz[]),
            cast(:match as varchar[]), cast(:model as varchar[]), cast(:posterior as int[]),
            cast(:compared_with as uuid[]), cast(:runner_up as varchar[]))
            as fresh (mention_id, reference, sealed, participant, position, capacity, since, event, registered_at,
                match, model, posterior, compared_with, runner_up)
    )
    insert into mention_key (key, mention_id)
    select key, mention_id from unnest(cast(:key as bigint[]), cast(:key_mention as uuid[])) as fresh (key, mention_id)
""")
