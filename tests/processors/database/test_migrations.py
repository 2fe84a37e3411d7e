from __future__ import annotations

import io
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import fastavro
import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from kruispunt_processors.database import claims
from kruispunt_processors.database.connection import MIGRATIONS, migrate, open_engine, transaction
from kruispunt_processors.database.directory import KeysInForce, RenewedError
from kruispunt_processors.database.tables import claim, holding, mention, mention_key, metadata, position
from kruispunt_processors.persons import model
from kruispunt_processors.resolve.resolution import Known, first_holding, resolve
from kruispunt_schemas import codec
from kruispunt_schemas import schema as schemas
from kruispunt_schemas.records.backbone import PersonRegistered, RepertoryEvent, Review
from sqlalchemy import Connection, inspect, select, text

from tests.drafts import MONDAY, OCAD, VSSE
from tests.processors.resolve.candidates import KEYRING, candidate


def difference(connection: Connection) -> list[object]:
    context = MigrationContext.configure(
        connection, opts={"compare_type": True, "compare_server_default": True}
    )
    return list(compare_metadata(context, metadata))


def tables(connection: Connection) -> set[str]:
    return set(inspect(connection).get_table_names())


def to(revision: str) -> Callable[[Connection], None]:
    """Return what brings a database to a revision, up or down."""

    def run(connection: Connection) -> None:
        config = Config()
        config.set_main_option("script_location", str(MIGRATIONS))
        config.attributes["connection"] = connection
        current = MigrationContext.configure(connection).get_current_revision() or ""
        (command.upgrade if revision > current else command.downgrade)(config, revision)

    return run


def before(event: RepertoryEvent) -> RepertoryEvent:
    """Return an event as it was before anybody was told of followers, or of what a match rests on."""
    persons = tuple(
        PersonRegistered(
            reference=row.reference,
            mention_id=row.mention_id,
            keys=(b"k" * 16,),
            sealed_identity=b"\x80sealed",
        )
        for row in event.persons
    )
    return replace(event, followers=(), persons=persons)


def under(released: str, record: RepertoryEvent | Review) -> bytes:
    """Return a record as it was written under an older schema."""
    current = codec.encode(record)
    path = Path(schemas.__file__).parent / "avro" / "released" / f"{released}.json"
    older = fastavro.parse_schema(json.loads(path.read_text()))
    own = schemas.load(type(record).__name__).parsed
    out = io.BytesIO()
    fastavro.schemaless_writer(out, older, fastavro.schemaless_reader(io.BytesIO(current), own, older))
    return out.getvalue()


async def test_an_empty_database_is_brought_to_exactly_the_tables(empty_address: str) -> None:
    engine = open_engine(empty_address)
    async with transaction(engine) as connection:
        assert await connection.run_sync(tables) == set()
    for _ in range(2):
        await migrate(engine)
        async with transaction(engine) as connection:
            assert await connection.run_sync(difference) == []
            assert await connection.run_sync(tables) == {*metadata.tables, "alembic_version"}
    await engine.dispose()


