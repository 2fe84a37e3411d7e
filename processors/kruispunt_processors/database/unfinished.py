"""What is claimed and not marked yet: how much, and since when. Must not: change anything."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import ColumnElement, Table, and_, extract, func, select
from sqlalchemy.ext.asyncio import AsyncEngine

from kruispunt_processors.database.connection import transaction
from kruispunt_processors.database.tables import claim, decision_claim


@dataclass(frozen=True, slots=True)
class Unfinished:
    """How many claims are unfinished, and the age of the oldest in seconds, by the database's clock."""

    count: int
    oldest_seconds: float | None


async def of_resolve(engine: AsyncEngine) -> Unfinished:
    """Return the claims of resolve that are unfinished; what was set aside in quarantine is not."""
    return await _unfinished(engine, claim, and_(claim.c.marked.is_(False), claim.c.set_aside.is_(False)))


async def of_route(engine: AsyncEngine) -> Unfinished:
    """Return the claims of route that are unfinished."""
    return await _unfinished(engine, decision_claim, decision_claim.c.marked.is_(False))


async def _unfinished(engine: AsyncEngine, table: Table, condition: ColumnElement[bool]) -> Unfinished:
    age = extract("epoch", func.clock_timestamp() - func.min(table.c.claimed_at))
    async with transaction(engine) as connection:
        row = (await connection.execute(select(func.count(), age).select_from(table).where(condition))).one()
    return Unfinished(int(row[0]), None if row[1] is None else max(0.0, float(row[1])))
