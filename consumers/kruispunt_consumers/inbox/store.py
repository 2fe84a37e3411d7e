"""The inbox on disk: SQLite, one file for each participant, readable by its owner only.

Rules
-----
1. What was read, what it changes, the receipts it owes and the next offset are committed in one transaction.
2. An output id is kept once. A rejected one may later be accepted; an accepted one never changes its bytes.
3. Content of a withdrawn view is erased from the file, from the write-ahead log too; the reference stays.
4. Any process of the participant may read; one follower at a time writes (`follower` holds the lock), besides.

Must not: verify, decide what follows from what (`intake`), or know Kafka.
"""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Final, Self
from uuid import UUID

from kruispunt_schemas import identity
from kruispunt_schemas.failures import KruispuntError
from kruispunt_schemas.records.backbone import Status
from kruispunt_schemas.records.judgements import PseudonymChange
from kruispunt_schemas.records.postings import ReceiptResult

from kruispunt_consumers.inbox import rows, tables
from kruispunt_consumers.inbox.kept import Alert, Content, Item, KeptStatus, OwedReceipt, Renamed, State
from kruispunt_consumers.inbox.verification import Accepted

FOLDER: Final = "inbox"
_SELECT_ITEM: Final = f"select {rows.ITEM_COLUMNS} from item"  # noqa: S608 - names of columns only


class StoreError(KruispuntError):
    """The inbox's file is missing, of another layout, or cannot be read or written."""


def store_path(data: Path, participant: str) -> Path:
    """Return the file of a participant's inbox."""
    return data / FOLDER / f"{participant}.sqlite"


