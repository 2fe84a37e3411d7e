"""A list with its columns: rows as the resolver sees them.

Must not: keep a row.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from kruispunt_schemas.failures import ConfigurationError

from kruispunt_processors.lists.reading import opened
from kruispunt_processors.persons.columns import Columns, parse_columns, placing
from kruispunt_processors.persons.model import Model
from kruispunt_processors.persons.rows import Fault, Row, read_row

STEP = 1_000
"""Rows between two tellings of progress."""

Tell = Callable[[str, int, int], None]
"""Is told what is being done, how much of it is done, and of how much."""


@dataclass(frozen=True, slots=True)
class Source:
    """A list. delimiter: None to find it."""

    path: Path
    columns: Columns
    encoding: str = "utf-8"
    delimiter: str | None = None

    def read(self, tell: Tell) -> Iterator[tuple[Row | Fault, list[str]]]:
        """Yield each row, or why it cannot be read, and its cells. Raise ConfigurationError for a file that is no list."""
        what = f"reading {self.path.name}"
        with opened(self.path, self.encoding, self.delimiter) as table:
            places = placing(self.columns, table.header, self.path.name)
            for place, (line, cells, fault) in enumerate(table.rows()):
                yield fault or read_row(places, line, cells), cells
                if place % STEP == 0:
                    tell(what, table.position, table.size)
            tell(what, table.size, table.size)

    def rows(self, tell: Tell) -> Iterator[Row]:
        """Yield the rows that can be read."""
        return (row for row, _ in self.read(tell) if isinstance(row, Row))


def columns(fields: Path | None, part: str, model: Model) -> Columns:
    """Return what a map says of a file: part 'a' or 'b'. Raise ConfigurationError for a map that is none."""
    if fields is None:
        return Columns()
    try:
        text = fields.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError):
        raise ConfigurationError(f"{fields} is no readable UTF-8 text") from None
    return parse_columns(text, part, frozenset(model.extra))
