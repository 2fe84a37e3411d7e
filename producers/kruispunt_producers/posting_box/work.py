"""One transaction on a posting box: postings, versions, refusals and cursors, all or nothing.

Rules: made by `PostingBox.transaction` alone, which holds the write lock and commits or undoes. The bound and the
contract's size are checked before anything is written. Must not: commit.
"""

from __future__ import annotations

import json
import sqlite3
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

from kruispunt_schemas import identity, topics, tracing, wire
from kruispunt_schemas.codec import SignedBytes
from kruispunt_schemas.records.frame import Classification, Lifecycle
from kruispunt_schemas.tracing import Context

from kruispunt_producers.posting_box.failures import (
    BoxFullError,
    IdentifierConflictError,
    PostingTooLargeError,
)
from kruispunt_producers.posting_box.kept import Known, Origin, RefusalEntry

BATCH_OVERHEAD_BYTES: Final = 512
"""Room for Kafka's record batch and for the lengths of the headers, so that the broker takes what the box took."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How much may wait unsent: number of postings, and bytes with headers."""

    postings: int = 100_000
    queued_bytes: int = 1 << 30


@dataclass(frozen=True, slots=True)
class Enqueued:
    """``number``: place in the order of sending. ``repeated``: it was there already."""

    number: int
    repeated: bool


class Work:
    """One transaction on a box; made by `PostingBox.transaction` alone."""

    def __init__(self, db: sqlite3.Connection, participant: str, limits: Limits) -> None:
        self._db = db
        self._participant = participant
        self._limits = limits
        self.begun: list[tuple[Context, str]] = []
        """Traces that begin with this transaction, and the type of what was posted."""

    def enqueue(
        self,
        signed: SignedBytes,
        identifier: UUID,
        time: datetime,
        traceparent: str | None = None,
        origin: Origin | None = None,
    ) -> Enqueued:
        """Add one posting; ``origin`` when it is a version of a source record. See `PostingBox.enqueue`."""
        payload = signed.encoded()
        digest = identity.digest(payload)
        row = self._db.execute(
            "select number, digest from posting where identifier = ?", (str(identifier),)
        ).fetchone()
        if row is not None:
            if row[1] != digest:
                raise IdentifierConflictError(
                    "identifier-conflict", "header", f"{identifier} was enqueued before with other bytes"
                )
            return Enqueued(row[0], repeated=True)
        trace = Context.of(traceparent) or tracing.root()
        headers = wire.envelope(
            signed.schema,
            identifier=str(identifier),
            source=f"/participants/{self._participant}",
            time=time.astimezone(UTC),
            traceparent=str(trace),
        )
        size = (
            wire.PREFIX_BYTES + len(payload) + sum(len(name) + len(value) for name, value in headers)
        ) + BATCH_OVERHEAD_BYTES
        self._check_room(size)
        kept = (signed.header, signed.proof) if signed.schema.sections else (None, None)
        number = self._db.execute(
            "insert into posting (identifier, record_type, fingerprint, digest, payload, headers, size, enqueued_at,"
            " header, proof) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                str(identifier),
                signed.schema.name,
                signed.schema.fingerprint,
                digest,
                payload,
                json.dumps([(name, value.decode()) for name, value in headers]),
                size,
                time.astimezone(UTC).isoformat(),
                *kept,
            ),
        ).lastrowid
        if origin is not None:
            self._db.execute(
                "insert into version values (?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    origin.reference,
                    origin.version,
                    str(identifier),
                    origin.source,
                    signed.schema.name,
                    origin.lifecycle,
                    origin.classification,
                    origin.content,
                ),
            )
        if traceparent is None:
            self.begun.append((trace, signed.schema.name))
        return Enqueued(number or 0, repeated=False)

    def latest(self, reference: str) -> Known | None:
        """Return the latest version under a reference, None when there is none."""
        row = self._db.execute(
            "select signal_type, version, lifecycle, classification, content from version"
            " where reference = ? order by version desc limit 1",
            (reference,),
        ).fetchone()
        return (
            None
            if row is None
            else Known(
                signal_type=row[0],
                version=row[1],
                lifecycle=Lifecycle(row[2]),
                classification=Classification(row[3]),
                content=row[4],
            )
        )

    def refuse(self, entry: RefusalEntry) -> None:
        """Keep a refusal; a later one at the same position takes its place."""
        self._db.execute(
            "insert into refusal values (?, ?, ?, ?, ?) on conflict (source, position) do update"
            " set reason = excluded.reason, field = excluded.field, refused_at = excluded.refused_at",
            (entry.source, entry.position, entry.reason, entry.field, entry.refused_at.isoformat()),
        )

    def accept(self, source: str, position: str) -> None:
        """Forget the refusal of a position: the record there is good now."""
        self._db.execute("delete from refusal where source = ? and position = ?", (source, position))

    def set_cursor(self, source: str, value: str) -> None:
        """Move the source's cursor."""
        self._db.execute(
            "insert into cursor values (?, ?) on conflict (source) do update set value = excluded.value",
            (source, value),
        )

    def _check_room(self, size: int) -> None:
        if size > topics.MAX_POSTING_BYTES:
            raise PostingTooLargeError(
                "too-large",
                "",
                f"{size} bytes with headers; a posting has at most {topics.MAX_POSTING_BYTES}",
            )
        queued, total = self._db.execute("select queued, bytes from tally").fetchone()
        if queued >= self._limits.postings or total + size > self._limits.queued_bytes:
            raise BoxFullError(
                f"the posting box of {self._participant} is full: {queued} postings ({total} bytes) wait unsent,"
                f" the bound is {self._limits.postings} ({self._limits.queued_bytes} bytes);"
                " start or mend the flusher, then try again"
            )
