"""Files of pairs: what is true, and what ``link`` wrote.

Rule: a file that has a row that is no pair is refused with its line, for figures over a part of it would be wrong. Must not:
judge.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from kruispunt_schemas.failures import ConfigurationError

from kruispunt_processors.lists.reading import opened
from kruispunt_processors.persons.evaluation import FoundPair, Ids
from kruispunt_processors.persons.linking import PairOutcome

IDS: Final = ("id_a", "id_b")


def read_truth(path: Path) -> list[Ids]:
    """Return the pairs of a file with the columns id_a and id_b; others are not looked at."""
    return [(row["id_a"], row["id_b"]) for _, row in _rows(path, IDS)]


def read_found(path: Path) -> tuple[list[FoundPair], bool]:
    """Return the pairs that ``link`` wrote, and whether they have a posterior.

    A file without outcome has links alone; one without posterior cannot be drawn.
    """
    found, scored = [], True
    for line, row in _rows(path, IDS):
        outcome = row.get("outcome", PairOutcome.LINK.value)
        if outcome not in tuple(PairOutcome):
            raise ConfigurationError(f"{path} line {line}: outcome: neither link nor review")
        scored = scored and "posterior" in row
        try:
            posterior = float(row.get("posterior", "1"))
        except ValueError:
            posterior = -1.0
        if not 0.0 <= posterior <= 1.0:
            raise ConfigurationError(f"{path} line {line}: posterior: not a number from 0 to 1")
        found.append(FoundPair((row["id_a"], row["id_b"]), outcome == PairOutcome.LINK, posterior))
    return found, scored


def _rows(path: Path, needed: tuple[str, ...]) -> Iterator[tuple[int, dict[str, str]]]:
    with opened(path) as table:
        names = [name.strip() for name in table.header]
        for name in needed:
            if name not in names:
                raise ConfigurationError(
                    f"{path} has no column {name}: a file of pairs has {' and '.join(needed)}"
                )
        for line, cells, fault in table.rows():
            if fault is not None or len(cells) != len(names):
                reason = (
                    fault.reason
                    if fault is not None
                    else f"{len(cells)} cells where {len(names)} are expected"
                )
                raise ConfigurationError(f"{path} line {line}: {reason}")
            row = {name: cell.strip() for name, cell in zip(names, cells, strict=True)}
            if not (row["id_a"] and row["id_b"]):
                raise ConfigurationError(f"{path} line {line}: a pair has two ids")
            yield line, row
