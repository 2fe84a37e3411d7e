"""A CSV file, row by row: whatever a row holds, the next one is read.

Rules
-----
1. The first line names the columns. The delimiter is given, or the one of `DELIMITERS` that cuts that line in most parts.
2. A byte that is not of the encoding, a field beyond `MAX_FIELD` or a broken quote makes a fault of that row and no other.
3. A line beyond `MAX_LINE` ends it all: that is no list. So what is in memory is bounded whatever the file is.
4. An error names file and line, never what stands there.

Must not: know what a column means.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from kruispunt_schemas.failures import ConfigurationError

from kruispunt_processors.persons.rows import Fault

DELIMITERS: Final = (",", ";", "\t", "|")
ENCODINGS: Final = ("utf-8", "utf-8-sig", "latin-1", "windows-1252")
MAX_LINE: Final = 1 << 20
"""Characters of one line."""
MAX_FIELD: Final = 1 << 14
"""Characters of one cell, which may hold line breaks."""
_UNDECODED: Final = re.compile("[\udc80-\udcff]")


@dataclass(slots=True)
class Table:
    """An open list. header: names of its columns. size: in bytes."""

    path: Path
    header: list[str]
    delimiter: str
    size: int
    encoding: str
    _raw: io.BufferedReader = field(repr=False)
    _lines: Iterator[str] = field(repr=False)
    _line: int = 1

    @property
    def position(self) -> int:
        """Return how many bytes were read, in steps of a buffer."""
        return self._raw.tell()

    def rows(self) -> Iterator[tuple[int, list[str], Fault | None]]:
        """Yield each row that is not empty: its first line (2 is the first after the header), cells, and a fault."""
        reader = csv.reader(self._counted(), delimiter=self.delimiter)
        while True:
            first = self._line + 1
            try:
                cells = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                yield first, [], Fault(first, "row", f"lines {first} to {self._line}: {error}")
                continue
            if any(not cell.isascii() and _UNDECODED.search(cell) for cell in cells):
                reason = f"not {self.encoding}: say which with --encoding"
                yield first, [_UNDECODED.sub("?", cell) for cell in cells], Fault(first, "row", reason)
            elif cells:
                yield first, cells, None

    def _counted(self) -> Iterator[str]:
        for line in self._lines:
            self._line += 1
            yield line


@contextmanager
def opened(path: Path, encoding: str = "utf-8", delimiter: str | None = None) -> Iterator[Table]:
    """Open a list; raise ConfigurationError for a file that is not there or is no list."""
    csv.field_size_limit(MAX_FIELD)
    # A byte order mark is dropped where there is one.
    codec = "utf-8-sig" if encoding == "utf-8" else encoding
    try:
        with (
            path.open("rb") as raw,
            io.TextIOWrapper(raw, codec, errors="surrogateescape", newline="") as text,
        ):
            lines = _lines(text, path)
            first = next(lines, "")
            header = _header(first, path, encoding, delimiter)
            size = path.stat().st_size
            yield Table(path, header[1], header[0], size, encoding, raw, lines)
    except OSError as error:
        raise ConfigurationError(f"{path}: {error.strerror or type(error).__name__}") from None


def _lines(text: io.TextIOWrapper, path: Path) -> Iterator[str]:
    number = 0
    while line := text.readline(MAX_LINE):
        number += 1
        if len(line) >= MAX_LINE:
            raise ConfigurationError(
                f"{path}: line {number} is longer than {MAX_LINE:,} characters: no list of rows"
            )
        yield line


def _header(line: str, path: Path, encoding: str, delimiter: str | None) -> tuple[str, list[str]]:
    if "\0" in line:
        raise ConfigurationError(f"{path}: no text of a byte a character; save it as UTF-8")
    if _UNDECODED.search(line):
        raise ConfigurationError(f"{path}: line 1 is not {encoding}: say which with --encoding")
    try:
        cut = {each: next(csv.reader([line], delimiter=each), []) for each in (delimiter or DELIMITERS)}
    except csv.Error as error:
        raise ConfigurationError(f"{path}: line 1: {error}") from None
    best = max(cut, key=lambda each: len(cut[each]))
    if not any(name.strip() for name in cut[best]):
        raise ConfigurationError(f"{path}: line 1 names no column")
    return best, cut[best]
