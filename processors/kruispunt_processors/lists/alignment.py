"""Two lists aligned, or one with itself: read, spooled, linked and written.

Rules
-----
1. A row that cannot be read, or whose id its list had before, goes to the file of rejects; nothing else stops for it.
2. Pairs stand in the order of the rows of B (of the one list), the most likely first. The same lists give the same file.
3. The files appear under their names when all is done: a run that ends before leaves none.

Must not: decide (`persons.linking`).
"""

from __future__ import annotations

import csv
from array import array
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from kruispunt_processors.lists.rejects import Rejects
from kruispunt_processors.lists.sources import STEP, Source, Tell
from kruispunt_processors.lists.spool import Spool, spool
from kruispunt_processors.persons.linking import ONE_TO_ONE, Best, Found, Pair, PairOutcome, pairs
from kruispunt_processors.persons.model import Model
from kruispunt_processors.persons.rows import Fault, Row

HEADER: Final = (
    "id_a", "id_b", "person", "outcome", "posterior", "weight", "found_by", "guards", "fields",
)  # fmt: skip
OUTCOME: Final = HEADER.index("outcome")
GUARDS: Final = HEADER.index("guards")


@dataclass(slots=True)
class Counts:
    """What became of the rows. compared: pairs of rows that share a key. cut: rows of which a key was cut."""

    rows_a: int = 0
    rows_b: int = 0
    compared: int = 0
    cut: int = 0
    links: int = 0
    reviews: int = 0


def align(
    a: Source, b: Source | None, out: Path, rejects: Rejects, model: Model, tell: Tell, *, one_to_one: bool
) -> Counts:
    """Link two lists, or one with itself, and write the pairs. Raise ConfigurationError for a file that is no list."""
    counts = Counts()
    unfinished = out.with_name(f"{out.name}.unfinished")
    with ExitStack() as stack:
        stack.callback(unfinished.unlink, missing_ok=True)
        rows = stack.enter_context(spool())
        for row in _rows(a, "a", rows, rejects, tell):
            rows.add(row)
        rows.complete()
        counts.rows_a = len(rows)
        best = Best(len(rows)) if one_to_one else None
        found = (
            _of_one(rows, model, counts, tell)
            if b is None
            else _of_two(_rows(b, "b", rows, rejects, tell), rows, model, counts)
        )
        with unfinished.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            for pair, identifiers in found:
                if best is not None:
                    best.note(pair)
                writer.writerow((pair.a, pair.b, *identifiers, *_cells(pair)))
        _finish(unfinished, out, best, counts)
    return counts


def _rows(source: Source, part: str, known: Spool, rejects: Rejects, tell: Tell) -> Iterator[Row]:
    """Yield the rows of a list that can be read; the others are rejected."""
    for row, cells in source.read(tell):
        if isinstance(row, Row):
            if not known.is_known(part, row.id):
                yield row
                continue
            fault = Fault(row.line, "id", "an earlier row has the same")
        else:
            fault = row
        rejects.add(source.path.name, fault, cells)


def _of_two(
    rows_of_b: Iterator[Row], rows: Spool, model: Model, counts: Counts
) -> Iterator[tuple[Pair, tuple[str, str, str]]]:
    """Yield the pairs of two lists, with the ids of the rows and of a's person."""
    for number, row in enumerate(rows_of_b):
        counts.rows_b += 1
        shared, cut = rows.sharing(row.particulars, len(rows))
        opened_rows = {each: rows.row(each) for each in shared}
        found = [
            Found(each, each, opened_rows[each][1], tuple(sorted(kinds))) for each, kinds in shared.items()
        ]
        counts.compared += len(found)
        for pair in pairs(number, row.particulars, found, model, cut=cut):
            identifier = opened_rows[pair.a][0]
            yield pair, (identifier, row.id, identifier)


def _of_one(
    rows: Spool, model: Model, counts: Counts, tell: Tell
) -> Iterator[tuple[Pair, tuple[str, str, str]]]:
    """Yield the pairs of one list; eight bytes a row say whose person each is."""
    persons = array("q", range(len(rows)))
    for number in range(len(rows)):
        identifier, row = rows.row(number)
        shared, cut = rows.sharing(row, number)
        opened_rows = {each: rows.row(each) for each in shared}
        found = [
            Found(each, persons[each], opened_rows[each][1], tuple(sorted(kinds)))
            for each, kinds in shared.items()
        ]
        counts.compared += len(found)
        for pair in pairs(number, row, found, model, cut=cut):
            if pair.outcome is PairOutcome.LINK:
                persons[number] = pair.person
            first = opened_rows.get(pair.person) or rows.row(pair.person)
            yield pair, (opened_rows[pair.a][0], identifier, first[0])
        if number % STEP == 0:
            tell("linking", number, len(rows))
    tell("linking", len(rows), len(rows))


def _cells(pair: Pair) -> tuple[str, ...]:
    return (
        pair.outcome.value,
        f"{pair.posterior:.9f}",
        f"{pair.weight:.2f}",
        " ".join(pair.found_by),
        " ".join(pair.guards),
        " ".join(f"{field}:{level}:{weight:+.2f}" for field, level, weight in pair.fields),
    )


def _finish(unfinished: Path, out: Path, best: Best | None, counts: Counts) -> None:
    """Write the pairs as they are now that all are known, and count them."""
    finished = out.with_name(f"{out.name}.finished")
    try:
        with (
            unfinished.open(encoding="utf-8", newline="") as source,
            finished.open("w", encoding="utf-8", newline="") as file,
        ):
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(HEADER)
            for a, b, *cells in csv.reader(source):
                if cells[OUTCOME] == PairOutcome.LINK and best is not None and not best.stays(int(a), int(b)):
                    cells[OUTCOME] = PairOutcome.REVIEW.value
                    cells[GUARDS] = ONE_TO_ONE
                writer.writerow(cells)
                if cells[OUTCOME] == PairOutcome.LINK:
                    counts.links += 1
                else:
                    counts.reviews += 1
        finished.replace(out)
    finally:
        finished.unlink(missing_ok=True)
