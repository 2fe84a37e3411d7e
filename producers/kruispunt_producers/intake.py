"""From source records to the posting box: adapt, version, sign, enqueue, and move the cursor, in one transaction.

Rules
-----
1. The postings of a batch, its refusals and its cursor are committed together or not at all.
2. A record that says what its latest version says publishes nothing; so a batch may be read again.
3. What the adapter, the schema or the size refuses is kept with its position, reason and field; the next record goes on.
4. What the store no longer holds is recalled (`sweep`), unless more than half of it is gone at once: then it is
   more likely the wrong store, and an error says so.

Must not: read a store or send anything.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Final, Self
from uuid import UUID

from kruispunt_schemas import disclosure, identity
from kruispunt_schemas.disclosure import Draft
from kruispunt_schemas.failures import ConfigurationError, ContractError
from kruispunt_schemas.keys import ParticipantKeys
from kruispunt_schemas.records.frame import Lifecycle

from kruispunt_producers.adapters import Batch, Located, Refusal, Row
from kruispunt_producers.posting_box import (
    IdentifierConflictError,
    Origin,
    PostingBox,
    RefusalEntry,
    Work,
)
from kruispunt_producers.posting_box.versions import content_digest, next_version, recall

SWEEP_FREELY: Final = 10
"""So many records may vanish at once whatever their share."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """What became of source records, counted."""

    originals: int = 0
    corrections: int = 0
    recalls: int = 0
    unchanged: int = 0
    refused: int = 0

    def __add__(self, other: Self) -> Tally:
        """Return the sum."""
        return Tally(
            **{each.name: getattr(self, each.name) + getattr(other, each.name) for each in fields(self)}
        )

    @property
    def enqueued(self) -> int:
        """Return how many postings were made."""
        return self.originals + self.corrections + self.recalls


_COUNTED: Final = {
    Lifecycle.ORIGINAL: Tally(originals=1),
    Lifecycle.CORRECTION: Tally(corrections=1),
    Lifecycle.RECALL: Tally(recalls=1),
}


class Intake:
    """Takes the records of one source into one participant's box. ``source``: the name that its cursor is kept under."""

    def __init__(
        self, box: PostingBox, keys: ParticipantKeys, draft: Callable[[Row], Draft | Refusal], source: str
    ) -> None:
        self._box = box
        self._keys = keys
        self._draft = draft
        self._source = source

    def take(self, batch: Batch, now: datetime) -> Tally:
        """Put a batch into the box; raise BoxFullError when it has no room (then nothing of the batch was kept)."""
        tally = Tally()
        with self._box.transaction() as work:
            for record in batch.records:
                tally += self._take_one(work, record, now)
            if batch.cursor is not None:
                work.set_cursor(self._source, batch.cursor)
        return tally

    def sweep(self, present: frozenset[str], now: datetime) -> Tally:
        """Recall what was published from this source and is not among the references that it holds now."""
        live = self._box.live_references(self._source)
        gone = sorted(live - present)
        if len(gone) > SWEEP_FREELY and len(gone) * 2 > len(live):
            raise ConfigurationError(
                f"{len(gone)} of {len(live)} published records are no longer in {self._source}: nothing was recalled;"
                " check that it is the right source"
            )
        tally = Tally()
        if not gone:
            return tally
        with self._box.transaction() as work:
            for reference in gone:
                known = work.latest(reference)
                if known is not None and known.lifecycle is not Lifecycle.RECALL:
                    self._publish(work, recall(reference, known, now), now)
                    tally += _COUNTED[Lifecycle.RECALL]
        return tally

    def _take_one(self, work: Work, record: Located, now: datetime) -> Tally:
        made = record.content if isinstance(record.content, Refusal) else self._draft(record.content)
        if isinstance(made, Refusal):
            return self._refuse(work, record.position, made, now)
        try:
            draft = next_version(made, work.latest(made.reference))
            if draft is not None:
                self._publish(work, draft, now)
        except IdentifierConflictError:
            raise
        except ContractError as error:
            return self._refuse(work, record.position, Refusal(error.reason, error.field), now)
        work.accept(self._source, record.position)
        return Tally(unchanged=1) if draft is None else _COUNTED[draft.lifecycle]

    def _publish(self, work: Work, draft: Draft, now: datetime) -> None:
        identifier: UUID = identity.signal_id(self._keys.secret, draft.reference, draft.version)
        signed = disclosure.compose(
            draft,
            originator=self._keys.participant,
            secret=self._keys.secret,
            signer=self._keys.signer,
            published_at=now,
        )
        origin = Origin(
            source=self._source,
            reference=draft.reference,
            version=draft.version,
            lifecycle=draft.lifecycle,
            classification=draft.classification,
            content=content_digest(draft),
        )
        work.enqueue(signed, identifier, now, origin=origin)

    def _refuse(self, work: Work, position: str, refusal: Refusal, now: datetime) -> Tally:
        work.refuse(
            RefusalEntry(
                source=self._source,
                position=position,
                reason=refusal.reason,
                field=refusal.field,
                refused_at=now,
            )
        )
        return Tally(refused=1)
