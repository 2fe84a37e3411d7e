"""Other keys of persons: nobody is missed while it goes on, nothing lies under the older keys afterwards."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESSIV
from kruispunt_processors.database import claims, rotation
from kruispunt_processors.database.connection import open_engine, transaction
from kruispunt_processors.database.directory import KeysInForce, RenewedError
from kruispunt_processors.database.rotation import Left
from kruispunt_processors.database.tables import claim, mention, mention_key
from kruispunt_processors.engine.batches import run_batch
from kruispunt_processors.persons.mentions import Keyring
from kruispunt_processors.resolve.identification import key_value
from kruispunt_processors.resolve.resolution import Candidate
from kruispunt_processors.resolve.stage import ResolveStage
from kruispunt_schemas import codec, keys, topics
from kruispunt_schemas import schema as schemas
from kruispunt_schemas.failures import UnavailableError
from kruispunt_schemas.keys import BackboneKeys, PersonKeys
from kruispunt_schemas.records.backbone import MatchKind, PersonRegistered, RepertoryEvent
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.drafts import BACKBONE, MONDAY, OCAD, VSSE
from tests.processors.database.test_not_taken import OUTBOUND, admitted
from tests.processors.engine.sink import Sink
from tests.processors.resolve.candidates import KEYRING, candidate
from tests.waiting import wait_until

NOW = MONDAY + timedelta(seconds=3)
KEYS: BackboneKeys = replace(
    BACKBONE, persons={**BACKBONE.persons, 2: PersonKeys(blocking=b"2" * 32, sealing=b"2" * 64)}
)
NEW, BOTH = Keyring(KEYS, 2), Keyring(KEYS, 2, (1,))


def persons(count: int, keyring: Keyring = KEYRING, *, originator: str = VSSE) -> list[Candidate]:
    """Return as many signals about as many persons, the same ones every time."""
    return [
        candidate(
            f"a{n}",
            f"{originator}{n}",
            n,
            originator=originator,
            person=n.to_bytes(2, "little"),
            keyring=keyring,
        )
        for n in range(count)
    ]


async def claimed(
    engine: AsyncEngine, batch: Sequence[Candidate], keyring: Keyring = KEYRING, *, marked: bool = True
) -> list[PersonRegistered]:
    found = await claims.claim_batch(engine, batch, NOW, keyring)
    if marked:
        await claims.mark(engine, found)
    return [row for item in found.values() if item.event for row in item.event.persons]


async def renewed(engine: AsyncEngine, keyring: Keyring = NEW) -> int:
    return sum([number async for number in rotation.renew(engine, keyring)])


async def seals_and_keys(engine: AsyncEngine) -> tuple[set[int], set[int]]:
    """Return the ids of keys that mentions are sealed with, and every blocking key."""
    async with transaction(engine) as connection:
        sealed = (await connection.execute(select(mention.c.sealed_identity))).scalars().all()
        found = (await connection.execute(select(mention_key.c.key))).scalars().all()
    return {value[0] for value in sealed}, set(found)


def keys_of(batch: Sequence[Candidate]) -> set[int]:
    return {key.value for item in batch if item.mention for key in item.mention.keys}


async def test_everything_lies_under_the_new_keys_and_everybody_is_found(
    engine: AsyncEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rotation, "BATCH", 7)
    first = await claimed(engine, persons(40))
    assert await rotation.put_in_force(engine, 2) == KeysInForce(2, (1,))
    assert await rotation.count(engine, NEW) == 40
    assert await renewed(engine) == 40
    assert await rotation.retire(engine, NEW) == Left(0, 0)
    assert await rotation.in_force(engine) == KeysInForce(2, ())
    assert await seals_and_keys(engine) == ({2}, keys_of(persons(40, NEW)))
    again = await claimed(engine, persons(40, NEW, originator=OCAD), NEW)
    assert {row.match for row in again} == {MatchKind.LINKED}
    assert {row.reference for row in again} == {row.reference for row in first}


async def test_what_was_claimed_has_the_new_seal_and_keys_and_is_otherwise_the_same(
    engine: AsyncEngine,
) -> None:
    batch = persons(3)
    before = await claims.claim_batch(engine, batch, NOW, KEYRING)
    await claims.mark(engine, before)
    await rotation.put_in_force(engine, 2)
    await renewed(engine)
    after = await claims.claim_batch(engine, batch, NOW, KEYRING)
    async with transaction(engine) as connection:
        rows = (await connection.execute(select(claim.c.event))).scalars().all()
        sealed = set((await connection.execute(select(mention.c.sealed_identity))).scalars().all())
        there = set((await connection.execute(select(mention_key.c.key))).scalars().all())
    events = [codec.decode(schemas.load("RepertoryEvent"), row, RepertoryEvent) for row in rows]
    assert {row.sealed_identity for event in events for row in event.persons} == sealed
    assert {key_value(key) for event in events for row in event.persons for key in row.keys} == there
    for where, item in before.items():
        one, other = item.event, after[where].event
        assert one is not None
        assert other is not None
        assert replace(one, persons=()) == replace(other, persons=())
        assert replace(one.persons[0], keys=(), sealed_identity=b"") == replace(
            other.persons[0], keys=(), sealed_identity=b""
        )


async def test_nobody_is_missed_while_it_goes_on(engine: AsyncEngine) -> None:
    first = await claimed(engine, persons(20))
    await rotation.put_in_force(engine, 2)
    half = await claimed(engine, persons(10, BOTH, originator=OCAD), BOTH)
    assert [row.reference for row in half] == [row.reference for row in first[:10]]
    assert (await seals_and_keys(engine))[0] == {1, 2}
    await renewed(engine)
    # Before the older keys are retired, and after.
    for offset, keyring in ((100, BOTH), (200, NEW)):
        late = [
            candidate(
                f"c{offset + n}",
                f"c{offset + n}",
                offset + n,
                person=n.to_bytes(2, "little"),
                keyring=keyring,
            )
            for n in range(20)
        ]
        found = await claimed(engine, late, keyring)
        assert [row.reference for row in found] == [row.reference for row in first]
        await rotation.retire(engine, NEW)


async def test_a_worker_with_older_keys_stores_nothing_and_is_told_which_are_in_force(
    engine: AsyncEngine,
) -> None:
    await claimed(engine, persons(1))
    await rotation.put_in_force(engine, 2)
    fresh = candidate("b", "y", 50, person=b"else")
    with pytest.raises(RenewedError) as refused:
        await claims.claim_batch(engine, [fresh], NOW, KEYRING)
    assert refused.value.in_force == KeysInForce(2, (1,))
    assert isinstance(refused.value, UnavailableError)
    with pytest.raises(
        UnavailableError, match="id 2 are in force and not here: run `kruispunt persons rotate`"
    ):
        Keyring(BACKBONE, 2, (1,))
    # Who mentions nobody needs no key.
    assert len(await claims.claim_batch(engine, [candidate("c", "z", 51)], NOW, KEYRING)) == 1


async def test_a_stage_takes_the_keys_in_force_by_itself_and_waits_where_they_are_not_here(
    engine: AsyncEngine,
) -> None:
    """It waits like it does for a server that is away: nothing goes to quarantine."""
    here = [BACKBONE]
    stage, sink = ResolveStage(engine, OUTBOUND, lambda: here[-1], lambda: NOW), Sink()
    await run_batch(stage, [admitted(0)[0]], sink)
    await rotation.put_in_force(engine, 2)
    with pytest.raises(UnavailableError, match="not here"):
        await stage.handle([admitted(1)[0]], sink)
    with pytest.raises(UnavailableError, match="not here"):
        await stage.answers()
    here.append(KEYS)
    await run_batch(stage, [admitted(1)[0]], sink)
    await renewed(engine)
    await rotation.retire(engine, NEW)
    await run_batch(stage, [admitted(2)[0]], sink)
    assert [sent.topic for sent in sink.sent] == [topics.RESOLVED.name, topics.REPERTORY.name] * 3
    assert (await seals_and_keys(engine))[0] == {2}


async def test_keys_come_in_force_when_nobody_is_storing_a_mention(
    engine: AsyncEngine, other: AsyncEngine
) -> None:
    async with transaction(other) as storing:
        await storing.execute(text("select pg_advisory_xact_lock_shared(4, 0)"))
        waiting = asyncio.create_task(rotation.put_in_force(engine, 2))
        done, _ = await asyncio.wait([waiting], timeout=0.3)
        assert not done
        assert await rotation.in_force(other) == KeysInForce(1, ())
    assert await waiting == KeysInForce(2, (1,))


async def test_what_is_not_published_yet_or_in_quarantine_keeps_the_older_keys(engine: AsyncEngine) -> None:
    batch = persons(3)
    for item in batch:
        await claimed(engine, [item], marked=False)
    await claims.mark(engine, [(VSSE, 0)])
    await claims.set_aside(engine, (VSSE, 1))
    await rotation.put_in_force(engine, 2)
    assert await renewed(engine) == 1
    assert await rotation.retire(engine, NEW) == Left(unpublished=1, in_quarantine=1)
    assert await rotation.in_force(engine) == KeysInForce(2, (1,))
    # They are found all the same, and renewed once they are published.
    found = await claimed(engine, persons(3, BOTH, originator=OCAD), BOTH)
    assert {row.match for row in found} == {MatchKind.LINKED}
    await claims.mark(engine, [(VSSE, 1), (VSSE, 2)])
    assert await renewed(engine) == 2
    assert await rotation.retire(engine, NEW) == Left(0, 0)


async def test_a_rebuild_seals_an_event_of_before_as_it_lies_here_now(engine: AsyncEngine) -> None:
    (registered,) = await claimed(engine, persons(1))
    await rotation.put_in_force(engine, 2)
    await renewed(engine)
    again = NEW.renewed(registered.mention_id, registered.sealed_identity)
    async with transaction(engine) as connection:
        assert (await connection.execute(select(mention.c.sealed_identity))).scalars().all() == [
            again.sealed_identity
        ]
    assert (await seals_and_keys(engine))[1] == {key.value for key in again.keys}
    assert NEW.as_written(registered.mention_id, again.sealed_identity).names


async def test_a_mention_from_before_seals_named_their_key_is_found_again(engine: AsyncEngine) -> None:
    (registered,) = await claimed(engine, persons(1))
    subject = candidate("b", "y", 0, person=bytes(2)).mention
    assert subject is not None
    written = KEYRING.as_written(subject.mention_id, subject.sealed_identity)
    year, month, day = subject.particulars.birth
    plain = {
        "names": [[name.family, name.particle, name.given] for name in written.names],
        "birth": [year, month, day],
        "number": None,
    }
    old = AESSIV(BACKBONE.persons[1].sealing).encrypt(
        json.dumps(plain).encode(), [registered.mention_id.bytes]
    )
    async with transaction(engine) as connection:
        await connection.execute(mention.update().values(sealed_identity=b"\x00" + old))
        await connection.execute(mention_key.delete())
        await connection.execute(
            text("insert into person_key (key_id, state) values (0, 'RETIRING'), (1, 'CURRENT')")
        )
    assert await renewed(engine, KEYRING) == 1
    assert await rotation.retire(engine, KEYRING) == Left(0, 0)
    (found,) = await claimed(engine, persons(1, originator=OCAD))
    assert (found.match, found.reference) == (MatchKind.LINKED, registered.reference)


def command(address: str, data: Path) -> subprocess.Popen[bytes]:
    environment = {
        **os.environ,
        "KRUISPUNT_DATABASE": address,
        "KRUISPUNT_DATA": str(data),
        "KRUISPUNT_BROKERS": "127.0.0.1:1",
        "KRUISPUNT_REGISTRY": "http://127.0.0.1:1",
    }
    program = Path(sys.executable).with_name("kruispunt")
    return subprocess.Popen(
        [str(program), "persons", "rotate", "--json"],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


async def test_a_rotation_that_was_killed_goes_on_where_it_was(cleared: str, tmp_path: Path) -> None:
    """It is killed between two batches: the second one waits for a row that is locked here."""
    engine = open_engine(cleared)
    first = Keyring.newest(keys.create_backbone(tmp_path))
    size = rotation.BATCH + 20
    await claimed(engine, persons(size, first), first)
    with psycopg.connect(cleared) as holder:
        holder.execute("select from mention order by mention_id desc limit 1 for update")
        process = command(cleared, tmp_path)
        with psycopg.connect(cleared, autocommit=True) as looking:

            def half_way() -> bool:
                row = looking.execute(
                    "select count(*) from mention where get_byte(sealed_identity, 0) = 2"
                ).fetchone()
                return row == (rotation.BATCH,)

            wait_until(half_way, within=30, what="the first batch")
        process.kill()
        process.communicate()
    both = Keyring(keys.read_backbone(tmp_path), 2, (1,))
    found = await claimed(engine, persons(size, both, originator=OCAD), both)
    assert {row.match for row in found} == {MatchKind.LINKED}
    again = command(cleared, tmp_path)
    out, error = again.communicate(timeout=60)
    assert again.returncode == 0, error
    assert json.loads(out) == {
        "key_id": 2,
        "resumed": True,
        "renewed": 20,
        "unpublished": 0,
        "in_quarantine": 0,
        "done": True,
    }
    assert list(keys.read_backbone(tmp_path).persons) == [1, 2]
    assert (await seals_and_keys(engine))[0] == {2}
    await engine.dispose()
