from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from kruispunt_processors.database import claims, decided
from kruispunt_processors.database.connection import MIGRATIONS, migrate, open_engine, transaction
from kruispunt_processors.database.tables import FIRST, claim, delivered, holding, metadata
from kruispunt_processors.resolve.resolution import Known, first_holding, resolve
from kruispunt_schemas import codec
from kruispunt_schemas.needtoknow import decisions
from sqlalchemy import Connection, inspect, select, text

from tests.drafts import MONDAY, OCAD
from tests.processors.database import test_decided
from tests.processors.resolve.candidates import candidate


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
    resolved = resolve(batch, Known(), MONDAY)
    old = [replace(item, event=replace(item.event, followers=())) for item in resolved if item.event]
    async with transaction(engine) as connection:
        await connection.run_sync(to("0002"))
        for item in old:
            assert item.event is not None
            row = {
                **claims._row(item),
                "event": codec.encode(item.event)[:-1],  # as it was written: without an array at its end
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
    again = await claims.claim_batch(engine, batch, MONDAY)
    assert [item.event for item in again.values()] == [item.event for item in old]
    async with transaction(engine) as connection:
        await connection.run_sync(to("0002"))
        await connection.run_sync(to("0006"))
        assert await connection.run_sync(difference) == []
    await engine.dispose()


async def test_what_was_decided_before_can_be_read_and_is_a_first_decision(address: str) -> None:
    """The record as it was written then, without judgement and rounds, is answered; its views are a first decision's."""
    engine = open_engine(address)
    item = test_decided.resolved(41)
    record = test_decided.Deciding().first(item, {}, ())
    assert record.outputs
    view = decisions.output_id(record, record.outputs[0])
    async with transaction(engine) as connection:
        await connection.run_sync(to("0003"))
        await connection.execute(
            text(
                'insert into decision_claim (participant, "offset", decision, marked) values (:who, 41, :old, true)'
            ),
            {"who": item.originator, "old": codec.encode(record)[:-2]},
        )
        await connection.execute(
            text("insert into delivered values (:view, :who, :signal, :recipient, true)"),
            {
                "view": view,
                "who": item.originator,
                "signal": item.signal_id,
                "recipient": record.outputs[0].recipient,
            },
        )
        await connection.run_sync(to("0006"))
    claimed = await decided.claim_batch(engine, [item], test_decided.NEVER)
    assert claimed[item.originator, 41, FIRST].decision == record
    assert await decided.places(engine, [(item.originator, 41)]) == {}
    async with transaction(engine) as connection:
        assert (await connection.execute(select(delivered.c.judgement))).scalars().all() == [FIRST]
        await connection.run_sync(to("0003"))
        old = (await connection.execute(text("select decision from decision_claim"))).scalar_one()
        assert old == codec.encode(record)[:-2]
        await connection.run_sync(to("0006"))
        assert await connection.run_sync(difference) == []
    await engine.dispose()
