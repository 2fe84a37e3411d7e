"""Length framing and domain tags: what every hash, keyed hash and signature is made over.

Rule: ``framed(a, b)`` is the 8-byte big-endian length of a, then a, then the same for b; so no two lists of parts
have the same bytes. A domain tag comes first, so that no value means something in two places.
"""

from __future__ import annotations

from typing import Final

COMMITMENT_TAG: Final = b"kruispunt/commitment/1"
SIGNATURE_TAG: Final = b"kruispunt/signature/1"
SIGNAL_ID_TAG: Final = b"kruispunt/signal-id/1"
SALT_TAG: Final = b"kruispunt/salt/1"
CASE_KEY_TAG: Final = b"kruispunt/case-key/1"
CONTENT_TAG: Final = b"kruispunt/content/1"
PERSON_KEY_TAG: Final = b"kruispunt/person-key/1"
PSEUDONYM_TAG: Final = b"kruispunt/pseudonym/1"


def framed(*parts: bytes) -> bytes:
    """Return the parts with the length of each before it."""
    return b"".join(len(part).to_bytes(8, "big") + part for part in parts)
