"""Records ready to be sent: every stage's outputs get their bytes, key and headers here.

Rules: a record's bytes, key and headers are a function of the record and of the message that caused it (its trace), so
that a replay sends the same. No trace stands on a lasting topic: its ids were chosen by whoever posted. Must not: send anything.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from kruispunt_schemas import codec, identity, topics, wire
from kruispunt_schemas import schema as schemas
from kruispunt_schemas.codec import Record, SignedBytes
from kruispunt_schemas.records.backbone import QuarantineEntry, RawHeader, Stage
from kruispunt_schemas.records.frame import Posting
from kruispunt_schemas.wire import Message

from kruispunt_processors.retries import RETRY_HEADERS

WireIds = Mapping[bytes, int]
"""The registry's id of each schema, by fingerprint."""


@dataclass(frozen=True, slots=True)
class Outbound:
    """Makes the messages of one stage: ``source`` is its CloudEvents source."""

    source: str
    wire_ids: WireIds

    def signed(
        self,
        topic: str,
        key: bytes | None,
        signed: SignedBytes,
        *,
        identifier: str,
        time: datetime,
        trace: str | None,
    ) -> Message:
        """Return a signal, receipt or consultation as a message."""
        return self.encoded(
            topic, key, signed.schema, signed.encoded(), identifier=identifier, time=time, trace=trace
        )

    def record(
        self,
        topic: str,
        key: bytes | None,
        record: Record,
        *,
        identifier: UUID,
        time: datetime,
        trace: str | None,
    ) -> Message:
        """Return a record of the backbone's own as a message."""
        schema = schemas.load(type(record).__name__)
        return self.encoded(
            topic, key, schema, codec.encode(record), identifier=str(identifier), time=time, trace=trace
        )

    def encoded(
        self,
        topic: str,
        key: bytes | None,
        schema: schemas.RecordSchema,
        payload: bytes,
        *,
        identifier: str,
        time: datetime,
        trace: str | None,
    ) -> Message:
        """Return Avro bytes as a message."""
        kept = None if topic in topics.LASTING else trace
        headers = wire.envelope(
            schema, identifier=identifier, source=self.source, time=time, traceparent=kept
        )
        return Message(topic, key, wire.wrapped(self.wire_ids[schema.fingerprint], payload), headers)

    def quarantine(
        self,
        stage: Stage,
        posting: Posting,
        *,
        reason: str,
        field: str,
        detail: str,
        value: bytes | None,
        headers: Mapping[str, bytes],
        record_type: str | None = None,
        signal_id: UUID | None = None,
        bundle: str | None = None,
    ) -> Message:
        """Return a quarantine entry: the bytes and headers as first read, with the reason.

        The headers of a retry are left out, so that the same refusal of a retry is the same entry again.
        """
        entry = QuarantineEntry(
            entry_id=identity.quarantine_id(stage.value, posting),
            stage=stage,
            posting=posting,
            record_type=record_type,
            signal_id=signal_id,
            reason=reason,
            field=field,
            detail=detail,
            bundle=bundle,
            value=value or b"",
            headers=tuple(
                RawHeader(name=name, value=raw)
                for name, raw in sorted(headers.items())
                if name not in RETRY_HEADERS
            ),
        )
        return self.record(
            topics.QUARANTINE.name,
            identity.posting_name(posting).encode(),
            entry,
            identifier=entry.entry_id,
            time=posting.appended_at,
            trace=wire.traceparent_of(headers),
        )
