"""From a topic's record to an entry of the ledger: decode, cut, digest.

Rules
-----
1. The schema is the one that the record's headers name by fingerprint; it must be of the type that the topic holds.
2. A record that cannot be read raises ContractError: the examination enters it (rule A5), nothing is skipped.
3. What has content is cut to digests here; only header, context and distribution of a posting are ever parsed.

Must not: judge.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, TypeVar

from kruispunt_schemas import codec, identity, wire
from kruispunt_schemas.codec import SignedBytes
from kruispunt_schemas.failures import ContractError
from kruispunt_schemas.framing import framed
from kruispunt_schemas.needtoknow import decisions
from kruispunt_schemas.records.backbone import (
    Decision,
    QuarantineEntry,
    RawHeader,
    RepertoryEvent,
    Status,
)
from kruispunt_schemas.records.frame import Passage, Posting
from kruispunt_schemas.schema import RecordSchema

from kruispunt_consumers.audit.ledger import Accessed, Decided, Passed, Place, Refusal, Registered, Told
from kruispunt_consumers.topic_record import TopicRecord

ACCESS_TYPES: Final = ("Consultation", "Receipt")
_RETRY_HEADERS: Final = "kruispunt-retry-"
_RETRY_POSTING: Final = "kruispunt-retry-posting"
"""``participant/offset/append time in microseconds``, on every record of ``retry``."""

R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Parcel:
    """A record taken out of its wrapping: schema, Avro bytes, and their SHA-256."""

    schema: RecordSchema
    payload: bytes
    digest: bytes


def parcel(record: TopicRecord) -> Parcel:
    """Return what a record holds; raise ContractError when its schema is not known or it is not wrapped."""
    schema = codec.schema_of(wire.fingerprint_of(wire.header_map(record.headers)))
    payload = wire.unwrapped(record.value)
    return Parcel(schema, payload, identity.digest(payload))


def signed_digest(signed: SignedBytes) -> bytes:
    """Return the SHA-256 of everything but the passage: the same at every stage of the road."""
    return identity.digest(signed.with_passage(None).encoded())


def headers_digest(headers: Iterable[tuple[str, bytes]]) -> bytes:
    """Return the SHA-256 of Kafka headers by name, the last of a name, without those that a retry adds."""
    pairs = sorted(wire.header_map(headers).items())
    kept = [(name, value) for name, value in pairs if not name.startswith(_RETRY_HEADERS)]
    return identity.digest(framed(*(part for name, value in kept for part in (name.encode(), value))))


def decoded(found: Parcel, cls: type[R]) -> R:
    """Return a record of that class; raise ContractError for another type."""
    if found.schema.name != cls.__name__:
        raise ContractError("foreign-record", "", f"a {found.schema.name} does not belong there")
    return codec.decode(found.schema, found.payload, cls)


def passage_of(signed: SignedBytes) -> tuple[Passage, Posting, str]:
    """Return passage, posting and bundle of a record inside the backbone; raise ContractError without them."""
    passage = signed.read_passage()
    if passage is None or passage.posting is None or passage.bundle is None:
        raise ContractError("missing", "passage", "it names no posting or no bundle")
    return passage, passage.posting, passage.bundle


def passed(record: TopicRecord, *, resolved: bool) -> Passed:
    """Read a record of ``admitted`` or ``resolved``."""
    found = parcel(record)
    if not found.schema.sections:
        raise ContractError("foreign-record", "", f"a {found.schema.name} does not belong there")
    signed = codec.decode_signed(found.schema, found.payload)
    passage, posting, bundle = passage_of(signed)
    if resolved and passage.resolution is None:
        raise ContractError("missing", "passage.resolution")
    return Passed(
        posting=posting,
        digest=found.digest,
        seen_at=record.appended_at,
        signed=signed_digest(signed),
        bundle=bundle,
        supersedes=passage.resolution.supersedes if passage.resolution else None,
        followers=passage.resolution.followers if passage.resolution else (),
    )


def refusal(record: TopicRecord) -> Refusal:
    """Read a record of ``quarantine``."""
    found = parcel(record)
    entry = decoded(found, QuarantineEntry)
    return Refusal(
        posting=entry.posting,
        digest=found.digest,
        seen_at=record.appended_at,
        entry_id=entry.entry_id,
        stage=entry.stage,
        reason=entry.reason,
        field=entry.field,
        record_type=entry.record_type,
        bundle=entry.bundle,
        value=identity.digest(entry.value),
        headers=headers_digest(_pairs(entry.headers)),
        signed=_signed_in(entry),
    )


def registered(record: TopicRecord) -> Registered:
    """Read a record of ``repertory``."""
    found = parcel(record)
    event = decoded(found, RepertoryEvent)
    return Registered(
        posting=event.posting,
        digest=found.digest,
        seen_at=record.appended_at,
        event_id=event.event_id,
        originator=event.originator,
        signal_type=event.signal_type,
        signal_id=event.signal_id,
        version=event.version,
        canonical_case_key=event.canonical_case_key,
        bundle=event.bundle,
        supersedes=event.supersedes,
        duplicate_kind=event.duplicate_kind,
        duplicate_of=event.duplicate_of,
        persons=tuple(person.reference for person in event.persons),
        holdings=tuple((held.participant, held.reference) for held in event.holdings),
        followers=event.followers,
    )


def decided(record: TopicRecord) -> Decided:
    """Read a record of ``audit.decisions``."""
    found = parcel(record)
    decision = decoded(found, Decision)
    for output in decision.outputs:
        decisions.replaced(decision, output)
    return Decided(decision.posting, found.digest, record.appended_at, decision)


def accessed(record: TopicRecord) -> Accessed:
    """Read a record of ``audit.access``."""
    found = parcel(record)
    if found.schema.name not in ACCESS_TYPES:
        raise ContractError("foreign-record", "", f"a {found.schema.name} does not belong there")
    signed = codec.decode_signed(found.schema, found.payload)
    _, posting, bundle = passage_of(signed)
    if found.schema.name == "Receipt":
        receipt = signed.read_receipt()
        participant, output_id, result = receipt.participant, receipt.output_id, receipt.result
    else:
        consultation = signed.read_consultation()
        participant, output_id, result = consultation.participant, consultation.output_id, None
    return Accessed(
        posting=posting,
        digest=found.digest,
        seen_at=record.appended_at,
        record_type=found.schema.name,
        participant=participant,
        signed=signed_digest(signed),
        bundle=bundle,
        output_id=output_id,
        result=result,
    )


def told(record: TopicRecord, found: Parcel, status: Status) -> Told:
    """Return the entry of a status."""
    return Told(status.posting, found.digest, record.appended_at, status.verdict, status.reason)


def retried_place(record: TopicRecord) -> Place | None:
    """Return the posting that a record of ``retry`` brings back, None when its headers are damaged."""
    position = wire.header_map(record.headers).get(_RETRY_POSTING, b"").decode("ascii", "replace")
    participant, _, rest = position.partition("/")
    offset = rest.partition("/")[0]
    return Place(participant, int(offset)) if participant and offset.isdigit() else None


def _pairs(headers: tuple[RawHeader, ...]) -> tuple[tuple[str, bytes], ...]:
    return tuple((item.name, item.value) for item in headers)


def _signed_in(entry: QuarantineEntry) -> bytes | None:
    """Return the digest of the signed bytes that an entry holds, None when they cannot be read."""
    try:
        schema = codec.schema_of(wire.fingerprint_of(wire.header_map(_pairs(entry.headers))))
        return signed_digest(codec.decode_signed(schema, wire.unwrapped(entry.value)))
    except ContractError:
        return None
