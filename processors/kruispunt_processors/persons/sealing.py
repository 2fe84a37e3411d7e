"""Particulars sealed for the database: readable by the resolver alone, and the same bytes again on a replay.

Rules
-----
1. AES-SIV (RFC 5297): deterministic, so that a rebuild stores what was stored; the mention's id is bound in, so that
   sealed bytes cannot be moved to another mention.
2. The first byte names the key, so that keys can be renewed: what an older key sealed is still opened by it.

Must not: show a key or what is sealed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV
from kruispunt_schemas.failures import ConfigurationError, KruispuntError

FIRST_KEY: Final = 1
KEY_BYTES: Final = 64


class SealError(KruispuntError):
    """Sealed bytes cannot be opened; the text names the mention and nothing of it."""


class Sealer:
    """Seals with one key and opens with every key that it was given.

    key: 64 bytes, named by key_id (1 to 255). retired: older keys by their id, to open with.
    """

    __slots__ = ("_ciphers", "_current", "_prefix")

    def __init__(
        self, key: bytes, key_id: int = FIRST_KEY, retired: Mapping[int, bytes] | None = None
    ) -> None:
        keys = {**(retired or {}), key_id: key}
        if any(not 1 <= each <= 255 or len(found) != KEY_BYTES for each, found in keys.items()):
            raise ConfigurationError(f"a sealing key has {KEY_BYTES} bytes and an id of 1 to 255")
        self._ciphers = {each: AESSIV(found) for each, found in keys.items()}
        self._current = self._ciphers[key_id]
        self._prefix = bytes([key_id])

    def seal(self, mention_id: UUID, plain: bytes) -> bytes:
        """Return the sealed bytes: one byte of key id, 16 of authentication, then as many as were given (not none)."""
        return self._prefix + self._current.encrypt(plain, [mention_id.bytes, self._prefix])

    def open(self, mention_id: UUID, sealed: bytes) -> bytes:
        """Return what was sealed; raise SealError when it was altered, moved or sealed with a key that is not here."""
        cipher = self._ciphers.get(sealed[0]) if sealed else None
        if cipher is None:
            raise SealError(f"mention {mention_id}: sealed with a key that is not here")
        try:
            return cipher.decrypt(sealed[1:], [mention_id.bytes, sealed[:1]])
        except (InvalidTag, ValueError):
            raise SealError(f"mention {mention_id}: the sealed bytes are damaged") from None
