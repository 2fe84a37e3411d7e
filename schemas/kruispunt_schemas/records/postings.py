"""What a participant posts besides signals: receipts and consultations, signed like signals.

Rules: the first field is the header, the signature covers its bytes. Must not: hold behaviour.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from kruispunt_schemas.records.frame import Passage, Proof


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsultationHeader:
    """Who opened which view for what purpose (art. 25 of Directive (EU) 2016/680)."""

    consultation_id: UUID
    participant: str
    user: str
    output_id: UUID
    signal_id: UUID
    purpose: str
    consulted_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Consultation:
    """Posting: a consultation, recorded before anything is displayed."""

    header: ConsultationHeader
    proof: Proof
    passage: Passage | None = None


class ReceiptResult(StrEnum):
    """Stored, copy withdrawn, or rejected because it did not verify."""

    UNRECOGNISED = "UNRECOGNISED"
    STORED = "STORED"
    WITHDRAWN = "WITHDRAWN"
    REJECTED = "REJECTED"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiptHeader:
    """What a recipient acknowledges."""

    receipt_id: UUID
    participant: str
    output_id: UUID
    result: ReceiptResult
    reason: str | None = None
    stored_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """Posting: a recipient's receipt."""

    header: ReceiptHeader
    proof: Proof
    passage: Passage | None = None
