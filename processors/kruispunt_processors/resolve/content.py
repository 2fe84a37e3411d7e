"""The content of a signal as one keyed hash: equal for the same content under another reference.

Rules
-----
1. Over all sections, distribution, classification and handling, without salts, reference, version and times (CONTRACT
   section 4). Keyed, for a plain hash of a short content can be guessed. A recall has no content.
2. Made from the bytes that were committed to: a section begins with its salt, a context goes on with its reference, and
   both are replaced by nothing. Nothing is parsed or written again.

Must not: keep or show the content.
"""

from __future__ import annotations

import hmac
from typing import Final

from kruispunt_schemas import framing, identity
from kruispunt_schemas.codec import SignedBytes
from kruispunt_schemas.framing import framed
from kruispunt_schemas.records.frame import Header, Lifecycle

_NO_SALT: Final = bytes(identity.SALT_BYTES)
_NO_TEXT: Final = b"\x00"
_CONTEXT: Final = "context"


def fingerprint(key: bytes, signed: SignedBytes, header: Header) -> bytes | None:
    """Return the keyed hash of a signal's content, 32 bytes; None for a recall."""
    if header.lifecycle is Lifecycle.RECALL:
        return None
    parts = [
        framing.CONTENT_TAG,
        header.signal_type.encode(),
        header.classification.value.encode(),
        " ".join(header.handling).encode(),
    ]
    for name, raw in signed.sections:
        if raw is None:
            continue
        content = raw[identity.SALT_BYTES :]
        if name == _CONTEXT:
            content = _NO_TEXT + _after_text(content)
        parts += [name.encode(), _NO_SALT + content]
    return hmac.digest(key, framed(*parts), "sha256")


def _after_text(raw: bytes) -> bytes:
    """Return what comes after an Avro string: its length is a zigzag varint of 7 bits a byte, lowest first."""
    length, place = 0, 0
    while raw[place] & 0x80:
        length |= (raw[place] & 0x7F) << (7 * place)
        place += 1
    length |= raw[place] << (7 * place)
    return raw[place + 1 + (length >> 1) :]
