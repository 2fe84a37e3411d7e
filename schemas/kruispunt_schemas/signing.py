"""Ed25519 signatures (RFC 8032) over the header's bytes.

Rule: what is signed is framed(tag, record type, header bytes), always under the writer's schema.
Must not: read a file (`keys`) or decide whether a key was valid at a time (`needtoknow.bundle`).
"""

from __future__ import annotations

from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from kruispunt_schemas import framing
from kruispunt_schemas.framing import framed
from kruispunt_schemas.records.frame import Proof


@dataclass(frozen=True, slots=True)
class Signer:
    """A participant's signing key and its name in the bundle."""

    key_id: str
    key: Ed25519PrivateKey

    def sign(self, record_type: str, header: bytes) -> Proof:
        """Return the proof for a header."""
        return Proof(key_id=self.key_id, signature=self.key.sign(signed_bytes(record_type, header)))

    def public_key(self) -> bytes:
        """Return the raw public key, 32 bytes."""
        return self.key.public_key().public_bytes_raw()


def signed_bytes(record_type: str, header: bytes) -> bytes:
    """Return the bytes that a signature is made over."""
    return framed(framing.SIGNATURE_TAG, record_type.encode(), header)


def genuine(public_key: bytes, record_type: str, header: bytes, signature: bytes) -> bool:
    """Tell whether the signature over a header was made with the key (raw, 32 bytes)."""
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(signature, signed_bytes(record_type, header))
    except (InvalidSignature, ValueError):
        return False
    return True
