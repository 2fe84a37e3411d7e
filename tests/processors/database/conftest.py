"""A database of its own for each module, migrated; its tables are emptied before each test."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Iterator
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest
from kruispunt_processors.database.connection import migrate, open_engine
from kruispunt_processors.database.tables import metadata
from psycopg import sql
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.stacks import StackUnderTest, absent


@pytest.fixture(scope="module")
def empty_address(stack: StackUnderTest) -> Iterator[str]:
    """Address of an empty database that nobody else uses."""
    name = f"test_{secrets.token_hex(4)}"
    own = stack.addresses.database or ""
    if stack.local is not None:
        yield stack.local.postgres.create_database(name)
        return
    identifier = sql.Identifier(name)
    with psycopg.connect(own, autocommit=True) as connection:
        try:
            connection.execute(sql.SQL("create database {}").format(identifier))
        except psycopg.errors.InsufficientPrivilege:
            absent("the role of KRUISPUNT_DATABASE may not create databases")
        yield urlunsplit(urlsplit(own)._replace(path=f"/{name}"))
        connection.execute(sql.SQL("drop database {} with (force)").format(identifier))


async def _migrate(address: str) -> None:
    engine = open_engine(address)
    await migrate(engine)
    await engine.dispose()


@pytest.fixture(scope="module")
def address(empty_address: str) -> str:
    """Address of a database with the tables."""
    asyncio.run(_migrate(empty_address))
    return empty_address


@pytest.fixture
def cleared(address: str) -> str:
    """Address of a database with empty tables."""
    tables = sql.SQL(", ").join(sql.Identifier(table.name) for table in metadata.sorted_tables)
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute(sql.SQL("truncate {}").format(tables))
    return address


@pytest.fixture
async def engine(cleared: str) -> AsyncIterator[AsyncEngine]:
    """An engine on empty tables."""
    found = open_engine(cleared)
    yield found
    await found.dispose()


@pytest.fixture
async def other(cleared: str) -> AsyncIterator[AsyncEngine]:
    """The engine of another worker on the same tables."""
    found = open_engine(cleared)
    yield found
    await found.dispose()
