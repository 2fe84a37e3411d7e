"""Write the test vectors anew: ``python -m kruispunt_schemas.vectors.regenerate``.

Rules: deterministic, so that a run without a change of the contract changes no file. A vector that does change is a
change of the contract: it needs a decision record, and no data may depend on the old bytes.
Must not: read a key from a disk.
"""

from __future__ import annotations

import json
from dataclasses import fields, is_dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Final
from uuid import UUID

from kruispunt_schemas import codec, framing, identity, wire
from kruispunt_schemas import schema as schemas
from kruispunt_schemas.codec import SignedBytes
from kruispunt_schemas.disclosure import Draft, commitment
from kruispunt_schemas.vectors import chain_samples, person_samples, samples

FOLDER: Final = Path(__file__).parent
WIRE_ID: Final = 7
TRACEPARENT: Final = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_NAMES: Final = (("a",), ("a", "b"), ("ab",), ("", "ab"), ("é", ""))
_REFERENCES: Final = (("FP/2025/0042-é", 1), ("FP/2025/0042-é", 2), ("", 1), ("LSC-7", 1))


def as_json(value: object) -> Any:
    """Return a record's value as JSON data: bytes as hex, times in microseconds and days since 1970."""
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: as_json(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, tuple):
        return [as_json(item) for item in value]
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, datetime):
        elapsed = value - _EPOCH
        return (elapsed.days * 86_400 + elapsed.seconds) * 1_000_000 + elapsed.microseconds
    if isinstance(value, date):
        return (value - _EPOCH.date()).days
    return str(value) if isinstance(value, UUID) else value


def documents() -> dict[str, Any]:
    """Return the vectors by file name."""
    return {
        "identities.json": _identities(),
        "schemas.json": {
            name: {"json": schemas.load(name).json, "fingerprint": schemas.load(name).fingerprint.hex()}
            for name in schemas.TOPIC_TYPES
        },
        "signals.json": [_signal(draft) for draft in (*samples.DRAFTS, *chain_samples.DRAFTS)],
        "postings.json": [
            _posting(signed)
            for signed in (
                samples.receipt(),
                samples.consultation(),
                person_samples.judgement(),
                person_samples.query(),
            )
        ],
        "backbone.json": [
            {"type": type(record).__name__, "value": as_json(record), "avro": codec.encode(record).hex()}
            for record in (*samples.RECORDS, *person_samples.RECORDS)
        ],
        "wire.json": _wire(),
    }


def text(document: object) -> str:
    """Return a document as it stands in its file."""
    return json.dumps(document, indent=1, ensure_ascii=False, sort_keys=True) + "\n"


def main() -> None:
    """Write every file."""
    for name, document in documents().items():
        (FOLDER / name).write_text(text(document), encoding="utf-8")


