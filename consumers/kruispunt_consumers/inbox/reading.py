"""What arrived on ``in.<participant>``, decoded: a view, a withdrawal, other pseudonyms, a status, or what cannot be read.

Rules
-----
1. The schema is the one that ``ce_dataschema`` names by its fingerprint; the registry's id is not looked at.
2. A signal is cut into its bytes (`codec.decode_signed`), for commitments are made over bytes.
3. What cannot be read is a value with the reason and the field. Its output id is taken from ``ce_id`` when that is a
   UUID, so that the sender still gets a receipt.
4. ``digest`` is over fingerprint and Avro bytes: two copies of an output are the same when these are.

Must not: verify anything (`verification`), or ask a clock.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from kruispunt_schemas import codec, wire
from kruispunt_schemas.codec import SignedBytes
from kruispunt_schemas.failures import ContractError
from kruispunt_schemas.records.backbone import Status, Withdrawal
from kruispunt_schemas.records.frame import Delivery, Header, Passage, Proof
from kruispunt_schemas.records.judgements import PseudonymChange
from kruispunt_schemas.schema import SIGNAL_TYPES


@dataclass(frozen=True, slots=True)
class Arrival:
    """One record of the topic. appended_at: the broker's time."""

    offset: int
    appended_at: datetime
    value: bytes | None
    headers: dict[str, bytes]


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """A signal as its recipient may see it."""

    output_id: UUID
    signed: SignedBytes
    header: Header
    proof: Proof
    passage: Passage
    delivery: Delivery
    payload: bytes
    digest: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class WithdrawalNotice:
    """The backbone withdraws views."""

    output_id: UUID
    withdrawal: Withdrawal
    payload: bytes
    digest: bytes

    @property
    def recipient(self) -> str:
        """Return whom it is for."""
        return self.withdrawal.recipient


@dataclass(frozen=True, slots=True, kw_only=True)
class PseudonymNotice:
    """The persons of a view are called otherwise from now on."""

    output_id: UUID
    change: PseudonymChange
    payload: bytes
    digest: bytes

    @property
    def recipient(self) -> str:
        """Return whom it is for."""
        return self.change.recipient


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusNotice:
    """What admission did with a posting of this participant."""

    status: Status


@dataclass(frozen=True, slots=True, kw_only=True)
class Unreadable:
    """A record that is none of these; ``output_id`` as its headers name it."""

    output_id: UUID | None
    reason: str
    field: str
    digest: bytes


Reading = View | WithdrawalNotice | PseudonymNotice | StatusNotice | Unreadable


def read(arrival: Arrival) -> Reading:
    """Return what a record of the topic is."""
    try:
        return _readable(arrival)
    except ContractError as error:
        return Unreadable(
            output_id=_named_output(arrival.headers),
            reason=error.reason,
            field=error.field,
            digest=_digest(wire.fingerprint_of(arrival.headers), arrival.value or b""),
        )


def _readable(arrival: Arrival) -> Reading:
    payload = wire.unwrapped(arrival.value)
    schema = codec.schema_of(wire.fingerprint_of(arrival.headers))
    digest = _digest(schema.fingerprint, payload)
    if schema.name in SIGNAL_TYPES:
        return view_of(codec.decode_signed(schema, payload), payload, digest)
    if schema.name == "Withdrawal":
        withdrawal = codec.decode(schema, payload, Withdrawal)
        return WithdrawalNotice(
            output_id=withdrawal.output_id, withdrawal=withdrawal, payload=payload, digest=digest
        )
    if schema.name == "PseudonymChange":
        change = codec.decode(schema, payload, PseudonymChange)
        return PseudonymNotice(output_id=change.output_id, change=change, payload=payload, digest=digest)
    if schema.name == "Status":
        return StatusNotice(status=codec.decode(schema, payload, Status))
    raise ContractError("foreign-record", "", f"a {schema.name} does not belong on this topic")


def view_of(signed: SignedBytes, payload: bytes, digest: bytes) -> View:
    """Return a view of its bytes; raise ContractError when it was never delivered to anyone."""
    passage = signed.read_passage()
    if passage is None or passage.delivery is None:
        raise ContractError("missing", "passage.delivery" if passage else "passage")
    return View(
        output_id=passage.delivery.output_id,
        signed=signed,
        header=signed.read_header(),
        proof=signed.read_proof(),
        passage=passage,
        delivery=passage.delivery,
        payload=payload,
        digest=digest,
    )


def _digest(fingerprint: bytes | None, payload: bytes) -> bytes:
    return hashlib.sha256((fingerprint or bytes(32)) + payload).digest()


def _named_output(headers: dict[str, bytes]) -> UUID | None:
    try:
        return UUID(headers.get("ce_id", b"").decode("ascii"))
    except ValueError:
        return None
