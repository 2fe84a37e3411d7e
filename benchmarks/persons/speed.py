"""``python -m benchmarks.persons.speed``: how fast one worker finds out who is who, by the size of the directory.

Rules
-----
1. Real PostgreSQL, its commits synchronous, locks and seals as in the worker; the settings of the embedded stack.
2. Micro-batches of `BATCH` signals of a stream that no other run had, in an order that the seed fixes.

Must not: assert a figure; the bars are printed, met or not.
"""

from __future__ import annotations

import asyncio
import json
import pickle
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import click
import psycopg
from kruispunt_deploy.stack import LocalStack
from kruispunt_processors.database.connection import migrate, open_engine
from kruispunt_processors.persons.mentions import Keyring
from kruispunt_processors.resolve.resolution import Candidate
from kruispunt_schemas import identity
from kruispunt_schemas.records.frame import Classification, Header, Lifecycle, Posting
from rich.console import Console
from rich.progress import MofNCompleteColumn, Progress, TimeElapsedColumn

from benchmarks.persons.households import draw
from benchmarks.persons.loading import AT, load
from benchmarks.persons.speed_worker import KEYS, WARM, Signal
from benchmarks.persons.stream import Stream

BATCH: Final = 200
PATHS: Final = ("directory", "claim")
PER_SECOND_BAR: Final = 4_000
RATIO_BAR: Final = 1.5
POPULATION: Final = 1
"""Seed of the population: one that quality is not judged by."""
ORIGINATORS: Final = 30


@click.command(epilog="Example: python -m benchmarks.persons.speed --persons 100000 --mentions 10000")
@click.option(
    "--persons", multiple=True, type=int, default=(100_000, 1_000_000), show_default=True, help="Directories."
)
@click.option("--mentions", default=20_000, show_default=True, help="Signals that count, for each path.")
@click.option(
    "--seed", default=7, show_default=True, help="Of the stream; another one for a folder used before."
)
@click.option(
    "--folder",
    type=click.Path(path_type=Path, file_okay=False),
    help="Keep the servers' files there and use again what they hold.",
)
@click.option("--out", type=click.Path(path_type=Path), help="Write the figures there as JSON.")
def speed(persons: tuple[int, ...], mentions: int, seed: int, folder: Path | None, out: Path | None) -> None:
    """Measure one worker against directories of persons in PostgreSQL."""
    console = Console(stderr=True)
    found: dict[str, Any] = {"batch": BATCH, "sizes": {}}
    with ExitStack() as stack:
        folder = folder or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="kruispunt-speed-")))
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o711)
        local = stack.enter_context(LocalStack(folder / "data"))
        for size in persons:
            address = local.postgres.create_database(f"persons_{size}")
            found["sizes"][size] = _measured(console, address, size, mentions, seed)
    for size, figures in found["sizes"].items():
        for path in PATHS:
            console.print(f"{size:>9,} persons, {path:<9}: {_line(figures[path])}", highlight=False)
        console.print(f"{'':>9} database {figures['database_bytes'] / 1e6:,.0f} MB", highlight=False)
    _bars(console, found["sizes"])
    if out is not None:
        out.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")


def _measured(console: Console, address: str, size: int, mentions: int, seed: int) -> dict[str, Any]:
    census = draw(POPULATION, size)
    _migrated(address)
    if not _one(address, "select exists (select from mention)"):
        columns = (*Progress.get_default_columns(), MofNCompleteColumn(), TimeElapsedColumn())
        with Progress(*columns, console=console, transient=True) as bars:
            bar = bars.add_task(f"loading {size:,}", total=size)
            load(
                address,
                Stream(census, POPULATION),
                Keyring.newest(KEYS),
                lambda done: bars.advance(bar, done),
            )
    figures: dict[str, Any] = {"database_bytes": _one(address, "select pg_database_size(current_database())")}
    count = mentions // BATCH + WARM
    stream = Stream(census, seed).mentions(len(PATHS) * count * BATCH)
    signals = _signals(stream, seed)
    for path in PATHS:
        with tempfile.NamedTemporaryFile(suffix=".batches") as file:
            for _ in range(count):
                pickle.dump(list(islice(signals, BATCH)), file)
            file.flush()
            argv = [sys.executable, "-m", "benchmarks.persons.speed_worker", address, file.name, path]
            done = subprocess.run(argv, check=True, capture_output=True)
        figures[path] = json.loads(done.stdout)
        console.print(f"{size:,} persons, {path}: {_line(figures[path])}", highlight=False)
    return figures


def _signals(stream: Iterator[Any], seed: int) -> Iterator[Signal]:
    """Yield each mention of a stream as a signal of its own, by the originators in turn."""
    template = Header(
        signal_id=UUID(int=0), signal_type="RadicalisationCase", schema_fingerprint=bytes(32), originator="",
        version=1, lifecycle=Lifecycle.ORIGINAL, observed_at=AT, published_at=AT,
        classification=Classification.UNCLASSIFIED, handling=(), commitments=(),
    )  # fmt: skip
    for number, mention in enumerate(stream):
        originator = f"agency-{seed}-{number % ORIGINATORS}"
        reference = str(number)
        candidate = Candidate(
            place=("admitted", 0),
            posting=Posting(participant=originator, offset=number, appended_at=AT),
            header=replace(
                template,
                originator=originator,
                signal_id=identity.signal_id(bytes(32), originator + reference, 1),
            ),
            bundle="b" * 64,
            case_key=identity.case_key(bytes(32), originator, reference),
            content_fingerprint=identity.case_key(bytes(32), originator, f"content {reference}"),
            mention=None,
        )
        yield candidate, mention.subject


def _line(figures: dict[str, float]) -> str:
    return (
        f"{figures['per_second']:,.0f} signals/s, p50 {figures['p50_ms']:.1f} ms, p99 {figures['p99_ms']:.1f} ms a batch; "
        f"making a mention {figures['making_micros']:.0f} us; worker {figures['peak_bytes'] / 1e6:.0f} MB at most"
    )


def _bars(console: Console, sizes: dict[int, Any]) -> None:
    rates = {size: figures["directory"]["per_second"] for size, figures in sizes.items()}
    largest, smallest = max(rates), min(rates)
    met = "met" if rates[largest] >= PER_SECOND_BAR else "NOT met"
    console.print(f"directory at {largest:,}: {rates[largest]:,.0f}/s (bar {PER_SECOND_BAR:,}: {met})")
    ratio = rates[smallest] / rates[largest]
    met = "met" if ratio <= RATIO_BAR else "NOT met"
    console.print(f"slower than at {smallest:,} by {ratio:.2f} (bar {RATIO_BAR}: {met})")


def _migrated(address: str) -> None:
    async def run() -> None:
        engine = open_engine(address)
        await migrate(engine)
        await engine.dispose()

    asyncio.run(run())


def _one(address: str, statement: str) -> Any:
    with psycopg.connect(address) as connection:
        row = connection.execute(statement.encode()).fetchone()
    return row[0] if row else None


if __name__ == "__main__":
    speed()