def _identities() -> dict[str, Any]:
    secret, key = samples.SECRET, samples.BACKBONE_KEY
    posting, recipient = samples.POSTING, samples.RECIPIENT
    originator, signal = samples.ORIGINATOR, samples.SIGNAL_ID
    position = identity.posting_name(posting)
    view = identity.delivery_id(originator, signal, recipient)
    derived = {
        "status": (
            [position, "REFUSED", "check-digits"],
            identity.status_id(posting, "REFUSED", "check-digits"),
        ),
        "admitted": ([position], identity.admitted_id(posting)),
        "repertory": ([position], identity.event_id(posting)),
        "review": ([position], identity.review_id(posting)),
        "mention": ([position], identity.mention_id(posting)),
        "decision": ([originator, str(signal)], identity.decision_id(originator, signal)),
        "delivery": ([originator, str(signal), recipient], view),
        "withdrawal": (
            [originator, str(signal), recipient],
            identity.withdrawal_id(originator, signal, recipient),
        ),
        "quarantine": (["ADMIT", position], identity.quarantine_id("ADMIT", posting)),
        "revision": (
            [str(samples.JUDGEMENT_ID), position],
            identity.revision_id(samples.JUDGEMENT_ID, posting),
        ),
        "applied": ([str(samples.JUDGEMENT_ID)], identity.applied_id(samples.JUDGEMENT_ID)),
        "pseudonyms": (
            [originator, str(signal), recipient, str(samples.JUDGEMENT_ID)],
            identity.pseudonym_change_id(originator, signal, recipient, samples.JUDGEMENT_ID),
        ),
        "answer": ([str(person_samples.QUERY_ID)], identity.answer_id(person_samples.QUERY_ID)),
        "answered": ([str(person_samples.QUERY_ID)], identity.answered_id(person_samples.QUERY_ID)),
        "access-alert": (
            [str(person_samples.QUERY_ID), recipient],
            identity.access_alert_id(person_samples.QUERY_ID, recipient),
        ),
        "receipt": ([recipient, str(view), "STORED"], identity.receipt_id(recipient, view, "STORED")),
    }
    return {
        "tags": {
            name.removesuffix("_TAG").lower(): value.decode()
            for name, value in vars(framing).items()
            if name.endswith("_TAG")
        },
        "framing": [
            {"parts": list(parts), "framed": framing.framed(*(part.encode() for part in parts)).hex()}
            for parts in _NAMES
        ],
        "signal_ids": [
            {
                "secret": secret.hex(),
                "reference": reference,
                "version": version,
                "signal_id": str(identity.signal_id(secret, reference, version)),
            }
            for reference, version in _REFERENCES
        ],
        "section_salts": [
            {
                "secret": secret.hex(),
                "signal_id": str(samples.SIGNAL_ID),
                "section": section,
                "salt": identity.section_salt(secret, samples.SIGNAL_ID, section).hex(),
            }
            for section in schemas.load("RadicalisationCase").sections
        ],
        "case_keys": [
            {
                "key": key.hex(),
                "originator": samples.ORIGINATOR,
                "reference": reference,
                "case_key": identity.case_key(key, samples.ORIGINATOR, reference).hex(),
            }
            for reference, _ in _REFERENCES
        ],
        "pseudonyms": [
            {
                "key": key.hex(),
                "recipient": name,
                "person": "person-1",
                "pseudonym": identity.pseudonym(key, name, "person-1"),
            }
            for name in (recipient, "ltf-gent")
        ],
        "derived_ids": {
            "namespace": str(identity.BACKBONE_NAMESPACE),
            "ids": [
                {"purpose": purpose, "causes": causes, "id": str(found)}
                for purpose, (causes, found) in derived.items()
            ],
        },
    }


def _signal(draft: Draft) -> dict[str, Any]:
    signed = samples.composed(draft)
    header = signed.read_header()
    digests = {item.section: item.digest for item in header.commitments}
    sections: dict[str, Any] = {}
    for name, raw in signed.sections:
        salt = identity.section_salt(samples.SECRET, header.signal_id, name)
        sections[name] = {
            "salt": salt.hex(),
            "value": None if raw is None else as_json(codec.read_section(signed.schema, name, raw)),
            "avro": None if raw is None else raw.hex(),
            "commitment": digests[name].hex(),
            "commitment_if_absent": commitment(signed.schema.name, name, None, salt).hex(),
        }
    released = frozenset({"context", "contact"})
    return {
        **_posting(signed),
        "secret": samples.SECRET.hex(),
        "reference": draft.reference,
        "sections": sections,
        "view": {
            "released": sorted(released),
            "passage": as_json(samples.PASSAGE),
            "avro": signed.releasing(released).with_passage(samples.PASSAGE).encoded().hex(),
        },
    }


def _posting(signed: SignedBytes) -> dict[str, Any]:
    proof = signed.read_proof()
    return {
        "type": signed.schema.name,
        "signing_key": samples.SEED.hex(),
        "public_key": samples.signer().public_key().hex(),
        "header": {
            "value": as_json(signed.read_any_header()),
            "avro": signed.header.hex(),
        },
        "proof": {"value": as_json(proof), "avro": signed.proof.hex()},
        "avro": signed.encoded().hex(),
    }


def _wire() -> dict[str, Any]:
    signed = samples.composed(samples.CASE)
    source = f"/participants/{samples.ORIGINATOR}"
    headers = wire.envelope(
        signed.schema,
        identifier=str(samples.SIGNAL_ID),
        source=source,
        time=samples.TIME,
        traceparent=TRACEPARENT,
    )
    return {
        "wire_id": WIRE_ID,
        "type": signed.schema.name,
        "identifier": str(samples.SIGNAL_ID),
        "source": source,
        "time_micros": as_json(samples.TIME),
        "traceparent": TRACEPARENT,
        "avro": signed.encoded().hex(),
        "value": wire.wrapped(WIRE_ID, signed.encoded()).hex(),
        "headers": {name: value.decode() for name, value in headers},
    }


if __name__ == "__main__":
    main()
