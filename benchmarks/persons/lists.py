"""``python -m benchmarks.persons.lists``: time, memory and disk of ``kruispunt persons link``, and how right it is.

Rules
-----
1. List A is a population written down with care, list B the same persons and those whom A does not know, each written down
   anew by a source of any care (`rates`), in another order. One list with itself is half of each.
2. The command runs as a process of its own; the kernel says how much memory it had at most, a look a second how much lay in
   its private directory.

Must not: assert a figure.
"""

from __future__ import annotations

import csv
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from bisect import bisect
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import accumulate
from pathlib import Path
from random import Random
from typing import Any, Final

import click
from kruispunt_schemas.records.sections import Sex, Subject
from rich.console import Console

from benchmarks.commits import commit
from benchmarks.persons.census import Census
from benchmarks.persons.corruption import mentioned
from benchmarks.persons.households import draw
from benchmarks.persons.rates import SOURCES

HEADER: Final = (
    "id", "family", "particle", "other_family", "given", "birth", "birth_place", "sex", "national_number",
)  # fmt: skip
READ: Final = SOURCES[0]
SEED: Final = 11


@dataclass(frozen=True, slots=True)
class Run:
    """What one run took. peak_bytes: of memory. spool_bytes: in its private directory, at most."""

    rows: tuple[int, int]
    seconds: float
    peak_bytes: int
    spool_bytes: int
    told: dict[str, Any]
    judged: dict[str, Any]


@click.command(epilog="Example: python -m benchmarks.persons.lists --rows 100000")
@click.option(
    "--rows", multiple=True, type=int, default=(100_000, 1_000_000), show_default=True, help="Rows of list A."
)
@click.option(
    "--out", type=click.Path(path_type=Path), default=Path("docs/reports/link.md"), show_default=True
)
def lists(rows: tuple[int, ...], out: Path) -> None:
    """Measure `persons link` on made-up lists."""
    console = Console(stderr=True)
    found: list[tuple[str, Run]] = []
    for count in rows:
        with tempfile.TemporaryDirectory(prefix="kruispunt-lists-") as folder:
            place = Path(folder)
            console.print(f"writing lists of {count:,} rows")
            _write(place, count)
            for name, words in (("two lists", ("a.csv", "b.csv")), ("one list", ("one.csv",))):
                console.print(f"linking {name}")
                found.append((name, _run(place, words)))
    out.write_text(_report(found, rows), encoding="utf-8")
    console.print(f"Written: {out}")


