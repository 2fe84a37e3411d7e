"""Commit, sign, verify, disclose: a signal that stays provably the originator's when sections are withheld.

Composing
---------
1. The signal id follows from the agency's secret, the reference and the version; ``replaces`` from version - 1.
2. A section that the type does not have is refused. Every section gets its derived salt and is encoded; every section of
   the type is committed to, present or absent.
3. The header is encoded and signed. The same draft and published time give the same bytes (reissue).

Verifying (`verify`), in this order
-----------------------------------
1. The header names the fingerprint and the type of the schema it was read with.
2. The signature over the header's bytes holds under the key given.
3. The commitments name each section of the type once, sorted.
4. Each section present meets its commitment. An absent one cannot be told from a withheld one: that is its purpose.

Must not: decide who signed may publish what (`admission` in the processors), or touch a file.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from kruispunt_schemas import codec, framing, identity, signing
from kruispunt_schemas import schema as schemas
from kruispunt_schemas.codec import SignedBytes
from kruispunt_schemas.failures import ContractError
from kruispunt_schemas.framing import framed
from kruispunt_schemas.records.frame import Classification, Commitment, Handling, Header, Lifecycle
from kruispunt_schemas.records.judgements import JudgementHeader
from kruispunt_schemas.records.postings import ConsultationHeader, ReceiptHeader
from kruispunt_schemas.records.queries import QueryHeader
from kruispunt_schemas.records.sections import Sections, Subject


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """What an adapter makes of a source record: a signal before salts, commitments and signature.

    ``sections.context`` is required, for it holds the reference. Times are aware UTC.
    """

    signal_type: str
    version: int
    lifecycle: Lifecycle
    observed_at: datetime
    classification: Classification
    handling: tuple[Handling, ...] = ()
    sections: Sections

    @property
    def reference(self) -> str:
        """Return the originator's reference; raise ContractError without a context."""
        if self.sections.context is None:
            raise ContractError("missing", "context", "a signal needs its context: it holds the reference")
        return self.sections.context.reference


def compose(
    draft: Draft, *, originator: str, secret: bytes, signer: signing.Signer, published_at: datetime
) -> SignedBytes:
    """Return the signed signal; raise ContractError (with the field) when a value does not fit the schema."""
    try:
        schema = schemas.load(draft.signal_type)
    except KeyError:
        raise ContractError("unknown-type", "header.signal_type") from None
    if schema.name not in schemas.SIGNAL_TYPES:
        raise ContractError("unknown-type", "header.signal_type", f"{schema.name} is no signal")
    for name in Sections.NAMES:
        if name not in schema.sections and draft.sections.get(name) is not None:
            raise ContractError("unknown-section", name, f"{schema.name} has no such section")
    identifier = identity.signal_id(secret, draft.reference, draft.version)
    parts: list[tuple[str, bytes | None]] = []
    commitments: list[Commitment] = []
    for name in schema.sections:
        salt = identity.section_salt(secret, identifier, name)
        section = draft.sections.get(name)
        raw = None if section is None else codec.write_part(schema, name, replace(section, salt=salt))
        parts.append((name, raw))
        digest = commitment(schema.name, name, raw, salt)
        commitments.append(Commitment(section=name, digest=digest))
    header = Header(
        signal_id=identifier,
        signal_type=schema.name,
        schema_fingerprint=schema.fingerprint,
        originator=originator,
        version=draft.version,
        replaces=identity.signal_id(secret, draft.reference, draft.version - 1)
        if draft.version > 1
        else None,
        lifecycle=draft.lifecycle,
        observed_at=draft.observed_at,
        published_at=published_at,
        classification=draft.classification,
        handling=tuple(sorted(set(draft.handling))),
        commitments=tuple(sorted(commitments, key=lambda item: item.section)),
    )
    return _signed(schema, header, tuple(parts), signer)


def compose_receipt(header: ReceiptHeader, signer: signing.Signer) -> SignedBytes:
    """Return a signed receipt."""
    return _signed(schemas.load("Receipt"), header, (), signer)


def compose_consultation(header: ConsultationHeader, signer: signing.Signer) -> SignedBytes:
    """Return a signed consultation."""
    return _signed(schemas.load("Consultation"), header, (), signer)


def compose_judgement(header: JudgementHeader, signer: signing.Signer) -> SignedBytes:
    """Return a signed judgement."""
    return _signed(schemas.load("Judgement"), header, (), signer)


def compose_query(
    header: QueryHeader, subject: Subject, *, secret: bytes, signer: signing.Signer
) -> SignedBytes:
    """Return a signed query about a subject; its commitment is made here."""
    schema = schemas.load("Query")
    salt = identity.section_salt(secret, header.query_id, "subject")
    raw = codec.write_part(schema, "subject", replace(subject, salt=salt))
    committed = Commitment(section="subject", digest=commitment(schema.name, "subject", raw, salt))
    return _signed(schema, replace(header, commitments=(committed,)), (("subject", raw),), signer)


def _signed(
    schema: schemas.RecordSchema,
    header: codec.AnyHeader,
    parts: tuple[tuple[str, bytes | None], ...],
    signer: signing.Signer,
) -> SignedBytes:
    raw = codec.write_part(schema, "header", header)
    proof = codec.write_part(schema, "proof", signer.sign(schema.name, raw))
    return SignedBytes(schema, raw, parts, proof, None)


def commitment(signal_type: str, section: str, raw: bytes | None, salt: bytes) -> bytes:
    """Return the digest that the header holds for a section: over its bytes, or over its salt when absent."""
    presence, content = (b"absent", salt) if raw is None else (b"present", raw)
    return identity.digest(
        framed(framing.COMMITMENT_TAG, signal_type.encode(), section.encode(), presence, content)
    )


def verify(signed: SignedBytes, header: Header, public_key: bytes) -> None:
    """Raise ContractError unless a signal or view is the originator's, as the module says."""
    # 1.
    if header.schema_fingerprint != signed.schema.fingerprint:
        raise ContractError("schema-mismatch", "header.schema_fingerprint")
    if header.signal_type != signed.schema.name:
        raise ContractError("type-mismatch", "header.signal_type")
    # 2.
    verify_signature(signed, public_key)
    verify_sections(signed, header.commitments)


def verify_sections(signed: SignedBytes, commitments: tuple[Commitment, ...]) -> None:
    """Raise ContractError unless the sections meet the commitments of a signed header (steps 3 and 4)."""
    # 3.
    if tuple(item.section for item in commitments) != tuple(sorted(signed.schema.sections)):
        raise ContractError("commitments", "header.commitments", "not one for each section, sorted")
    # 4.
    committed = {item.section: item.digest for item in commitments}
    for name, raw in signed.sections:
        if raw is not None and commitment(signed.schema.name, name, raw, b"") != committed[name]:
            raise ContractError("commitment-mismatch", name, "the section is not the one that was signed")


def verify_signature(signed: SignedBytes, public_key: bytes) -> None:
    """Raise ContractError unless the header of a posting was signed with the key."""
    proof = signed.read_proof()
    if not signing.genuine(public_key, signed.schema.name, signed.header, proof.signature):
        raise ContractError("signature", "proof.signature", "it does not verify under the key that it names")
