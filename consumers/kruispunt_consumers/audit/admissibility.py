"""What admission had to say of a posting, worked out again from its bytes, its position and the bundle in force.

In this order; the first that fails is the reason
-------------------------------------------------
1. A bundle was in force; the headers have names that are text; the value is in the wire format; its headers name a schema
   that the bundle lists.
2. The bytes are the one encoding of a record of that schema, without a passage.
3. The owner of the topic signs (or, for a receipt or consultation, speaks for itself).
4. The key that the proof names was valid at the append time.
5. The signature holds over the header; type, commitments and sections agree (`disclosure.verify`).
6. The bundle lets the owner publish the type.
7. The invariants hold.

It is written from the contract and shares no code with the program that it judges, beyond the contract's own functions.
Must not: know anything but the posting and the bundle.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from kruispunt_schemas import codec, disclosure, wire
from kruispunt_schemas.codec import SignedBytes
from kruispunt_schemas.failures import ContractError
from kruispunt_schemas.invariants import violation
from kruispunt_schemas.needtoknow.bundle import Bundle
from kruispunt_schemas.needtoknow.comparison import Policy
from kruispunt_schemas.needtoknow.facts import Observed
from kruispunt_schemas.records.frame import Header
from kruispunt_schemas.records.sections import Sections
from kruispunt_schemas.schema import POSTING_TYPES, RecordSchema

from kruispunt_consumers.audit.ledger import PostedKind
from kruispunt_consumers.audit.reading import ACCESS_TYPES
from kruispunt_consumers.topic_record import TopicRecord


@dataclass(frozen=True, slots=True)
class Reading:
    """A posting as this audit reads it: refused_for is the reason, None when it is to be admitted.

    observed: what facts are computed from; None unless the posting is a signal that could be read whole.
    """

    kind: PostedKind
    record_type: str | None = None
    signed: SignedBytes | None = None
    header: Header | None = None
    observed: Observed | None = None
    refused_for: str | None = None


def read_posting(record: TopicRecord, policy: Policy | None, owner: str) -> Reading:
    """Return what lies at a place of ``out.<owner>``, as the module says."""
    if policy is None:
        return Reading(PostedKind.UNREADABLE, refused_for="no-bundle")
    headers = wire.header_map(record.headers)
    fingerprint = wire.fingerprint_of(headers)
    if fingerprint is not None and _listed_but_unknown(policy.bundle, fingerprint):
        return Reading(PostedKind.UNKNOWN_SCHEMA)
    reading = Reading(PostedKind.UNREADABLE)
    try:
        # 1.
        wire.check_names(headers)
        payload = wire.unwrapped(record.value)
        schema = _accepted(fingerprint, policy.bundle)
        reading = replace(reading, record_type=schema.name)
        # 2.
        signed = _posted(schema, payload)
        if schema.name in ACCESS_TYPES:
            reading = replace(reading, kind=PostedKind.ACCESS, signed=signed)
            _check_access(signed, record, policy.bundle, owner)
            return reading
        header = signed.read_header()
        reading = replace(reading, kind=PostedKind.SIGNAL, signed=signed, header=header)
        sections = signed.read_sections()
        reading = replace(reading, observed=Observed.of(header, record.appended_at, sections))
        _check_signal(signed, header, sections, record, policy.bundle, owner)
    except ContractError as error:
        return replace(reading, refused_for=error.reason)
    return reading


def _accepted(fingerprint: bytes | None, bundle: Bundle) -> RecordSchema:
    schema = codec.schema_of(fingerprint)
    if schema.name not in POSTING_TYPES or schema.fingerprint.hex() not in bundle.types.get(schema.name, ()):
        raise ContractError("unknown-schema", "header.schema_fingerprint")
    return schema


def _posted(schema: RecordSchema, payload: bytes) -> SignedBytes:
    signed = codec.decode_signed(schema, payload)
    if signed.passage is not None:
        raise ContractError("passage", "passage")
    return signed


def _check_access(signed: SignedBytes, record: TopicRecord, bundle: Bundle, owner: str) -> None:
    receipt = signed.schema.name == "Receipt"
    speaker = signed.read_receipt().participant if receipt else signed.read_consultation().participant
    # 3. to 5.
    if speaker != owner:
        raise ContractError("not-owner", "header.participant")
    disclosure.verify_signature(signed, _key(signed, record, bundle, owner))


def _check_signal(
    signed: SignedBytes, header: Header, sections: Sections, record: TopicRecord, bundle: Bundle, owner: str
) -> None:
    # 3.
    if header.originator != owner:
        raise ContractError("not-owner", "header.originator")
    # 4. and 5.
    disclosure.verify(signed, header, _key(signed, record, bundle, owner))
    # 6.
    if header.signal_type not in bundle.by_id[owner].publishes:
        raise ContractError("not-permitted", "header.signal_type")
    # 7.
    broken = violation(
        header,
        sections,
        appended_at=record.appended_at,
        municipalities=bundle.valid_municipalities,
        participants=bundle.by_id,
        sites=bundle.sites,
        groups=bundle.group_names,
        member_of=bundle.groups_of(owner),
        roles=frozenset(bundle.by_id[owner].roles),
    )
    if broken is not None:
        raise ContractError(broken.reason, broken.field)


def _key(signed: SignedBytes, record: TopicRecord, bundle: Bundle, owner: str) -> bytes:
    key = bundle.key_of(owner, signed.read_proof().key_id, record.appended_at)
    if key is None:
        raise ContractError("unknown-key", "proof.key_id")
    return key


def _listed_but_unknown(bundle: Bundle, fingerprint: bytes) -> bool:
    """Tell whether a later release's schema was posted: this program cannot read it, admission could."""
    listed = any(fingerprint.hex() in names for names in bundle.types.values())
    try:
        codec.schema_of(fingerprint)
    except ContractError:
        return listed
    return False