class InboxStore:
    """The inbox of one participant; made when it does not exist and ``create`` says so."""

    def __init__(self, path: Path, *, create: bool = True) -> None:
        self._path = path
        if not path.exists() and not create:
            raise StoreError(
                f"no inbox in {path}: receive first, with `kruispunt inbox follow --as {path.stem} --once`"
            )
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
        path.chmod(0o600)  # -wal and -shm take the mode of the file
        with self._named():
            self._db = sqlite3.connect(path, isolation_level=None)
            self._db.row_factory = sqlite3.Row
            for pragma in tables.PRAGMAS:
                self._db.execute(pragma)
            self._lay_out()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Commit everything done inside, or nothing."""
        with self._named():
            self._db.execute("begin immediate")
            try:
                yield
            except BaseException:
                self._db.execute("rollback")
                raise
            self._db.execute("commit")

    # What the follower writes, each inside a transaction.

    def accepted_digest(self, output_id: UUID) -> bytes | None:
        """Return the digest of an output that was accepted, None for one that is new or was rejected."""
        row = self._one("select digest from item where output_id = ? and state <> 'rejected'", str(output_id))
        return None if row is None else bytes(row["digest"])

    def originator_of(self, output_id: UUID) -> str | None:
        """Return the originator of an accepted view, None when there is none."""
        row = self._one("select originator from item where output_id = ?", str(output_id))
        return None if row is None else row["originator"]

    def keep_view(self, item: Item, accepted: Accepted, *, with_content: bool) -> None:
        """Keep an accepted view or recall; it takes the place of a rejection under the same id."""
        view = accepted.view
        self._put(item, view.digest)
        self._db.execute(
            "update item set fingerprint = ?, payload = ?, public_key = ?, key_id = ?, bundle = ? where output_id = ?",
            (
                view.signed.schema.fingerprint,
                view.payload if with_content else None,
                accepted.public_key,
                view.proof.key_id,
                accepted.bundle,
                str(item.output_id),
            ),
        )

    def keep_notice(self, item: Item, digest: bytes) -> None:
        """Keep a withdrawal, or the id of a rejected output."""
        self._put(item, digest)

    def rename(self, change: PseudonymChange) -> None:
        """Keep a change of the pseudonyms of a view, whether or not the view has arrived."""
        self._db.execute(
            "insert or ignore into renamed (output_id, view, originator, persons, changed_at) values (?, ?, ?, ?, ?)",
            (
                str(change.output_id),
                str(change.view),
                change.originator,
                json.dumps(change.persons),
                rows.time_text(change.changed_at),
            ),
        )

    def end(self, output_id: UUID, *, by: UUID, state: State, originator: str) -> bool:
        """Mark a view as replaced or withdrawn; tell whether one that could be shown no longer can, or is no longer current."""
        self._db.execute(
            "insert or ignore into ended values (?, ?, ?, ?)", (str(output_id), str(by), state, originator)
        )
        before = ("current",) if state is State.REPLACED else ("current", "replaced")
        places = ", ".join("?" for _ in before)
        changed = self._db.execute(
            f"update item set state = ?, ended_by = ? where output_id = ? and originator = ? and state in ({places})",  # noqa: S608 - marks only
            (state, str(by), str(output_id), originator, *before),
        ).rowcount
        if state is State.WITHDRAWN:
            self._db.execute(
                "update item set payload = null where output_id = ? and state = 'withdrawn'",
                (str(output_id),),
            )
        return changed > 0

    def ended_already(self, output_id: UUID, originator: str) -> tuple[State, UUID] | None:
        """Return what an earlier record of the topic said of an output that had not arrived yet."""
        row = self._one(
            "select state, by_output from ended where output_id = ? and originator = ? order by state desc limit 1",
            str(output_id),
            originator,
        )
        return None if row is None else (State(row["state"]), UUID(row["by_output"]))

    def keep_status(self, status: Status) -> bool:
        """Keep a status; tell whether it was new."""
        posting = status.posting
        return (
            self._db.execute(
                "insert or ignore into status values (?, ?, ?, ?, ?, ?, ?)",
                (
                    str(status.output_id),
                    posting.offset,
                    status.record_type,
                    rows.optional_text(status.signal_id),
                    status.verdict.value,
                    status.reason,
                    status.field,
                ),
            ).rowcount
            > 0
        )

    def raise_alert(self, alert: Alert) -> bool:
        """Keep an alert; tell whether it was new."""
        return (
            self._db.execute(
                "insert or ignore into alert (kind, broker_offset, until, output_id, reason, field, raised_at) "
                "values (?, ?, ?, ?, ?, ?, ?)",
                (
                    alert.kind,
                    alert.offset,
                    alert.until,
                    rows.optional_text(alert.output_id),
                    alert.reason,
                    alert.field,
                    rows.time_text(alert.raised_at),
                ),
            ).rowcount
            > 0
        )

    def owe(
        self, participant: str, output_id: UUID, result: ReceiptResult, reason: str | None, at: datetime
    ) -> None:
        """Owe a receipt; the first of an output and result stands, with its reason and time."""
        receipt = identity.receipt_id(participant, output_id, result)
        self._db.execute(
            "insert or ignore into receipt values (?, ?, ?, ?, ?, 0)",
            (str(receipt), str(output_id), result.value, reason, rows.time_text(at)),
        )

    def advance(self, next_offset: int) -> None:
        """Set the offset to read next; it never goes back."""
        self._db.execute("update position set next_offset = max(next_offset, ?)", (next_offset,))

    def restart_at(self, offset: int) -> None:
        """Set the offset to read next on a topic that was made anew."""
        self._db.execute("update position set next_offset = ?", (offset,))

    def mark_posted(self, receipts: Iterable[UUID]) -> None:
        """Note that the posting box has these receipts."""
        self._db.executemany(
            "update receipt set posted = 1 where receipt_id = ?", [(str(item),) for item in receipts]
        )

    def forget_erased(self) -> None:
        """Empty the write-ahead log, so that erased content is not in it either; a reader may delay it."""
        with self._named():
            self._db.execute("pragma wal_checkpoint(truncate)").fetchall()

    # What everybody reads.

    def next_offset(self) -> int:
        """Return the offset to read next."""
        row = self._one("select next_offset from position")
        return 0 if row is None else int(row["next_offset"])

    def owed(self, limit: int = 500) -> tuple[OwedReceipt, ...]:
        """Return receipts that the posting box may not have yet."""
        found = self._all("select * from receipt where posted = 0 order by stored_at, rowid limit ?", limit)
        return tuple(rows.receipt_of(row) for row in found)

    def items(self) -> tuple[Item, ...]:
        """Return everything received, in the order of the topic."""
        return tuple(rows.item_of(row) for row in self._all(f"{_SELECT_ITEM} order by broker_offset"))

    def find(self, prefix: str) -> tuple[Item, ...]:
        """Return the outputs whose id begins so."""
        found = self._all(f"{_SELECT_ITEM} where substr(output_id, 1, ?) = ?", len(prefix), prefix)
        return tuple(rows.item_of(row) for row in found)

    def content(self, output_id: UUID) -> Content | None:
        """Return a view with its content, None when there is none to show."""
        row = self._one("select * from item where output_id = ? and payload is not null", str(output_id))
        if row is None:
            return None
        item = rows.item_of(row)
        return Content(
            item=item,
            fingerprint=bytes(row["fingerprint"]),
            payload=bytes(row["payload"]),
            public_key=bytes(row["public_key"]),
            key_id=row["key_id"],
            bundle=row["bundle"],
            renamed=self._renamed(output_id, row["originator"]),
        )

    def item(self, output_id: UUID) -> Item | None:
        """Return one output, None when there is none."""
        row = self._one(f"{_SELECT_ITEM} where output_id = ?", str(output_id))
        return None if row is None else rows.item_of(row)

    def _renamed(self, view: UUID, originator: str) -> Renamed | None:
        row = self._one(
            "select * from renamed where view = ? and originator = ? order by number desc limit 1",
            str(view),
            originator,
        )
        return None if row is None else rows.renamed_of(row)

    def alerts(self) -> tuple[Alert, ...]:
        """Return every alert, oldest first."""
        return tuple(rows.alert_of(row) for row in self._all("select * from alert order by number"))

    def statuses(self) -> tuple[KeptStatus, ...]:
        """Return what admission did with each own posting, in the order of posting."""
        return tuple(rows.status_of(row) for row in self._all("select * from status order by posting_offset"))

    def _lay_out(self) -> None:
        if self._layout() == tables.LAYOUT:
            return
        self._db.execute("begin immediate")
        found = self._layout()
        if found == 0:
            for statement in tables.STATEMENTS:
                self._db.execute(statement)
        while 0 < found < tables.LAYOUT and found in tables.STEPS:
            for statement in tables.STEPS[found]:
                self._db.execute(statement)
            found += 1
            self._db.execute(f"pragma user_version = {found}")
        self._db.execute("commit")
        if found not in (0, tables.LAYOUT):
            raise StoreError(
                f"{self._path} has layout {found}, this program knows {tables.LAYOUT}: install the release that wrote it"
            )

    def _layout(self) -> int:
        return int(self._db.execute("pragma user_version").fetchone()[0])

    def _put(self, item: Item, digest: bytes) -> None:
        columns = f"{rows.ITEM_COLUMNS}, digest"
        marks = ", ".join("?" for _ in columns.split(","))
        self._db.execute(
            f"insert or replace into item ({columns}) values ({marks})",  # noqa: S608 - names and marks only
            (*rows.item_values(item), digest),
        )

    def _one(self, statement: str, *values: object) -> sqlite3.Row | None:
        with self._named():
            row: sqlite3.Row | None = self._db.execute(statement, values).fetchone()
        return row

    def _all(self, statement: str, *values: object) -> list[sqlite3.Row]:
        with self._named():
            return self._db.execute(statement, values).fetchall()

    @contextmanager
    def _named(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            name = getattr(error, "sqlite_errorname", None) or type(error).__name__
            raise StoreError(f"the inbox {self._path} cannot be used ({name})") from None
