"""CSV in the style of a police export: semicolons, Latin-1, one record on one line, the columns named on the first.

Rules
-----
1. A line is a record; a quoted field that does not end on its line is a broken line.
2. A line with too few or too many fields, or with quotes that make no sense, is a refusal of ``line``.
3. A file whose first line does not name the columns is refused as a whole, at its first line.

Must not: raise, whatever the bytes.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Sequence
from typing import Final

from kruispunt_producers.adapters.export_folder import ExportFolder, Records
from kruispunt_producers.adapters.row import Refusal, Row

ENCODING: Final = "latin-1"
SEPARATOR: Final = ";"
PATTERN: Final = "*.csv"
WHOLE_LINE: Final = "line"


def csv_folder(columns: Sequence[str]) -> Callable[[str], ExportFolder]:
    """Return what opens a directory of such exports with these columns."""
    return lambda folder: ExportFolder(folder, PATTERN, csv_records(columns))


def csv_records(columns: Sequence[str]) -> Records:
    """Return what cuts an export with these columns into records."""
    expected = list(columns)

    def records(content: bytes) -> Iterator[tuple[int, Row | Refusal]]:
        lines = content.decode(ENCODING).split("\n")
        if _fields(lines[0]) != expected:
            yield 1, Refusal("heading", WHOLE_LINE)
            return
        for number, line in enumerate(lines[1:], start=2):
            if not line.strip():
                continue
            fields = _fields(line)
            if fields is None:
                yield number, Refusal("quoting", WHOLE_LINE)
            elif len(fields) != len(expected):
                yield number, Refusal("columns", WHOLE_LINE)
            else:
                yield number, Row(dict(zip(expected, fields, strict=True)))

    return records


def _fields(line: str) -> list[str] | None:
    """Return the fields of a line, None when its quotes make no sense."""
    try:
        return next(csv.reader([line.removesuffix("\r")], delimiter=SEPARATOR, strict=True), [])
    except csv.Error:
        return None
