"""Identities that make replays harmless (CONTRACT sections 3 and 4): all pure, all derived from their causes.

Rules
-----
1. A signal id is a UUIDv8 of HMAC-SHA256(agency secret, tag, reference, version): publishing again is harmless, and
   nothing can be guessed back from it. Version and variant bits are set as RFC 9562 asks.
2. A salt is HKDF-SHA256(agency secret, tag, signal id, section name), 16 bytes.
3. Everything the backbone writes is a UUIDv5 of what caused it and whom it is for. It has no key, so whoever guesses
   the cause can check the guess:
   a. What reaches a recipient (decision, delivery, withdrawal) is derived from originator and signal id. A recipient
      of the signal knows both; nobody else can guess a signal id. Each signal id of an originator is decided at most
      once, and once for each judgement that touches it; the id of a judgement, like that of a query, is random.
   b. An out-position can be guessed, and tells how much its participant posts. Only ids that reach nobody else are
      derived from one.

Must not: use a random number or a clock.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import Final
from uuid import UUID, uuid5

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from kruispunt_schemas import framing
from kruispunt_schemas.framing import framed
from kruispunt_schemas.records.frame import Posting

SALT_BYTES: Final = 16
SECRET_BYTES: Final = 32
BACKBONE_NAMESPACE: Final = UUID("6f0d2b5e-9c3a-5c1f-8a44-1d7e5b1c0a21")


def signal_id(secret: bytes, reference: str, version: int) -> UUID:
    """Return the id of a version of an agency's reference."""
    parts = framed(framing.SIGNAL_ID_TAG, reference.encode(), str(version).encode())
    digest = bytearray(hmac.digest(secret, parts, "sha256")[:16])
    digest[6] = (digest[6] & 0x0F) | 0x80
    digest[8] = (digest[8] & 0x3F) | 0x80
    return UUID(bytes=bytes(digest))


def section_salt(secret: bytes, signal: UUID, section: str) -> bytes:
    """Return the salt of a section, 16 bytes; the same for a reissue."""
    info = framed(framing.SALT_TAG, signal.bytes, section.encode())
    return HKDF(algorithm=SHA256(), length=SALT_BYTES, salt=None, info=info).derive(secret)


def case_key(key: bytes, originator: str, reference: str) -> bytes:
    """Return the keyed hash of originator and reference, 32 bytes: the message key of internal topics."""
    return hmac.digest(key, framed(framing.CASE_KEY_TAG, originator.encode(), reference.encode()), "sha256")


def pseudonym(key: bytes, recipient: str, person: str) -> str:
    """Return the pairwise pseudonym of a person for one recipient, 32 hex digits."""
    parts = framed(framing.PSEUDONYM_TAG, recipient.encode(), person.encode())
    return hmac.digest(key, parts, "sha256")[:16].hex()


def derived_id(purpose: str, *causes: str) -> UUID:
    """Return the UUIDv5 of a purpose and its causes."""
    name = framed(purpose.encode(), *(cause.encode() for cause in causes))
    return uuid5(BACKBONE_NAMESPACE, name.hex())


def posting_name(posting: Posting) -> str:
    """Return the name of an out-position: ``participant/offset``."""
    return f"{posting.participant}/{posting.offset}"


def status_id(posting: Posting, verdict: str, reason: str | None = None) -> UUID:
    """Return the output id of a posting's status: what became of it is part of it, for a retry may end in another way."""
    return derived_id("status", posting_name(posting), verdict, reason or "")


def admitted_id(posting: Posting) -> UUID:
    """Return the id of an admitted posting."""
    return derived_id("admitted", posting_name(posting))


def event_id(posting: Posting) -> UUID:
    """Return the id of the repertory event that a posting causes."""
    return derived_id("repertory", posting_name(posting))


def review_id(posting: Posting) -> UUID:
    """Return the id of the review that a posting raises."""
    return derived_id("review", posting_name(posting))


def mention_id(posting: Posting) -> UUID:
    """Return the id of the mention of a person in a posting."""
    return derived_id("mention", posting_name(posting))


def decision_id(originator: str, signal_id: UUID, judgement: UUID | None = None) -> UUID:
    """Return the id of the decision on a signal: recipients see it, so it tells nothing of the posting.

    judgement: of a decision again, the random id of the judgement that asks for it; so in the three below.
    """
    return derived_id("decision", originator, str(signal_id), *_round(judgement))


def delivery_id(originator: str, signal_id: UUID, recipient: str, judgement: UUID | None = None) -> UUID:
    """Return the output id of a signal's view for one recipient, from what its header tells the recipient."""
    return derived_id("delivery", originator, str(signal_id), recipient, *_round(judgement))


def withdrawal_id(originator: str, signal_id: UUID, recipient: str, judgement: UUID | None = None) -> UUID:
    """Return the output id of a withdrawal for one recipient; the signal is the version that it may not see."""
    return derived_id("withdrawal", originator, str(signal_id), recipient, *_round(judgement))


def pseudonym_change_id(originator: str, signal_id: UUID, recipient: str, judgement: UUID) -> UUID:
    """Return the output id of what tells a recipient other pseudonyms for a view that it holds."""
    return derived_id("pseudonyms", originator, str(signal_id), recipient, *_round(judgement))


def _round(judgement: UUID | None) -> tuple[str, ...]:
    return () if judgement is None else (str(judgement),)


def applied_id(judgement: UUID) -> UUID:
    """Return the id of the repertory event that a judgement causes."""
    return derived_id("applied", str(judgement))


def split_person(judgement: UUID) -> str:
    """Return the reference of the person that a split makes."""
    return str(derived_id("person", "split", str(judgement)))


def revision_id(judgement: UUID, posting: Posting) -> UUID:
    """Return the id of what a judgement says anew of a posting."""
    return derived_id("revision", str(judgement), posting_name(posting))


def answer_id(query: UUID) -> UUID:
    """Return the output id of the answer to a query."""
    return derived_id("answer", str(query))


def answered_id(query: UUID) -> UUID:
    """Return the id of the access record of an answer."""
    return derived_id("answered", str(query))


def access_alert_id(query: UUID, recipient: str) -> UUID:
    """Return the output id of an alert to an oversight body."""
    return derived_id("access-alert", str(query), recipient)


def quarantine_id(stage: str, posting: Posting) -> UUID:
    """Return the id of a quarantine entry."""
    return derived_id("quarantine", stage, posting_name(posting))


def receipt_id(participant: str, output: UUID, result: str) -> UUID:
    """Return the id of a receipt."""
    return derived_id("receipt", participant, str(output), result)


def digest(value: bytes) -> bytes:
    """Return the SHA-256 of bytes."""
    return hashlib.sha256(value).digest()