async def test_what_was_claimed_before_gets_the_event_of_each_first_holding(address: str) -> None:
    """Two capacities of one participant: the first one's event; the claims stay readable, without followers."""
    engine = open_engine(address)
    key = b"k" * 16
    batch = [
        candidate("a", "x", 1, person=key),
        candidate("b", "y", 2, person=key, signal_type="ThreatEvaluation"),
        candidate("a", "x", 1, originator=OCAD, person=key),
        candidate("c", "z", 3, person=b"o" * 16),
    ]
    batch = [
        replace(item, posting=replace(item.posting, appended_at=MONDAY + timedelta(seconds=place)))
        for place, item in enumerate(batch)
    ]
    resolved = resolve(batch, Known(), MONDAY, model.load())
    old = [replace(item, event=before(item.event)) for item in resolved if item.event]
    async with transaction(engine) as connection:
        await connection.run_sync(to("0002"))
        for item in old:
            assert item.event is not None
            row = {
                **claims._row(item),
                "event": under("RepertoryEvent-9d968a6cf90f", item.event),
            }
            await connection.execute(claim.insert().values(row))
            for held in item.event.holdings:
                await connection.execute(
                    text("insert into holding values (:participant, :reference, :capacity, :since)"),
                    {name: getattr(held, name) for name in ("participant", "reference", "capacity", "since")},
                )
        await connection.run_sync(to("0003"))
        rows = (await connection.execute(select(*holding.c))).all()
    assert {(row.participant, row.reference, row.capacity, row.event) for row in rows} == {
        (held.participant, held.reference, held.capacity, first_holding(item.event, held.participant))
        for item in resolved
        if item.event is not None
        for held in item.event.holdings
    }
    await migrate(engine)
    again = await claims.claim_batch(engine, batch, MONDAY, KEYRING)
    assert {where: item.event for where, item in again.items()} == {
        position(item.candidate.posting): item.event for item in old
    }
    async with transaction(engine) as connection:
        await connection.run_sync(to("0002"))
    await migrate(engine)
    async with transaction(engine) as connection:
        assert await connection.run_sync(difference) == []
    await engine.dispose()


async def test_mentions_of_before_keep_their_person_and_wait_for_their_keys(address: str) -> None:
    engine = open_engine(address)
    batch = [
        candidate("a", "x", 1, person=b"k"),
        candidate("a", "x", 1, originator=OCAD, person=b"k"),
        candidate("b", "y", 2),
    ]
    old = [
        replace(item, event=before(item.event))
        for item in resolve(batch, Known(), MONDAY, model.load())
        if item.event
    ]
    reference = next(row.reference for item in old if item.event for row in item.event.persons)
    async with transaction(engine) as connection:
        await connection.execute(claim.delete())
        await connection.run_sync(to("0003"))
        await connection.execute(
            text("insert into person values (:reference, :since)"), {"reference": reference, "since": MONDAY}
        )
        for item in old:
            assert item.event is not None
            row = {**claims._row(item), "event": under("RepertoryEvent-a13dc4624553", item.event)}
            await connection.execute(claim.insert().values(row))
            for person in item.event.persons:
                values = {
                    "mention": person.mention_id,
                    "reference": reference,
                    "sealed": person.sealed_identity,
                }
                await connection.execute(
                    text("insert into mention values (:mention, :reference, :sealed)"), values
                )
                await connection.execute(
                    text("insert into mention_key values ('\\x00', :mention, :reference)"), values
                )
        await connection.run_sync(to("0004"))
        found = (await connection.execute(select(mention).order_by(mention.c.participant))).all()
        assert [row.participant for row in found] == [OCAD, VSSE]
        assert {
            (row.reference, row.assigned, row.sealed_identity, row.capacity, row.since, row.match)
            for row in found
        } == {(reference, reference, b"\x00\x80sealed", "RadicalisationCase", MONDAY, "UNRECOGNISED")}
        assert {row.event for row in found} == {
            item.event.event_id for item in old if item.event and item.event.persons
        }
        assert (await connection.execute(select(mention_key))).all() == []
    again = await claims.claim_batch(engine, batch, MONDAY, KEYRING)
    assert {where: item.event for where, item in again.items()} == {
        position(item.candidate.posting): item.event for item in old
    }
    # The database knows that they are not found: it takes no further mention until their keys are made anew.
    with pytest.raises(RenewedError) as refused:
        await claims.claim_batch(engine, [candidate("d", "z", 9, person=b"o")], MONDAY, KEYRING)
    assert refused.value.in_force == KeysInForce(1, (0,))
    async with transaction(engine) as connection:
        await connection.run_sync(to("0003"))
        sealed = (await connection.execute(text("select sealed_identity from mention"))).scalars().all()
        assert set(sealed) == {b"\x80sealed"}
        events = (
            (await connection.execute(text('select event from claim order by participant, "offset"')))
            .scalars()
            .all()
        )
        assert set(events) == {under("RepertoryEvent-a13dc4624553", item.event) for item in old if item.event}
    await migrate(engine)
    async with transaction(engine) as connection:
        assert await connection.run_sync(difference) == []
    await engine.dispose()
