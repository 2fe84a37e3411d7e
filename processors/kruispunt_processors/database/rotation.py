"""Other keys of persons: every mention is opened, sealed again, and its blocking keys are made anew, while workers go on.

Rules
-----
1. The files of the new keys are there first; then one transaction says that they are in force and the older ones are being
   retired. It waits for every transaction that stores mentions, and those look first (`directory`): so none is stored
   under an older key afterwards.
2. While older keys are being retired a worker looks under the keys of both, so nobody is missed. A mention lies under the
   one or the other, for it moves in one transaction.
3. Nothing is remembered of how far it came but the seal of each mention, which begins with the id of its key: after a kill
   it goes on where it was.
4. What was claimed holds the seal and the keys too, and is written anew with them once it is published; before that it
   must not change. Who waits in quarantine, claimed, keeps the older key, which stays in force to look under.
5. The older keys are retired when nothing lies under them. Their files stay: the topic ``repertory`` has what they sealed,
   and a rebuild seals that with the keys of today.

Must not: change whose a mention is.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, replace
from typing import Any, Final
from uuid import UUID

from kruispunt_schemas import codec
from kruispunt_schemas import schema as schemas
from kruispunt_schemas.records.backbone import PersonRegistered, RepertoryEvent
from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from kruispunt_processors.database import directory
from kruispunt_processors.database.connection import transaction
from kruispunt_processors.database.directory import CURRENT, RETIRED, RETIRING, KeysInForce
from kruispunt_processors.persons.mentions import Keyring
from kruispunt_processors.resolve.identification import key_bytes, key_value

BATCH: Final = 500
_NIL: Final = UUID(int=0)


@dataclass(frozen=True, slots=True)
class Left:
    """Mentions that still lie under an older key: published or not yet, and those whose signal is in quarantine."""

    unpublished: int
    in_quarantine: int


async def in_force(engine: AsyncEngine) -> KeysInForce:
    """Return which keys are in force."""
    async with transaction(engine) as connection:
        return await directory.keys_in_force(connection)


async def put_in_force(engine: AsyncEngine, key_id: int) -> KeysInForce:
    """Put keys in force whose files are there, and begin to retire those of before; return what is in force then."""
    async with transaction(engine) as connection:
        await connection.execute(_HOLD_ALONE)
        found = await directory.keys_in_force(connection)
        if key_id > found.current:
            await _set(connection, {found.current: RETIRING, key_id: CURRENT})
        return await directory.keys_in_force(connection)


async def count(engine: AsyncEngine, keyring: Keyring) -> int:
    """Return how many mentions lie under an older key."""
    async with transaction(engine) as connection:
        return int((await connection.execute(_COUNT, {"current": keyring.key_id})).scalar_one())


async def renew(engine: AsyncEngine, keyring: Keyring) -> AsyncIterator[int]:
    """Renew every mention that is published and lies under an older key; yield how many after each batch."""
    last = _NIL
    while True:
        async with transaction(engine) as connection:
            rows = (
                await connection.execute(_NEXT, {"last": last, "current": keyring.key_id, "batch": BATCH})
            ).all()
            if not rows:
                return
            await _renew(connection, keyring, rows)
        last = rows[-1].mention_id
        yield len(rows)


async def retire(engine: AsyncEngine, keyring: Keyring) -> Left:
    """Retire the older keys if nothing lies under them; return what does. Nothing new comes there, by rule 1."""
    async with transaction(engine) as connection:
        row = (await connection.execute(_LEFT, {"current": keyring.key_id})).one()
        left = Left(int(row.unpublished), int(row.in_quarantine))
        if left == Left(0, 0):
            found = await directory.keys_in_force(connection)
            await _set(connection, dict.fromkeys(found.retiring, RETIRED))
        return left


async def _renew(
    connection: AsyncConnection, keyring: Keyring, rows: Iterable[Row[*tuple[Any, ...]]]
) -> None:
    gone: list[tuple[int, UUID]] = []
    fresh: list[tuple[int, UUID]] = []
    sealed: dict[UUID, bytes] = {}
    events: list[tuple[str, int, bytes]] = []
    for row in rows:
        event = codec.decode(schemas.load("RepertoryEvent"), row.event, RepertoryEvent)
        renewed = keyring.renewed(row.mention_id, row.sealed_identity)
        sealed[row.mention_id] = renewed.sealed_identity
        fresh += [(key.value, row.mention_id) for key in renewed.keys]
        persons: list[PersonRegistered] = []
        for person in event.persons:
            if person.mention_id != row.mention_id:
                persons.append(person)
                continue
            gone += [
                (key_value(key), row.mention_id) for key in person.keys if len(key) == directory.KEY_BYTES
            ]
            keys = key_bytes(key.value for key in renewed.keys)
            persons.append(replace(person, keys=keys, sealed_identity=renewed.sealed_identity))
        again = codec.encode(replace(event, persons=tuple(persons)))
        events.append((row.participant, row.offset, again))
    gone, fresh = sorted(gone), sorted(fresh)
    await connection.execute(_REMOVE_KEYS, _pairs(gone))
    await connection.execute(_ADD_KEYS, _pairs(fresh))
    await connection.execute(_SEAL, {"mention_id": list(sealed), "sealed": list(sealed.values())})
    await connection.execute(
        _REWRITE,
        {
            "participant": [item[0] for item in events],
            "offset": [item[1] for item in events],
            "event": [item[2] for item in events],
        },
    )


def _pairs(pairs: list[tuple[int, UUID]]) -> dict[str, list[int] | list[UUID]]:
    return {"key": [key for key, _ in pairs], "mention_id": [mention for _, mention in pairs]}


async def _set(connection: AsyncConnection, states: dict[int, str]) -> None:
    for key_id, state in states.items():
        await connection.execute(_STATE, {"key_id": key_id, "state": state})


_HOLD_ALONE: Final = text("select pg_advisory_xact_lock(4, 0)")
_STATE: Final = text(
    "insert into person_key (key_id, state) values (:key_id, :state)"
    " on conflict (key_id) do update set state = excluded.state, since = now()"
)
_OLDER: Final = "get_byte(mention.sealed_identity, 0) <> :current"
_COUNT: Final = text(f"select count(*) from mention where {_OLDER}")  # noqa: S608 - constants only
_NEXT: Final = text(f"""
    select mention.mention_id, mention.sealed_identity, mention.participant, mention."offset", claim.event
    from mention join claim on claim.participant = mention.participant and claim."offset" = mention."offset"
    where mention.mention_id > :last and {_OLDER} and claim.marked
    order by mention.mention_id limit :batch for update of mention, claim
