"""The rows that could not be read, in a file beside the pairs: where, which field, why, and the row as it stands.

Rules: only its owner can read the file, for it holds what the rows say; it is there only when a row was rejected. It takes the
place of an earlier run's when the run ends well; else that one stays.

Must not: show on a screen what a row says.
"""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Final, Self, TextIO

from kruispunt_processors.persons.rows import Fault

HEADER: Final = ("file", "line", "field", "reason", "row")
FIRST: Final = 5
"""Faults that are told at the end; all stand in the file."""


class Rejects:
    """Collects faults; as a context it ends its file."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._unfinished = path.with_name(f"{path.name}.unfinished")
        self.count = 0
        self.first: list[tuple[str, Fault]] = []
        self._file: TextIO | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if self._file is not None:
            self._file.close()
        if kind is not None:
            self._unfinished.unlink(missing_ok=True)
        elif self.count:
            self._unfinished.replace(self.path)
        else:
            self.path.unlink(missing_ok=True)

    def add(self, name: str, fault: Fault, cells: Sequence[str]) -> None:
        """Write one fault of a file."""
        self.count += 1
        if len(self.first) < FIRST:
            self.first.append((name, fault))
        if self._file is None:
            self._unfinished.unlink(missing_ok=True)
            descriptor = os.open(self._unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            self._file = os.fdopen(descriptor, "w", encoding="utf-8", newline="")
            self._write(HEADER)
        row = io.StringIO()
        csv.writer(row, lineterminator="").writerow(cells)
        self._write((name, fault.line, fault.field, fault.reason, row.getvalue()))

    def _write(self, cells: Sequence[object]) -> None:
        csv.writer(self._file or io.StringIO(), lineterminator="\n").writerow(cells)
