"""The rows of a list while it is linked: on disk, sealed, and found by their keys.

Rules
-----
1. Everything lies in one SQLite file in a directory of its own that nobody else can enter; it is removed at the end.
2. What a row says and its id are sealed (`persons.sealing`), and found by keyed hashes; the keys are drawn anew for each run
   and are in memory alone. What a killed run leaves behind can be read by nobody.
3. In memory: `CACHE` of pages and `BATCH` keys, however long the list is.
4. A key that more than `MAX_BLOCK` rows share is cut: the first of them are found, and it is said.

Must not: decide; outlive the run.
"""

from __future__ import annotations

import hmac
import os
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final
from uuid import UUID

from kruispunt_schemas.failures import ConfigurationError

from kruispunt_processors.persons.keys import KeyKind, blocking_keys
from kruispunt_processors.persons.normalisation import Particulars
from kruispunt_processors.persons.rows import Row
from kruispunt_processors.persons.sealing import KEY_BYTES, Sealer

CACHE: Final = 64
"""MiB of pages."""
BATCH: Final = 200_000
"""Keys that are sorted before they are written: in order they go in three times as fast."""
MAX_BLOCK: Final = 200
"""Rows that one key finds."""
_TABLES: Final = """
pragma journal_mode = off;
pragma synchronous = off;
pragma locking_mode = exclusive;
create table listed (number integer primary key, sealed blob not null);
create table identifier (hash blob primary key) without rowid;
create table key (value integer not null, number integer not null, primary key (value, number)) without rowid;
"""


class Spool:
    """The rows of a list, numbered from 0 in the order in which they are added."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._sealer = Sealer(os.urandom(KEY_BYTES))
        self._secret = os.urandom(32)
        self._keys: list[tuple[int, int]] = []
        self._count = 0
        self.blocks_cut = 0

    def __len__(self) -> int:
        return self._count

    def is_known(self, part: str, identifier: str) -> bool:
        """Note the id of a row; tell whether the same part, 'a' or 'b', had it before."""
        digest = hmac.digest(self._secret, f"{part} {identifier}".encode(), "sha256")[:16]
        return not self._connection.execute("insert or ignore into identifier values (?)", (digest,)).rowcount

    def add(self, row: Row) -> None:
        """Store a row; it is found after `complete`."""
        number, self._count = self._count, self._count + 1
        plain = row.id.encode("utf-8")
        plain = len(plain).to_bytes(2, "big") + plain + row.particulars.to_bytes()
        sealed = self._sealer.seal(UUID(int=number), plain)
        self._connection.execute("insert into listed values (?, ?)", (number, sealed))
        self._keys += [(key.value, number) for key in blocking_keys(row.particulars, self._secret)]
        if len(self._keys) >= BATCH:
            self.complete()

    def complete(self) -> None:
        """Write the keys that wait."""
        self._keys.sort()
        self._connection.executemany("insert into key values (?, ?)", self._keys)
        self._keys.clear()
        self._connection.execute("commit")
        self._connection.execute("begin")

    def row(self, number: int) -> tuple[str, Particulars]:
        """Return id and particulars of a row."""
        (sealed,) = self._connection.execute(
            "select sealed from listed where number = ?", (number,)
        ).fetchone()
        plain = self._sealer.open(UUID(int=number), sealed)
        length = 2 + int.from_bytes(plain[:2], "big")
        return plain[2:length].decode("utf-8"), Particulars.from_bytes(plain[length:])

    def sharing(self, row: Particulars, before: int) -> tuple[dict[int, list[KeyKind]], bool]:
        """Return the rows before a number that share a key with a row, by which kinds; and whether a key was cut."""
        found: dict[int, list[KeyKind]] = {}
        cut = False
        for key in blocking_keys(row, self._secret):
            numbers = self._connection.execute(
                "select number from key where value = ? and number < ? order by number limit ?",
                (key.value, before, MAX_BLOCK + 1),
            ).fetchall()
            if len(numbers) > MAX_BLOCK:
                cut = True
                numbers.pop()
            for (number,) in numbers:
                found.setdefault(number, []).append(key.kind)
        self.blocks_cut += cut
        return found, cut


@contextmanager
def spool() -> Iterator[Spool]:
    """Give an empty spool; it is gone afterwards. Raise ConfigurationError when the disk is full."""
    with tempfile.TemporaryDirectory(prefix="kruispunt-list-") as folder:
        path = Path(folder) / "rows.sqlite"
        with closing(sqlite3.connect(path, isolation_level=None)) as connection:
            connection.execute(f"pragma cache_size = -{CACHE * 1024}")
            connection.executescript(_TABLES)
            connection.execute("begin")
            try:
                yield Spool(connection)
            except sqlite3.OperationalError as error:
                reason = f"{error}: TMPDIR says where the rows lie while they are linked"
                raise ConfigurationError(f"{path.parent.parent}: {reason}") from None
