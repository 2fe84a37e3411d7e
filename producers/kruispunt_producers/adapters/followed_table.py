"""A table of a PostgreSQL database that is not ours, followed by the horizon of its transactions.

Rules
-----
1. A plain "id above the cursor" skips a row whose transaction began early and commits late. So the cursor is the
   snapshot's ``xmin``: every transaction below it had ended when the pass read the table. The next pass reads each row
   whose own ``xmin`` lies at or above it. Rows between may be read twice; the posting box compares contents.
2. A row's ``xmin`` has 32 bits; it is brought to 64 with the snapshot's ``xmax``. A row frozen more than 2^32
   transactions ago may look new: it is read again, and publishes nothing.
3. The cursor names the database system and the database too: in another one the numbers mean nothing, and the table is read
   from the start. So it is when the horizon went back (a restored copy).
4. One pass is one read-only transaction at repeatable read: horizon and rows belong to one snapshot.
5. `references` tells what was deleted.

Must not: write, add a column, or show a value of a row in an error.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from kruispunt_schemas.failures import ConfigurationError, UnavailableError

from kruispunt_producers.adapters.protocol import Batch, Located
from kruispunt_producers.adapters.row import Row

if TYPE_CHECKING:
    import psycopg

BATCH_ROWS: Final = 200
CONNECT_SECONDS: Final = 10

_SNAPSHOT: Final = """
select (select system_identifier from pg_control_system())::text,
       (select oid from pg_database where datname = current_database())::text,
       pg_snapshot_xmin(pg_current_snapshot())::text::bigint,
       pg_snapshot_xmax(pg_current_snapshot())::text::bigint
"""
_ROWS: Final = """
select * from {table} as source
 where %(next)s::bigint - mod(%(next)s::bigint - source.xmin::text::bigint, 4294967296) >= %(horizon)s::bigint
 order by source.{key}
"""


@dataclass(frozen=True, slots=True)
class _Snapshot:
    database: str
    horizon: int
    next: int


def followed_table(table: str, key: str) -> Callable[[str], FollowedTable]:
    """Return what opens this table of a database, by URL; ``key`` is the column of the reference."""
    return lambda url: FollowedTable(url, table, key)


class FollowedTable:
    """One table; ``key`` is the text column of the reference."""

    def __init__(self, url: str, table: str, key: str) -> None:
        self._url = url
        self._table = table
        self._key = key

    @property
    def name(self) -> str:
        """Return the table's name; where the database is stands in the cursor."""
        return self._table

    def batches(self, cursor: str | None) -> Iterator[Batch]:
        """Yield the rows that changed since the cursor; it moves with the last batch."""
        from psycopg import sql  # noqa: PLC0415 - a driver is an extra; `_connected` says so when it is missing

        with self._connected() as connection:
            snapshot = self._snapshot(connection)
            moved = json.dumps({"database": snapshot.database, "horizon": snapshot.horizon})
            query = sql.SQL(_ROWS).format(table=sql.Identifier(self._table), key=sql.Identifier(self._key))
            with connection.cursor(name="followed") as rows:
                rows.itersize = BATCH_ROWS
                rows.execute(query, {"next": snapshot.next, "horizon": _horizon(cursor, snapshot)})
                columns = [column.name for column in rows.description or ()]
                while found := rows.fetchmany(BATCH_ROWS):
                    records = tuple(self._located(columns, values) for values in found)
                    yield Batch(records, None)
            yield Batch((), moved)

    def references(self) -> frozenset[str] | None:
        """Return the key of every row."""
        from psycopg import sql  # noqa: PLC0415 - see above

        query = sql.SQL("select {key}::text from {table}").format(
            table=sql.Identifier(self._table), key=sql.Identifier(self._key)
        )
        with self._connected() as connection:
            return frozenset(str(row[0]).strip() for row in connection.execute(query))

    def close(self) -> None:
        """Nothing is held open between passes."""

    def _located(self, columns: list[str], values: tuple[object, ...]) -> Located:
        row = dict(zip(columns, values, strict=True))
        return Located(str(row.get(self._key)).strip(), Row(row))

    def _snapshot(self, connection: psycopg.Connection[tuple[object, ...]]) -> _Snapshot:
        found = connection.execute(_SNAPSHOT).fetchone()
        system, database, horizon, following = found or ("", "", 0, 0)
        return _Snapshot(f"{system}/{database}", int(str(horizon)), int(str(following)))

    @contextmanager
    def _connected(self) -> Iterator[psycopg.Connection[tuple[object, ...]]]:
        try:
            import psycopg  # noqa: PLC0415 - see above
        except ImportError:
            raise ConfigurationError(
                "the PostgreSQL driver is not installed: install kruispunt-producers[postgresql]"
            ) from None
        try:
            connection = psycopg.connect(
                self._url, connect_timeout=CONNECT_SECONDS, application_name="kruispunt agency"
            )
        except psycopg.Error as error:
            reason = (str(error).splitlines() or [""])[0]
            raise UnavailableError(f"the source database does not answer: {reason}") from None
        try:
            with connection:
                connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
                connection.read_only = True
                yield connection
        except psycopg.errors.UndefinedTable:
            raise ConfigurationError(f"the source database has no table {self._table}") from None
        except psycopg.Error as error:
            raise UnavailableError(
                f"the source table {self._table} cannot be read ({type(error).__name__})"
            ) from None


def _horizon(cursor: str | None, snapshot: _Snapshot) -> int:
    """Return from which transaction on rows are read."""
    if cursor is None:
        return 0
    kept = json.loads(cursor)
    horizon = int(kept["horizon"])
    return horizon if kept["database"] == snapshot.database and horizon <= snapshot.horizon else 0
