"""Between rows of the inbox's file and values: the one place that knows how a column is written.

Must not: run a statement.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable
from datetime import datetime
from typing import Final
from uuid import UUID

from kruispunt_schemas.records.frame import Withheld
from kruispunt_schemas.records.postings import ReceiptResult

from kruispunt_consumers.inbox.kept import (
    Alert,
    AlertKind,
    HeaderFacts,
    Item,
    KeptStatus,
    Kind,
    OwedReceipt,
    Renamed,
    State,
)

ITEM_COLUMNS: Final = (
    "output_id, kind, state, broker_offset, appended_at, stored_at, originator, signal_type, signal_id, version, "
    "lifecycle, classification, published_at, decision_id, grounds, shown, withheld, affects, ended_by, reason, field, "
    "reply_due_at, again, corroborates"
)
"""Every column of an item that is no content and no key."""

Value = str | int | None


def item_values(item: Item) -> tuple[Value, ...]:
    """Return the columns of an item, in the order of `ITEM_COLUMNS`."""
    facts = item.facts
    head: tuple[Value, ...] = (None,) * 8
    if facts is not None:
        head = (
            facts.originator,
            facts.signal_type,
            str(facts.signal_id),
            facts.version,
            facts.lifecycle,
            facts.classification,
            time_text(facts.published_at),
            str(facts.decision_id),
        )
    return (
        str(item.output_id),
        item.kind.value,
        item.state.value,
        item.offset,
        time_text(item.appended_at),
        time_text(item.stored_at),
        *head,
        json.dumps(facts.grounds if facts else ()),
        json.dumps(facts.shown if facts else ()),
        json.dumps([[row.section, list(row.rules)] for row in facts.withheld] if facts else []),
        ids_text(item.affects),
        optional_text(item.ended_by),
        item.reason,
        item.field,
        None if facts is None or facts.reply_due_at is None else time_text(facts.reply_due_at),
        int(facts is not None and facts.again),
        ids_text(facts.corroborates if facts else ()),
    )


def item_of(row: sqlite3.Row) -> Item:
    """Return the item of a row."""
    return Item(
        output_id=UUID(row["output_id"]),
        kind=Kind(row["kind"]),
        state=State(row["state"]),
        offset=row["broker_offset"],
        appended_at=datetime.fromisoformat(row["appended_at"]),
        stored_at=datetime.fromisoformat(row["stored_at"]),
        facts=None if row["originator"] is None else _facts(row),
        affects=_ids(row["affects"]),
        ended_by=_optional_id(row["ended_by"]),
        reason=row["reason"],
        field=row["field"],
    )


def renamed_of(row: sqlite3.Row) -> Renamed:
    """Return the change of pseudonyms of a row."""
    return Renamed(
        output_id=UUID(row["output_id"]),
        persons=tuple(json.loads(row["persons"])),
        changed_at=datetime.fromisoformat(row["changed_at"]),
    )


def receipt_of(row: sqlite3.Row) -> OwedReceipt:
    """Return the receipt of a row."""
    return OwedReceipt(
        receipt_id=UUID(row["receipt_id"]),
        output_id=UUID(row["output_id"]),
        result=ReceiptResult(row["result"]),
        reason=row["reason"],
        stored_at=datetime.fromisoformat(row["stored_at"]),
    )


def alert_of(row: sqlite3.Row) -> Alert:
    """Return the alert of a row."""
    return Alert(
        kind=AlertKind(row["kind"]),
        offset=row["broker_offset"],
        until=row["until"],
        output_id=_optional_id(row["output_id"]),
        reason=row["reason"],
        field=row["field"],
        raised_at=datetime.fromisoformat(row["raised_at"]),
    )


def status_of(row: sqlite3.Row) -> KeptStatus:
    """Return the status of a row."""
    return KeptStatus(
        posting_offset=row["posting_offset"],
        record_type=row["record_type"],
        signal_id=_optional_id(row["signal_id"]),
        verdict=row["verdict"],
        reason=row["reason"],
        field=row["field"],
    )


def time_text(at: datetime) -> str:
    """Return a time as it is written: ISO 8601 in microseconds, so that it sorts."""
    return at.isoformat(timespec="microseconds")


def ids_text(identifiers: Iterable[UUID]) -> str:
    """Return ids as they are written."""
    return json.dumps([str(each) for each in identifiers])


def optional_text(identifier: UUID | None) -> str | None:
    """Return an id as it is written."""
    return None if identifier is None else str(identifier)


def _optional_id(text: str | None) -> UUID | None:
    return None if text is None else UUID(text)


def _ids(text: str) -> tuple[UUID, ...]:
    return tuple(UUID(each) for each in json.loads(text))


def _facts(row: sqlite3.Row) -> HeaderFacts:
    return HeaderFacts(
        originator=row["originator"],
        signal_type=row["signal_type"],
        signal_id=UUID(row["signal_id"]),
        version=row["version"],
        lifecycle=row["lifecycle"],
        classification=row["classification"],
        published_at=datetime.fromisoformat(row["published_at"]),
        decision_id=UUID(row["decision_id"]),
        grounds=tuple(json.loads(row["grounds"])),
        shown=tuple(json.loads(row["shown"])),
        withheld=tuple(
            Withheld(section=section, rules=tuple(rules)) for section, rules in json.loads(row["withheld"])
        ),
        reply_due_at=None if row["reply_due_at"] is None else datetime.fromisoformat(row["reply_due_at"]),
        again=bool(row["again"]),
        corroborates=_ids(row["corroborates"]),
    )
