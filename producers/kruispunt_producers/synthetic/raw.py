"""Postings that no posting box would make: damaged bytes, forged and misused signatures, the same bytes twice.

Rules
-----
1. Each kind breaks one rule of the wire, the codec, the signature or the right to publish; the truth names it.
2. Bytes follow from the case, the keys, the published time and the registry's ids alone.
3. ``decided`` kinds are whole: the same bytes follow them as a duplicate.

Must not: send anything (`stores.send_raw`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from kruispunt_schemas import codec, disclosure, identity, topics, wire
from kruispunt_schemas import schema as schemas
from kruispunt_schemas.codec import SignedBytes
from kruispunt_schemas.disclosure import Draft
from kruispunt_schemas.keys import ParticipantKeys
from kruispunt_schemas.records.frame import Classification, Passage, Posting, Proof
from kruispunt_schemas.signing import Signer
from kruispunt_schemas.wire import Headers

WireId = Callable[[bytes], int]
"""Fingerprint of a schema to the registry's id."""

NO_SCHEMA: Final = bytes(32)


@dataclass(frozen=True, slots=True)
class RawMessage:
    """One message for ``out.<participant>``; ``index`` is its place in the truth."""

    index: int
    participant: str
    trap: str
    topic: str
    value: bytes | None
    headers: Headers


@dataclass(frozen=True, slots=True)
class Made:
    """What a kind makes: the value before the wire prefix (or the value itself), the schema the headers name."""

    payload: bytes
    fingerprint: bytes
    value: bytes | None = None
    bare: bool = False


@dataclass(frozen=True, slots=True)
class Workshop:
    """What a kind works with: the draft, the keys of the topic's owner, the time."""

    draft: Draft
    keys: ParticipantKeys
    published_at: datetime

    def signed(self, originator: str | None = None) -> SignedBytes:
        """Return the draft as a genuine signal, or one in another's name."""
        return disclosure.compose(
            self.draft,
            originator=originator or self.keys.participant,
            secret=self.keys.secret,
            signer=self.keys.signer,
            published_at=self.published_at,
        )

    def resigned(self, signed: SignedBytes, **changes: object) -> SignedBytes:
        """Return the signal with another header, signed again by the same key."""
        header = replace(signed.read_header(), **changes)  # type: ignore[arg-type]
        raw = codec.write_part(signed.schema, "header", header)
        proof = codec.write_part(signed.schema, "proof", self.keys.signer.sign(signed.schema.name, raw))
        return replace(signed, header=raw, proof=proof)


@dataclass(frozen=True, slots=True)
class RawKind:
    """A kind of raw posting. owner: whose topic. drafted_as: whose source the draft comes from.

    reason and field: why it is quarantined; without a reason it is decided. repeated: the same bytes once more.
    """

    trap: str
    owner: str
    make: Callable[[Workshop], Made]
    reason: str | None = None
    field: str | None = None
    drafted_as: str | None = None
    repeated: bool = False

    @property
    def source(self) -> str:
        """Return the agency whose source the draft comes from."""
        return self.drafted_as or self.owner


def _whole(signed: SignedBytes) -> Made:
    return Made(signed.encoded(), signed.schema.fingerprint)


def _genuine(work: Workshop) -> Made:
    return _whole(work.signed())


