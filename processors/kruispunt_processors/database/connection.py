"""The one boundary to PostgreSQL: engine, transactions, and foreign exceptions made ours.

Rules
-----
1. What may pass (no connection, restart, deadlock, serialisation failure, lock or statement timeout) becomes
   UnavailableError; the stage retries the batch. Anything else becomes DatabaseError.
2. No parameter of a statement ever reaches a text: it would be content.

Must not: hold a statement of a stage.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from kruispunt_schemas.failures import KruispuntError, UnavailableError
from sqlalchemy import Connection, select
from sqlalchemy.exc import DBAPIError, InterfaceError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

STATEMENT_SECONDS: Final = 20.0
CONNECT_SECONDS: Final = 10.0
MIGRATIONS: Final = Path(__file__).parent / "migrations"
_MAY_PASS: Final = ("08", "40", "53", "55", "57")
"""SQLSTATE classes: connection, rollback (deadlock, serialisation), resources, lock, operator intervention."""


class DatabaseError(KruispuntError):
    """PostgreSQL refused a statement for good; the text names the SQLSTATE only."""


def open_engine(address: str) -> AsyncEngine:
    """Return an engine. address: ``postgresql://user:password@host:port/name``."""
    return create_async_engine(
        address.replace("postgresql://", "postgresql+asyncpg://", 1),
        pool_size=4,
        max_overflow=8,
        pool_timeout=CONNECT_SECONDS,
        hide_parameters=True,
        connect_args={"command_timeout": STATEMENT_SECONDS, "timeout": CONNECT_SECONDS},
    )


@asynccontextmanager
async def transaction(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    """Give a connection inside one transaction, committed at the end; see the module for what is raised."""
    try:
        async with engine.begin() as connection:
            yield connection
    except DBAPIError as error:
        raise _named(error) from None
    except (OSError, TimeoutError, PoolTimeoutError) as error:
        raise UnavailableError(f"PostgreSQL does not answer ({type(error).__name__})") from None
    except SQLAlchemyError as error:
        raise DatabaseError(f"the database refused a statement ({type(error).__name__})") from None


async def answers(engine: AsyncEngine) -> None:
    """Raise UnavailableError when PostgreSQL does not take and answer a statement."""
    async with transaction(engine) as connection:
        await connection.execute(select(1))


def _named(error: DBAPIError) -> KruispuntError:
    state = getattr(error.orig, "sqlstate", None) or ""
    # The driver's own refusal of a statement has no state, and it would never pass.
    refused_by_driver = isinstance(error, InterfaceError) and not state and not error.connection_invalidated
    if error.connection_invalidated or state.startswith(_MAY_PASS) or not (state or refused_by_driver):
        return UnavailableError(f"PostgreSQL does not answer (SQLSTATE {state or 'none'})")
    return DatabaseError(f"PostgreSQL refused a statement (SQLSTATE {state or 'none'})")


async def migrate(engine: AsyncEngine) -> None:
    """Bring the schema to the newest migration."""
    async with transaction(engine) as connection:
        await connection.run_sync(_upgrade)


def _upgrade(connection: Connection) -> None:
    # Here, for every worker opens an engine and only provisioning migrates: it costs a second to import.
    from alembic import command  # noqa: PLC0415
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
