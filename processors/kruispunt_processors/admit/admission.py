"""Admission as a pure function of the record, its position, the broker's append time and the bundle in force then.

Steps, in this order; the first that fails is the reason
--------------------------------------------------------
1. The names of the headers are text; the value is in the wire format and not empty; the schema that the envelope names
   is one the bundle accepts.
2. The bytes are exactly one record of that schema in its one encoding.
3. The owner of the topic is the originator (or the participant that a receipt or consultation speaks for).
4. The key named was valid when the broker took the record.
5. The signature holds over the header; every section meets its commitment.
6. The bundle permits the owner to publish the type.
7. The invariants hold (`kruispunt_schemas.invariants`).

What an originator learns depends on its own record alone, so this module must not know what any other record said:
no database, no memory, no clock.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from kruispunt_schemas import codec, disclosure, identity, wire
from kruispunt_schemas import schema as schemas
from kruispunt_schemas.codec import SignedBytes
from kruispunt_schemas.failures import ContractError
from kruispunt_schemas.invariants import violation
from kruispunt_schemas.needtoknow.bundle import Bundle
from kruispunt_schemas.records.frame import Header, Passage, Posting


@dataclass(frozen=True, slots=True)
class Admitted:
    """A signal that goes on, with its passage and the key of its case."""

    posting: Posting
    header: Header
    signed: SignedBytes
    case_key: bytes


@dataclass(frozen=True, slots=True)
class Forwarded:
    """A verified receipt or consultation, for ``audit.access``."""

    posting: Posting
    identifier: str
    signed: SignedBytes


@dataclass(frozen=True, slots=True)
class Refused:
    """A record that goes to quarantine: reason, field, and what could be read of it."""

    posting: Posting
    reason: str
    field: str
    detail: str
    record_type: str | None
    header: Header | None


def admit(
    posting: Posting,
    value: bytes | None,
    headers: Mapping[str, bytes],
    bundle: Bundle | None,
    case_secret: bytes,
) -> Admitted | Forwarded | Refused:
    """Return what becomes of a posting; see the module for the steps. case_secret: key of the case keys."""
    seen = _Seen()
    try:
        return _admit(posting, value, headers, bundle, case_secret, seen)
    except ContractError as error:
        return Refused(posting, error.reason, error.field, error.detail, seen.record_type, seen.header)


@dataclass(slots=True)
class _Seen:
    """What has been read so far, for the refusal."""

    record_type: str | None = None
    header: Header | None = None


def _admit(
    posting: Posting,
    value: bytes | None,
    headers: Mapping[str, bytes],
    bundle: Bundle | None,
    case_secret: bytes,
    seen: _Seen,
) -> Admitted | Forwarded:
    if bundle is None:
        raise ContractError("no-bundle", "", "it was posted before any bundle was in force")
    # 1.
    wire.check_names(headers)
    payload = wire.unwrapped(value)
    schema = codec.schema_of(wire.fingerprint_of(headers))
    if schema.fingerprint.hex() not in bundle.types.get(schema.name, ()):
        raise ContractError(
            "unknown-schema", "header.schema_fingerprint", "the bundle does not accept this schema"
        )
    seen.record_type = schema.name
    # 2.
    signed = codec.decode_signed(schema, payload)
    if signed.passage is not None:
        raise ContractError("passage", "passage", "only the backbone adds a passage")
    if schema.name not in schemas.SIGNAL_TYPES:
        return _forward(posting, signed, bundle)
    header = seen.header = signed.read_header()
    # 3.
    if header.originator != posting.participant:
        raise ContractError("not-owner", "header.originator", "a participant signs with its own name")
    # 4. and 5.
    disclosure.verify(signed, header, _key(signed, posting, bundle))
    # 6.
    if header.signal_type not in bundle.by_id[posting.participant].publishes:
        raise ContractError(
            "not-permitted", "header.signal_type", "the bundle does not let it publish this type"
        )
    # 7.
    sections = signed.read_sections()
    broken = violation(
        header,
        sections,
        appended_at=posting.appended_at,
        municipalities=bundle.valid_municipalities,
        participants=bundle.by_id,
        sites=bundle.sites,
        groups=bundle.group_names,
        member_of=bundle.groups_of(posting.participant),
        roles=frozenset(bundle.by_id[posting.participant].roles),
    )
    if broken is not None:
        raise ContractError(broken.reason, broken.field)
    reference = sections.context.reference if sections.context else ""
    case_key = identity.case_key(case_secret, header.originator, reference)
    passage = Passage(posting=posting, bundle=bundle.name, case_key=case_key)
    return Admitted(posting, header, signed.with_passage(passage), case_key)


def _forward(posting: Posting, signed: SignedBytes, bundle: Bundle) -> Forwarded:
    """Verify a receipt or a consultation by steps 3 to 5."""
    if signed.schema.name == "Receipt":
        receipt = signed.read_receipt()
        participant, identifier = receipt.participant, receipt.receipt_id
    else:
        consultation = signed.read_consultation()
        participant, identifier = consultation.participant, consultation.consultation_id
    if participant != posting.participant:
        raise ContractError("not-owner", "header.participant", "a participant speaks for itself")
    disclosure.verify_signature(signed, _key(signed, posting, bundle))
    passage = Passage(posting=posting, bundle=bundle.name)
    return Forwarded(posting, str(identifier), signed.with_passage(passage))


def _key(signed: SignedBytes, posting: Posting, bundle: Bundle) -> bytes:
    key = bundle.key_of(posting.participant, signed.read_proof().key_id, posting.appended_at)
    if key is None:
        raise ContractError("unknown-key", "proof.key_id", "no key of that name was valid at the append time")
    return key
