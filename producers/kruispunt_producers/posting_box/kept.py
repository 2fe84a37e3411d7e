"""What the posting box keeps, as values.

Must not: hold behaviour, or a section of a signal (the payload of a queued posting is the one place with content).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from kruispunt_schemas.records.frame import Classification, Lifecycle


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where a version of a signal came from. content: SHA-256 of what it says (`versions.content_digest`)."""

    source: str
    reference: str
    version: int
    lifecycle: Lifecycle
    classification: Classification
    content: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """The latest version that was enqueued under a reference."""

    signal_type: str
    version: int
    lifecycle: Lifecycle
    classification: Classification
    content: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """What stays of a signal for good: enough to reissue it when the source still has the version."""

    identifier: UUID
    fingerprint: bytes
    header: bytes
    proof: bytes
    reference: str
    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusalEntry:
    """A source record that the adapter refused: where it stands, why, and which field; never its content."""

    source: str
    position: str
    reason: str
    field: str
    refused_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """The state of a box. ``trouble``: why nothing is being sent, None when all is well."""

    participant: str
    queued: int
    queued_bytes: int
    acknowledged: int
    last_offset: int | None
    oldest_queued_at: datetime | None
    signals: int
    refusals: int
    cursors: tuple[tuple[str, str], ...]
    trouble: str | None
    trouble_since: datetime | None