def _truncated(work: Workshop) -> Made:
    signed = work.signed()
    situation = dict(signed.sections)["situation"] or b""
    place = signed.encoded().index(situation)
    return Made(signed.encoded()[: place + len(situation) // 2], signed.schema.fingerprint)


def _trailing(work: Workshop) -> Made:
    made = _genuine(work)
    return replace(made, payload=made.payload + b"\x00\x00")


def _wrong_magic(work: Workshop) -> Made:
    made = _genuine(work)
    return replace(made, value=b"\x01\x00\x00\x00\x01" + made.payload, bare=True)


def _empty(work: Workshop) -> Made:
    return replace(_genuine(work), value=b"", bare=True)


def _null(work: Workshop) -> Made:
    return replace(_genuine(work), value=None, bare=True)


def _unknown_schema(work: Workshop) -> Made:
    return replace(_genuine(work), fingerprint=NO_SCHEMA)


def _bad_union(work: Workshop) -> Made:
    signed = work.signed()
    start = len(signed.header)
    damaged = bytearray(signed.encoded())
    damaged[start] = 0x04
    return Made(bytes(damaged), signed.schema.fingerprint)


def _bad_text(work: Workshop) -> Made:
    signed = work.signed()
    reference = work.draft.reference.encode()
    return Made(
        signed.encoded().replace(reference, b"\xff\xfe" + reference[2:], 1), signed.schema.fingerprint
    )


def _forged(work: Workshop) -> Made:
    signed = work.signed()
    proof = signed.read_proof()
    flipped = bytes([proof.signature[0] ^ 0x01]) + proof.signature[1:]
    forged = Proof(key_id=proof.key_id, signature=flipped)
    return _whole(replace(signed, proof=codec.write_part(signed.schema, "proof", forged)))


def _lowered(work: Workshop) -> Made:
    signed = work.signed()
    header = replace(signed.read_header(), classification=Classification.RESTRICTED, handling=())
    if header.classification is signed.read_header().classification:
        header = replace(header, classification=Classification.UNCLASSIFIED)
    return _whole(replace(signed, header=codec.write_part(signed.schema, "header", header)))


def _unknown_key(work: Workshop) -> Made:
    signed = work.signed()
    signer = Signer(f"{work.keys.participant}-99", work.keys.signer.key)
    proof = codec.write_part(signed.schema, "proof", signer.sign(signed.schema.name, signed.header))
    return _whole(replace(signed, proof=proof))


def _in_ocads_name(work: Workshop) -> Made:
    return _whole(work.signed("ocad"))


def _tampered(work: Workshop) -> Made:
    signed = work.signed()
    other = codec.write_part(
        signed.schema,
        "contact",
        replace(work.draft.sections.contact, salt=_salt(signed, "contact"), unit="-"),  # type: ignore[type-var]
    )
    parts = tuple((name, other if name == "contact" else raw) for name, raw in signed.sections)
    return _whole(replace(signed, sections=parts))


def _salt(signed: SignedBytes, section: str) -> bytes:
    raw = dict(signed.sections)[section] or b""
    return codec.read_section(signed.schema, section, raw).salt


def _with_passage(work: Workshop) -> Made:
    posting = Posting(participant=work.keys.participant, offset=0, appended_at=work.published_at)
    return _whole(work.signed().with_passage(Passage(posting=posting)))


def _other_fingerprint(work: Workshop) -> Made:
    signed = work.signed()
    return _whole(work.resigned(signed, schema_fingerprint=identity.digest(b"another schema")))


def _other_type(work: Workshop) -> Made:
    return _whole(work.resigned(work.signed(), signal_type="RadicalisationCase"))


KINDS: Final = (
    RawKind("the same bytes again", "police-gent", _genuine, repeated=True),
    RawKind("the same bytes again", "livc-liege", _genuine, repeated=True),
    RawKind("the same bytes again", "ocad", _genuine, repeated=True),
    RawKind("truncated", "police-antwerpen", _truncated, "truncated", "situation"),
    RawKind("trailing bytes", "ocad", _trailing, "trailing-bytes", ""),
    RawKind("wrong magic byte", "police-liege", _wrong_magic, "wire-format", ""),
    RawKind("empty value", "livc-gent", _empty, "empty", ""),
    RawKind("null value", "police-gent", _null, "empty", ""),
    RawKind("unknown schema", "vsse", _unknown_schema, "unknown-schema", "header.schema_fingerprint"),
    RawKind("impossible union", "police-charleroi", _bad_union, "encoding", "context"),
    RawKind("text that is no UTF-8", "livc-antwerpen", _bad_text, "text", "context"),
    RawKind("forged signature", "police-brussel-west", _forged, "signature", "proof.signature"),
    RawKind("header changed after signing", "federal-police", _lowered, "signature", "proof.signature"),
    RawKind("unknown key", "police-gent", _unknown_key, "unknown-key", "proof.key_id"),
    RawKind("in another's name", "police-gent", _in_ocads_name, "not-owner", "header.originator"),
    RawKind(
        "type not permitted",
        "livc-gent",
        _genuine,
        "not-permitted",
        "header.signal_type",
        drafted_as="police-gent",
    ),
    RawKind("section changed after signing", "livc-molenbeek", _tampered, "commitment-mismatch", "contact"),
    RawKind(
        "another fingerprint signed",
        "police-liege",
        _other_fingerprint,
        "schema-mismatch",
        "header.schema_fingerprint",
    ),
    RawKind("passage filled in", "livc-liege", _with_passage, "passage", "passage"),
    RawKind("another type signed", "ocad", _other_type, "type-mismatch", "header.signal_type"),
)
POSTINGS: Final = sum(2 if kind.repeated else 1 for kind in KINDS)


@dataclass(frozen=True, slots=True)
class RawPlan:
    """A kind with its draft; ``index`` is the place of its first message in the truth."""

    index: int
    kind: RawKind
    draft: Draft
    person: str


def messages(
    plans: tuple[RawPlan, ...],
    keys: Mapping[str, ParticipantKeys],
    published_at: datetime,
    wire_id: WireId,
) -> tuple[RawMessage, ...]:
    """Return the messages of the plans, in the order of the truth; raise KeyError without an owner's keys."""
    found: list[RawMessage] = []
    for plan in plans:
        owner = plan.kind.owner
        made = plan.kind.make(Workshop(plan.draft, keys[owner], published_at))
        schema = schemas.load(plan.draft.signal_type)
        named = (
            schema
            if made.fingerprint == schema.fingerprint
            else replace(schema, fingerprint=made.fingerprint)
        )
        headers = wire.envelope(
            named,
            identifier=str(identity.signal_id(keys[owner].secret, plan.draft.reference, plan.draft.version)),
            source=f"/participants/{owner}",
            time=published_at,
            traceparent=None,
        )
        value = made.value if made.bare else wire.wrapped(wire_id(schema.fingerprint), made.payload)
        found.extend(
            RawMessage(
                plan.index + repeat, owner, plan.kind.trap, topics.out_topic(owner).name, value, headers
            )
            for repeat in range(2 if plan.kind.repeated else 1)
        )
    return tuple(found)