def _write(folder: Path, count: int) -> None:
    """Write A, B, both in one list of so many rows, and the true pairs of each."""
    census = draw(SEED, count)
    random = Random(f"lists/{SEED}")
    order = list(range(len(census)))
    known = [number for number in order if not census.absent[number]]
    random.shuffle(order)
    _rows(folder / "a.csv", census, ((f"A{number}", number, READ.factor) for number in known), random)
    _rows(folder / "b.csv", census, ((f"B{number}", number, _factor(random)) for number in order), random)
    _pairs(folder / "true-two.csv", known)
    half = known[: count // 2]
    both = [(f"{part}{number}", number) for number in half for part in "AB"]
    random.shuffle(both)
    _rows(
        folder / "one.csv",
        census,
        ((name, number, READ.factor if name[0] == "A" else _factor(random)) for name, number in both),
        random,
    )
    _pairs(folder / "true-one.csv", half)


def _factor(random: Random) -> float:
    weights = list(accumulate(care.share for care in SOURCES))
    return SOURCES[bisect(weights, random.random(), 0, len(SOURCES) - 1)].factor


def _rows(path: Path, census: Census, wanted: Iterator[tuple[str, int, float]], random: Random) -> None:
    numbered = list(census.numbered())
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(HEADER)
        for name, number, factor in wanted:
            subject, _ = mentioned(
                random,
                census.person(number),
                factor,
                lambda: census.person(random.choice(numbered)).national_number,
            )
            writer.writerow((name, *_cells(subject)))


def _cells(subject: Subject) -> tuple[str, ...]:
    name = subject.names[0]
    other = subject.names[1].family if len(subject.names) > 1 else ""
    birth = subject.birth
    sex = {Sex.FEMALE: "F", Sex.MALE: "M"}.get(subject.sex, "")
    day = f"{birth.year:04}-{birth.month:02}-{birth.day:02}" if birth else ""
    return (
        name.family, name.particle, other, name.given, day, subject.birth_place or "", sex, subject.national_number or "",
    )  # fmt: skip


def _pairs(path: Path, numbers: list[int]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("id_a", "id_b"))
        writer.writerows((f"A{number}", f"B{number}") for number in numbers)


def _run(folder: Path, words: tuple[str, ...]) -> Run:
    spool = folder / "spool"
    spool.mkdir(exist_ok=True)
    program = str(Path(sys.executable).with_name("kruispunt"))
    began = time.monotonic()
    with (folder / "told.json").open("wb") as told:
        process = subprocess.Popen(
            [program, "persons", "link", *words, "--out", "pairs.csv", "--json"],
            cwd=folder, env={**os.environ, "TMPDIR": str(spool)}, stdout=told,
        )  # fmt: skip
        most = 0
        while True:
            pid, status, used = os.wait4(process.pid, os.WNOHANG)
            if pid:
                break
            most = max(most, sum(path.stat().st_size for path in spool.rglob("*.sqlite")))
            time.sleep(1)
    seconds = time.monotonic() - began
    if status:
        raise click.ClickException(f"persons link ended with {os.waitstatus_to_exitcode(status)}")
    one = len(words) == 1
    lists = ["--a", words[0], "--within"] if one else ["--a", words[0], "--b", words[1]]
    judged = subprocess.run(
        [program, "persons", "evaluate", "--truth", "true-one.csv" if one else "true-two.csv", "--found", "pairs.csv", "--json", *lists],
        cwd=folder, check=True, capture_output=True,
    ).stdout  # fmt: skip
    found = json.loads((folder / "told.json").read_text())
    # Linux counts in KiB, macOS in bytes.
    peak = used.ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    return Run((found["rows_a"], found["rows_b"]), seconds, peak, most, found, json.loads(judged))


def _report(found: list[tuple[str, Run]], rows: tuple[int, ...]) -> str:
    words = " ".join(f"--rows {count}" for count in rows)
    lines = [
        "# Linking lists",
        "",
        f"Measured {datetime.now(UTC):%Y-%m-%d} at commit {commit()} by `python -m benchmarks.persons.lists {words}`: "
        f"{os.cpu_count()} cores, Python {platform.python_version()}; the command uses one of them.",
        "",
        "| | rows | seconds | rows/s | memory at most, MB | on disk at most, MB | pairs compared | linked | to review |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for name, run in found:
        total = sum(run.rows)
        there = " and ".join(f"{count:,}" for count in run.rows if count)
        lines.append(
            f"| {name} | {there} | {run.seconds:,.0f} | {total / run.seconds:,.0f} | {run.peak_bytes / 1e6:,.0f} | "
            f"{run.spool_bytes / 1e6:,.0f} | {run.told['compared']:,} | {run.told['links']:,} | {run.told['reviews']:,} |"
        )
    lines += [
        "",
        "Memory: 64 MiB of pages and the names folded lately; with one list 8 bytes a row more, with --one-to-one 16 bytes a row of A.",
        "On disk are sealed rows and keyed hashes in a private directory, gone at the end.",
        "",
        "| | rows | precision | recall | recall with review | pairs completeness |",
        "|---|---|---|---|---|---|",
    ]
    for name, run in found:
        there = " and ".join(f"{count:,}" for count in run.rows if count)
        cells = [
            _share(run.judged[each])
            for each in ("precision", "recall", "recall_with_review", "pairs_completeness")
        ]
        lines.append(f"| {name} | {there} | {' | '.join(cells)} |")
    lines += [
        "",
        "With intervals of 95%. The lists are made up: twins, siblings, juniors and namesakes among them, each person written down",
        "a second time by a source of any care; what a source leaves out or gets wrong is in `benchmarks/persons/rates.py`.",
    ]
    return "\n".join(lines) + "\n"


def _share(found: dict[str, Any]) -> str:
    low, high = found["interval"]
    return f"{found['value']:.4f} ({low:.4f} to {high:.4f})"


if __name__ == "__main__":
    lists()
