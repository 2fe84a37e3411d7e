"""What must become of every posting of a scenario, kept beside the data as JSON lines.

Rules
-----
1. One entry for each posting, and one for each source record that its adapter refuses (no posting comes of it).
2. ``group``: postings of one group say the same; exactly one of them is decided and the others are duplicates, whichever
   the backbone takes first. Within a group the entries name the likely order, not the certain one.
3. Everything else is certain.

Must not: hold a key; `Expected.signal_id` takes the agency's secret.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from kruispunt_schemas import identity
from kruispunt_schemas.records.frame import Lifecycle


class Outcome(StrEnum):
    """Where a posting ends."""

    DECIDED = "decided"
    DUPLICATE = "duplicate"
    QUARANTINE = "quarantine"
    REFUSED_BY_ADAPTER = "refused-by-adapter"


class Channel(StrEnum):
    """How a record comes in: by the agency's source and posting box, or as raw bytes."""

    SOURCE = "source"
    RAW = "raw"


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """The truth about one posting or refused source record.

    position: of a refused record, as the posting box names it. reference, version: None when the bytes hold none that
    can be read. reason, field: of quarantine or refusal. duplicate: SAME_SIGNAL or SAME_CONTENT. persons: identities.
    trap: what it tests, '' for an ordinary record. municipality: NIS code. raw: index among the raw messages.
    """

    participant: str
    channel: Channel
    phase: int
    signal_type: str
    reference: str | None
    version: int | None
    lifecycle: Lifecycle | None
    outcome: Outcome
    reason: str | None = None
    field: str | None = None
    duplicate: str | None = None
    group: str | None = None
    position: str | None = None
    raw: int | None = None
    persons: tuple[str, ...] = ()
    variant: str | None = None
    municipality: str | None = None
    classification: str | None = None
    trap: str = ""

    def signal_id(self, secret: bytes) -> UUID | None:
        """Return the signal's id under the agency's secret, None without a reference."""
        if self.reference is None or self.version is None:
            return None
        return identity.signal_id(secret, self.reference, self.version)
