"""The durable outbox of one participant: SQLite, write-ahead log, fsync at every commit.

Rules
-----
1. What `enqueue` returned from is on disk; nothing is sent that was not committed first.
2. Idempotent by identifier: the same id with the same bytes is a no-op, with other bytes IdentifierConflictError.
3. Headers, the trace parent among them, are fixed at enqueue; a repeat is sent with the same ones. The registry's id
   is not part of the payload: the flusher puts it in front.
4. A transaction (`PostingBox.transaction`) holds postings, refusals and the source's cursor: all or nothing.
5. Beyond `Limits` enqueue raises BoxFullError and the whole transaction is undone.
6. The folder bears the participant's name: ``DATA/agencies/PARTICIPANT/outbox.sqlite``.

Any process of the participant opens a box of its own; a box belongs to the thread that opened it. Must not: know
Kafka, sign, or look into a payload.
"""

from __future__ import annotations

import fcntl
import json
import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from time import time_ns
from types import TracebackType
from typing import Final, Self
from uuid import UUID

from kruispunt_schemas import topics, tracing
from kruispunt_schemas.codec import SignedBytes
from kruispunt_schemas.failures import ConfigurationError, KruispuntError
from kruispunt_schemas.records.frame import Lifecycle
from kruispunt_schemas.wire import Headers

from kruispunt_producers.posting_box import tables
from kruispunt_producers.posting_box.kept import Kept, RefusalEntry, Summary
from kruispunt_producers.posting_box.work import Enqueued, Limits, Work

FILE: Final = "outbox.sqlite"
AGENCIES: Final = "agencies"


@dataclass(frozen=True, slots=True)
class Queued:
    """A posting that waits: Avro bytes without the registry's prefix, and its headers."""

    number: int
    fingerprint: bytes
    payload: bytes
    headers: Headers


def box_path(data: Path, participant: str) -> Path:
    """Return where a participant's box lies in a data directory."""
    return data / AGENCIES / participant / FILE


