from __future__ import annotations

import asyncio
import socket
from contextlib import suppress
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest
from kruispunt_deploy.stack import LocalStack
from kruispunt_processors.database import claims
from kruispunt_processors.database.connection import DatabaseError, migrate, open_engine, transaction
from kruispunt_schemas.failures import KruispuntError, UnavailableError
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.drafts import MONDAY
from tests.processors.resolve.candidates import KEYRING, candidate

SECRET = "Van den Broeck 91.05.17"


async def failure(engine: AsyncEngine, statement: str, **parameters: object) -> KruispuntError:
    with pytest.raises(KruispuntError) as raised:
        async with transaction(engine) as connection:
            await connection.execute(text(statement), parameters)
    assert raised.value.__cause__ is None
    assert raised.value.__suppress_context__
    return raised.value


@pytest.mark.parametrize(
    ("state", "kind"),
    [
        ("40P01", UnavailableError),  # deadlock
        ("40001", UnavailableError),  # serialisation failure
        ("57P01", UnavailableError),  # administrator ended the session
        ("53300", UnavailableError),  # too many connections
        ("55P03", UnavailableError),  # lock not available
        ("08006", UnavailableError),  # connection failure
        ("23505", DatabaseError),
        ("42P01", DatabaseError),
        ("22003", DatabaseError),
    ],
)
async def test_what_the_server_says_is_named_by_its_state(
    engine: AsyncEngine, state: str, kind: type[KruispuntError]
) -> None:
    statement = f"do $$ begin raise exception '{SECRET}' using errcode = '{state}'; end $$"
    error = await failure(engine, statement)
    assert type(error) is kind
    assert state in str(error)
    assert SECRET not in str(error)


@pytest.mark.parametrize(
    ("statement", "value"),
    [
        ("select cast(:value as int)", SECRET),
        ("select cast(:value as timestamptz)", SECRET),
        ("insert into person (reference, since) values (:value, null)", SECRET),
        ("select :value::text, 1 / 0", SECRET),
        ("select cast(:value as smallint)", 2**40),
        ("select cast(:value as text)", f"{SECRET}\x00"),
    ],
)
async def test_no_parameter_reaches_a_text_and_a_value_that_never_fits_is_not_waited_for(
    engine: AsyncEngine, statement: str, value: object
) -> None:
    error = await failure(engine, statement, value=value)
    assert type(error) is DatabaseError
    assert SECRET not in str(error)
    assert str(2**40) not in str(error)


async def test_a_deadlock_may_pass_and_one_of_the_two_goes_on(
    engine: AsyncEngine, other: AsyncEngine
) -> None:
    both = asyncio.Barrier(2)

    async def take(owner: AsyncEngine, first: int, second: int) -> None:
        async with transaction(owner) as connection:
            await connection.execute(text("select pg_advisory_xact_lock(9, :n)"), {"n": first})
            await both.wait()
            await connection.execute(text("select pg_advisory_xact_lock(9, :n)"), {"n": second})

    found = await asyncio.gather(take(engine, 1, 2), take(other, 2, 1), return_exceptions=True)
    assert sorted(type(item).__name__ for item in found) == ["NoneType", "UnavailableError"]


async def test_a_session_that_is_ended_may_pass_and_the_next_try_connects_again(
    engine: AsyncEngine, cleared: str
) -> None:
    batch = [candidate("a", "x", 1)]
    await claims.claim_batch(engine, batch, MONDAY, KEYRING)
    with psycopg.connect(cleared, autocommit=True) as connection:
        connection.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity "
            "where datname = current_database() and pid <> pg_backend_pid()"
        )
    for _ in range(5):
        with suppress(UnavailableError):
            found = await claims.claim_batch(engine, batch, MONDAY, KEYRING)
            break
    assert len(found) == 1


async def test_a_server_that_is_not_there() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"postgresql://nobody:secret-word@127.0.0.1:{free.getsockname()[1]}/none"
        engine = open_engine(address)
        error = await failure(engine, "select 1")
        await engine.dispose()
    assert type(error) is UnavailableError
    assert "secret-word" not in str(error)


async def test_a_server_that_takes_no_more_sessions_may_pass(address: str, local_stack: LocalStack) -> None:
    """Refused while connecting: as a server that is starting, or full, refuses."""
    role = urlsplit(address).username or ""
    superuser = local_stack.postgres.url("postgres", "postgres")
    with psycopg.connect(superuser, autocommit=True) as connection:
        connection.execute(f'alter role "{role}" connection limit 0')
        try:
            engine = open_engine(address)
            error = await failure(engine, "select 1")
            await engine.dispose()
        finally:
            connection.execute(f'alter role "{role}" connection limit -1')
    assert type(error) is UnavailableError
    assert "53300" in str(error)


@pytest.mark.parametrize("part", ["name", "password"])
async def test_a_wrong_database_or_password_is_refused_for_good_and_shows_neither(
    address: str, part: str
) -> None:
    found = urlsplit(address)
    wrong = (
        found._replace(path="/no-such-database")
        if part == "name"
        else found._replace(netloc=f"{found.username}:wrong-word@{found.hostname}:{found.port}")
    )
    engine = open_engine(urlunsplit(wrong))
    error = await failure(engine, "select 1")
    await engine.dispose()
    assert type(error) is DatabaseError
    assert "word" not in str(error)


async def test_a_statement_that_is_wrong_is_named_without_its_text(engine: AsyncEngine) -> None:
    error = await failure(engine, f"selekt '{SECRET}'")
    assert type(error) is DatabaseError
    assert SECRET not in str(error)


async def test_a_failure_inside_leaves_nothing_behind(engine: AsyncEngine) -> None:
    async def fail() -> None:
        async with transaction(engine) as connection:
            await connection.execute(
                text("insert into person (reference, since, canonical) values ('p', now(), 'p')")
            )
            raise KeyError

    with pytest.raises(KeyError):
        await fail()
    async with transaction(engine) as connection:
        assert (await connection.execute(text("select count(*) from person"))).scalar_one() == 0


async def test_migrating_again_changes_nothing(engine: AsyncEngine) -> None:
    async with transaction(engine) as connection:
        await connection.execute(
            text("insert into person (reference, since, canonical) values ('p', now(), 'p')")
        )
    await migrate(engine)
    await migrate(engine)
    async with transaction(engine) as connection:
        assert (await connection.execute(text("select count(*) from person"))).scalar_one() == 1
