from __future__ import annotations

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from kruispunt_processors.database.connection import migrate, open_engine, transaction
from kruispunt_processors.database.tables import metadata
from sqlalchemy import Connection, inspect


def difference(connection: Connection) -> list[object]:
    context = MigrationContext.configure(
        connection, opts={"compare_type": True, "compare_server_default": True}
    )
    return list(compare_metadata(context, metadata))


def tables(connection: Connection) -> set[str]:
    return set(inspect(connection).get_table_names())


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
