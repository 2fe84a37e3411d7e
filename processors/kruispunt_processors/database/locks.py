"""Advisory locks on stripes: what two workers must not do at once, whatever rows there are.

Rule: the stripes of a kind are taken in one statement, in ascending order, until the end of the transaction.
Must not: know what a stripe stands for.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

STRIPES: Final = 1024
RESOLVE: Final = 1
ROUTE: Final = 2
HELD: Final = 3
"""Persons whose holdings are read; taken after all others, so that who waits for one waits for nobody who waits."""


async def lock(connection: AsyncConnection, kind: int, stripes: Iterable[int]) -> None:
    """Take the advisory locks of these stripes until the end of the transaction, in ascending order."""
    await connection.execute(
        text("select pg_advisory_xact_lock(:kind, stripe) from unnest(cast(:stripes as int[])) as stripe"),
        {"kind": kind, "stripes": sorted(set(stripes))},
    )


def stripe(*parts: bytes) -> int:
    """Return the stripe that a key falls on."""
    return int.from_bytes(hashlib.sha256(b"\x00".join(parts)).digest()[:4], "big") % STRIPES
