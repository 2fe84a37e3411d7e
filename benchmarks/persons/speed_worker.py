"""``python -m benchmarks.persons.speed_worker ADDRESS BATCHES PATH``: one worker, measured; prints one JSON document.

Rules
-----
1. A process of its own: its memory is the worker's, and nothing else runs in it. It reads one batch at a time from a file.
2. PATH ``directory``: lock, find, open, compare, decide, store, commit. ``claim``: all that resolve does in the database, with
   claims, events and holdings, and the mark afterwards. Making a mention (fold, keys, seal) comes before both and is timed apart.
3. The first batches are not counted: caches are filled and statements prepared.

Must not: do anything that the worker does not do.
"""

from __future__ import annotations

import asyncio
import json
import pickle
import resource
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO, Final

from kruispunt_processors.database import claims, directory
from kruispunt_processors.database.connection import open_engine, transaction
from kruispunt_processors.database.locks import RESOLVE, STRIPES, lock
from kruispunt_processors.persons import model
from kruispunt_processors.persons.mentions import Keyring
from kruispunt_processors.resolve.resolution import Candidate, Known, resolve
from kruispunt_schemas.keys import BackboneKeys, PersonKeys
from kruispunt_schemas.records.sections import Subject
from sqlalchemy.ext.asyncio import AsyncEngine

WARM: Final = 10
"""Batches before those that count."""
KEYS: Final = BackboneKeys(
    case=bytes(32),
    content=bytes(32),
    pseudonym=bytes(32),
    persons={1: PersonKeys(blocking=bytes(range(32)), sealing=bytes(range(64)))},
)
"""Any keys will do here."""
NOW: Final = datetime(2026, 2, 1, tzinfo=UTC)

Signal = tuple[Candidate, Subject]
"""A candidate without its mention, and whom it is about."""


def batches(file: BinaryIO) -> Iterator[list[Signal]]:
    """Yield what was written."""
    while True:
        try:
            yield pickle.load(file)  # noqa: S301 - written by this benchmark
        except EOFError:
            return


async def directory_path(engine: AsyncEngine, batch: Sequence[Candidate], keyring: Keyring) -> None:
    """Take a batch through the directory alone."""
    keys = {key.value for item in batch if item.mention for key in item.mention.looks_under}
    async with transaction(engine) as connection:
        await lock(connection, RESOLVE, {key % STRIPES for key in keys})
        await directory.check_keys(connection, keyring)
        found = await directory.find(connection, keyring, keys)
        outcomes = resolve(batch, Known(mentions=found.mentions), NOW, model.load())
        await directory.store(connection, [item.event for item in outcomes if item.event])


async def claim_path(engine: AsyncEngine, batch: Sequence[Candidate], keyring: Keyring) -> None:
    """Take a batch through all that resolve does in the database."""
    await claims.mark(engine, await claims.claim_batch(engine, batch, NOW, keyring))


async def measure(address: str, path: Path, way: str) -> dict[str, float | int]:
    """Return what one worker did."""
    engine, keyring = open_engine(address), Keyring.newest(KEYS)
    take = {"directory": directory_path, "claim": claim_path}[way]
    seconds: list[float] = []
    making, signals = 0.0, 0
    with path.open("rb") as file:
        for number, signal in enumerate(batches(file)):
            started = time.perf_counter()
            batch = [
                replace(item, mention=keyring.mention(subject, item.posting)) for item, subject in signal
            ]
            made = time.perf_counter()
            await take(engine, batch, keyring)
            if number >= WARM:
                making += made - started
                seconds.append(time.perf_counter() - made)
                signals += len(batch)
    await engine.dispose()
    seconds.sort()
    return {
        "signals": signals,
        "per_second": signals / sum(seconds),
        "p50_ms": 1000 * seconds[len(seconds) // 2],
        "p99_ms": 1000 * seconds[int(len(seconds) * 0.99)],
        "making_micros": 1e6 * making / signals,
        "peak_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        "cpu_seconds": time.process_time(),
    }


if __name__ == "__main__":
    print(json.dumps(asyncio.run(measure(sys.argv[1], Path(sys.argv[2]), sys.argv[3]))))  # noqa: T201