""")  # noqa: S608
_LEFT: Final = text(f"""
    select count(*) filter (where not claim.set_aside) as unpublished,
        count(*) filter (where claim.set_aside) as in_quarantine
    from mention join claim on claim.participant = mention.participant and claim."offset" = mention."offset"
    where {_OLDER}
""")  # noqa: S608
_REMOVE_KEYS: Final = text("""
    delete from mention_key using unnest(cast(:key as bigint[]), cast(:mention_id as uuid[])) as gone (key, mention_id)
    where mention_key.key = gone.key and mention_key.mention_id = gone.mention_id
""")
_ADD_KEYS: Final = text("""
    insert into mention_key (key, mention_id)
    select key, mention_id from unnest(cast(:key as bigint[]), cast(:mention_id as uuid[])) as fresh (key, mention_id)
    on conflict do nothing
""")
_SEAL: Final = text("""
    update mention set sealed_identity = fresh.sealed
    from unnest(cast(:mention_id as uuid[]), cast(:sealed as bytea[])) as fresh (mention_id, sealed)
    where mention.mention_id = fresh.mention_id
""")
_REWRITE: Final = text("""
    update claim set event = fresh.event
    from unnest(cast(:participant as varchar[]), cast(:offset as bigint[]), cast(:event as bytea[]))
        as fresh (participant, position, event)
    where claim.participant = fresh.participant and claim."offset" = fresh.position
""")
