"""A directory of export files, read whole whenever a file is new or changed.

Rules
-----
1. The cursor holds the SHA-256 of each file that was read to its end. A changed file is read again from its first
   line: what did not change publishes nothing, for the posting box compares contents.
2. An export is put in place by renaming; a name that starts with a dot or ends in ``.part`` is not there yet.
3. Files are read in the order of their names, which exports begin with their date.
4. A line that cannot be read is a refusal at ``FILE:LINE``; the next line is read all the same.
5. Nothing counts as deleted because a file or a line is missing: an export is an extract.

Must not: know a column.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from kruispunt_schemas.failures import ConfigurationError, UnavailableError

from kruispunt_producers.adapters.protocol import Batch, Located
from kruispunt_producers.adapters.row import Refusal, Row

Records = Callable[[bytes], Iterator[tuple[int, Row | Refusal]]]
"""Cuts the bytes of a file into records, each with its line number (from 1)."""

BATCH_RECORDS: Final = 200


class ExportFolder:
    """The files of a directory that match a pattern, cut into records by ``records``."""

    def __init__(self, folder: str, pattern: str, records: Records) -> None:
        self._folder = Path(folder).expanduser().resolve()
        self._pattern = pattern
        self._records = records
        if not self._folder.is_dir():
            raise ConfigurationError(f"{self._folder} is no directory: the exports are expected there")

    @property
    def name(self) -> str:
        """Return the directory."""
        return str(self._folder)

    def batches(self, cursor: str | None) -> Iterator[Batch]:
        """Yield the records of new and changed files; the cursor moves at the end of each file."""
        seen: dict[str, str] = json.loads(cursor) if cursor else {}
        reread = False
        for path in sorted(self._folder.glob(self._pattern)):
            if path.name.startswith(".") or path.name.endswith(".part"):
                continue
            try:
                content = path.read_bytes()
            except OSError as error:
                raise UnavailableError(f"{path} cannot be read ({error.strerror})") from None
            digest = hashlib.sha256(content).hexdigest()
            if seen.get(path.name) == digest and not reread:
                continue
            # What an older export says must not outlast a newer one: those after a changed file are read again.
            reread = True
            seen[path.name] = digest
            yield from self._file(path.name, content, json.dumps(seen, sort_keys=True))

    def references(self) -> frozenset[str] | None:
        """Return None: an export does not tell what was deleted."""
        return None

    def close(self) -> None:
        """Nothing is held open."""

    def _file(self, name: str, content: bytes, cursor: str) -> Iterator[Batch]:
        held: list[Located] = []
        for line, record in self._records(content):
            held.append(Located(f"{name}:{line}", record))
            if len(held) == BATCH_RECORDS:
                yield Batch(tuple(held), None)
                held.clear()
        yield Batch(tuple(held), cursor)
