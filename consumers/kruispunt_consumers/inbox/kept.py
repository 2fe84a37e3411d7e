"""What the inbox keeps, as values.

Must not: hold behaviour. The one field with content of a signal is `Content.payload`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from kruispunt_schemas.records.frame import Withheld
from kruispunt_schemas.records.postings import ReceiptResult


class Kind(StrEnum):
    """What an output was."""

    VIEW = "view"
    RECALL = "recall"
    WITHDRAWAL = "withdrawal"
    PSEUDONYMS = "pseudonyms"


class State(StrEnum):
    """What became of it here.

    CURRENT: may be shown. REPLACED: a later version stands beside it. WITHDRAWN: its content is erased, the reference
    stays. REJECTED: it did not verify; nothing of it was kept but its id. NOTICE: a recall, a withdrawal or other
    pseudonyms, themselves.
    """

    CURRENT = "current"
    REPLACED = "replaced"
    WITHDRAWN = "withdrawn"
    REJECTED = "rejected"
    NOTICE = "notice"


@dataclass(frozen=True, slots=True, kw_only=True)
class HeaderFacts:
    """What the list shows of a view: from its verified header and its passage, no content.

    reply_due_at: of a request for information that may be read here, until when it is to be answered (`clocks`).
    again: a judgement of the person made it be decided again. corroborates: other views here that tell of the same event.
    """

    originator: str
    signal_type: str
    signal_id: UUID
    version: int
    lifecycle: str
    classification: str
    published_at: datetime
    decision_id: UUID
    grounds: tuple[str, ...]
    shown: tuple[str, ...]
    withheld: tuple[Withheld, ...]
    reply_due_at: datetime | None = None
    again: bool = False
    corroborates: tuple[UUID, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One output, as the list shows it. ``facts`` is None for a rejected one, a withdrawal and other pseudonyms.

    ended_by: the output that replaced or withdrew it. affects: what a recall, withdrawal, correction or decision again
    names, and the view that other pseudonyms are for.
    """

    output_id: UUID
    kind: Kind
    state: State
    offset: int
    appended_at: datetime
    stored_at: datetime
    facts: HeaderFacts | None = None
    affects: tuple[UUID, ...] = ()
    ended_by: UUID | None = None
    reason: str | None = None
    field: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Renamed:
    """What the persons of a view are called since an output said so."""

    output_id: UUID
    persons: tuple[str, ...]
    changed_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """What `show` verifies again and displays. renamed: the last change of its pseudonyms."""

    item: Item
    fingerprint: bytes
    payload: bytes = field(repr=False)
    public_key: bytes
    key_id: str
    bundle: str
    renamed: Renamed | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OwedReceipt:
    """A receipt that must reach the posting box; its id, result and time never change."""

    receipt_id: UUID
    output_id: UUID
    result: ReceiptResult
    reason: str | None
    stored_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptStatus:
    """What admission did with a posting of this participant."""

    posting_offset: int
    record_type: str | None
    signal_id: UUID | None
    verdict: str
    reason: str | None
    field: str | None


class AlertKind(StrEnum):
    """What a person must look at."""

    REJECTED = "rejected"
    UNREADABLE = "unreadable"
    RETENTION_GAP = "retention-gap"
    FOREIGN_SUPERSESSION = "foreign-supersession"
    FOREIGN_STATUS = "foreign-status"


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """One alert: where, about which output, and why. until: the end of a range of offsets (excluded)."""

    kind: AlertKind
    offset: int
    until: int | None = None
    output_id: UUID | None = None
    reason: str = ""
    field: str = ""
    raised_at: datetime