class PostingBox:
    """One participant's box; opening creates it. Close it, or use it as a context manager."""

    def __init__(self, path: Path, limits: Limits | None = None) -> None:
        self.path = path
        self.participant = path.parent.name
        self.limits = limits or Limits()
        if topics.PARTICIPANT.fullmatch(self.participant) is None:
            raise ConfigurationError(f"{path}: the folder of a posting box bears the participant's name")
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        try:
            self._db = _opened(path)
        except sqlite3.Error as error:
            raise ConfigurationError(f"{path} cannot be opened as a posting box ({error})") from None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file; what was enqueued is on disk already."""
        self._db.close()

    def enqueue(
        self, signed: SignedBytes, identifier: UUID, time: datetime, traceparent: str | None = None
    ) -> Enqueued:
        """Put one posting in the box and return once it is on disk.

        identifier: the record's own id. time: aware UTC, when the participant made it. Raise BoxFullError,
        IdentifierConflictError or PostingTooLargeError; then nothing was kept.
        """
        with self.transaction() as work:
            return work.enqueue(signed, identifier, time, traceparent)

    @contextmanager
    def transaction(self) -> Iterator[Work]:
        """Hold the write lock; commit at the end, undo everything when an error passes through."""
        try:
            began = time_ns()
            self._db.execute("begin immediate")
            work = Work(self._db, self.participant, self.limits)
            try:
                yield work
            except BaseException:
                self._db.execute("rollback")
                raise
            self._db.execute("commit")
        except sqlite3.Error as error:
            raise KruispuntError(f"{self.path}: {type(error).__name__}: {error}") from None
        if tracing.active():
            for context, record_type in work.begun:
                tracing.record("enqueue", context, times=(began, time_ns()), record_type=record_type)

    def queued(self, after: int = 0, limit: int = 500) -> list[Queued]:
        """Return what waits with a number above ``after``, in order."""
        rows = self._db.execute(
            "select number, fingerprint, payload, headers from posting"
            " where broker_offset is null and number > ? order by number limit ?",
            (after, limit),
        )
        return [
            Queued(number, fingerprint, payload, [(name, value.encode()) for name, value in json.loads(text)])
            for number, fingerprint, payload, text in rows
        ]

    def acknowledge(self, delivered: Sequence[tuple[int, int]]) -> None:
        """Mark (number, offset) pairs as taken by the broker, and let go of their payloads."""
        with self.transaction():
            self._db.executemany(
                "update posting set broker_offset = ?2, payload = null where number = ?1 and broker_offset is null",
                delivered,
            )
            self._db.execute("delete from trouble")

    def report_trouble(self, text: str | None, since: datetime) -> None:
        """Keep why nothing is being sent, for `status`; None when all is well again."""
        with self.transaction():
            if text is None:
                self._db.execute("delete from trouble")
            else:
                self._db.execute(
                    "insert into trouble values (1, ?, ?) on conflict (one) do update set text = excluded.text",
                    (text, since.isoformat()),
                )

    def cursor(self, source: str) -> str | None:
        """Return the source's cursor, None before its first pass."""
        row = self._db.execute("select value from cursor where source = ?", (source,)).fetchone()
        return None if row is None else str(row[0])

    def kept(self, reference: str, version: int) -> Kept | None:
        """Return what is kept for good of a signal's version."""
        row = self._db.execute(
            "select identifier, fingerprint, header, proof from posting natural join version"
            " where reference = ? and version = ?",
            (reference, version),
        ).fetchone()
        return (
            None
            if row is None
            else Kept(
                identifier=UUID(row[0]),
                fingerprint=row[1],
                header=row[2],
                proof=row[3],
                reference=reference,
                version=version,
            )
        )

    def live_references(self, source: str) -> frozenset[str]:
        """Return the references from a source whose latest version is no recall."""
        rows = self._db.execute(
            "select reference, lifecycle, max(version) from version where source = ? group by reference",
            (source,),
        )
        return frozenset(reference for reference, lifecycle, _ in rows if lifecycle != Lifecycle.RECALL)

    def refusals(self) -> list[RefusalEntry]:
        """Return the source records that stand refused, by source and position."""
        rows = self._db.execute("select * from refusal order by source, refused_at, position")
        return [
            RefusalEntry(
                source=source,
                position=position,
                reason=reason,
                field=field,
                refused_at=datetime.fromisoformat(at),
            )
            for source, position, reason, field, at in rows
        ]

    def summary(self) -> Summary:
        """Return the state of the box."""
        queued, size = self._db.execute("select queued, bytes from tally").fetchone()
        total, last, oldest, signals = self._db.execute(
            "select count(*), max(broker_offset), (select min(enqueued_at) from posting where broker_offset is null),"
            " (select count(*) from version) from posting"
        ).fetchone()
        trouble = self._db.execute("select text, since from trouble").fetchone()
        return Summary(
            participant=self.participant,
            queued=queued,
            queued_bytes=size,
            acknowledged=total - queued,
            last_offset=last,
            oldest_queued_at=None if oldest is None else datetime.fromisoformat(oldest),
            signals=signals,
            refusals=self._db.execute("select count(*) from refusal").fetchone()[0],
            cursors=tuple(self._db.execute("select source, value from cursor order by source")),
            trouble=None if trouble is None else trouble[0],
            trouble_since=None if trouble is None else datetime.fromisoformat(trouble[1]),
        )

    def waiting(self) -> int:
        """Return how many postings the broker has not taken."""
        return int(self._db.execute("select queued from tally").fetchone()[0])


def _opened(path: Path) -> sqlite3.Connection:
    """Open or create the file; the lock on the folder keeps two creators apart."""
    folder = os.open(path.parent, os.O_RDONLY | os.O_CLOEXEC)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        path.touch(mode=0o600)
        db = sqlite3.connect(path, isolation_level=None, timeout=30.0)
        for pragma in tables.PRAGMAS:
            db.execute(pragma)
        layout = db.execute("pragma user_version").fetchone()[0]
        if layout == 0:
            db.execute("begin immediate")
            for statement in tables.STATEMENTS:
                db.execute(statement)
            db.execute("commit")
        elif layout != tables.LAYOUT:
            db.close()
            raise ConfigurationError(f"{path} has layout {layout}; this program knows {tables.LAYOUT}")
        return db
    finally:
        os.close(folder)
