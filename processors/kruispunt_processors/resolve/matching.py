"""Who a signal is about: keyed hashes to find candidates, and the decision between them.

This matcher is exact: a valid national number, or the normalised name with the full date of birth. Its interface is
the resolver's: `mention` makes the keys and the sealed identity, `match` decides among the persons that the keys
found. What is ambiguous becomes a provisional person and a review; it never blocks the stream.

Must not: read the database or keep a name.
"""

from __future__ import annotations

import hmac
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from anyascii import anyascii
from cryptography.hazmat.primitives.ciphers.aead import AESSIV
from kruispunt_schemas import framing, identity
from kruispunt_schemas.framing import framed
from kruispunt_schemas.records.frame import Posting
from kruispunt_schemas.records.sections import PersonName, Subject, SubjectKind

NUMBER: Final = b"number"
NAME_AND_BIRTH: Final = b"name-and-birth"
_TOKENS: Final = re.compile(r"[a-z0-9]+")


@dataclass(frozen=True, slots=True)
class Mention:
    """A person as one signal mentions it: keyed hashes only, and the identity sealed."""

    mention_id: UUID
    number_key: bytes | None
    name_keys: tuple[bytes, ...]
    sealed_identity: bytes

    @property
    def keys(self) -> tuple[bytes, ...]:
        """Return every key, sorted."""
        return tuple(sorted({*self.name_keys, *((self.number_key,) if self.number_key else ())}))


@dataclass(frozen=True, slots=True)
class Match:
    """The person decided on; ``candidates`` is not empty when an analyst must decide."""

    reference: str
    is_new: bool
    candidates: tuple[str, ...] = ()


def mention(
    subject: Subject | None, posting: Posting, *, person_key: bytes, sealing_key: bytes
) -> Mention | None:
    """Return the mention that a subject makes, None when it is no person or has nothing to be found by.

    person_key: 32 bytes of HMAC key. sealing_key: 64 bytes for AES-SIV (RFC 5297), which gives the same bytes again.
    """
    if subject is None or subject.kind not in (SubjectKind.PERSON, SubjectKind.ORGANISATION):
        return None
    number = subject.national_number or subject.enterprise_number
    number_key = _key(person_key, NUMBER, number.encode()) if number else None
    birth = subject.birth
    name_keys: tuple[bytes, ...] = ()
    if birth is not None and birth.year and birth.month and birth.day:
        day = f"{birth.year:04}-{birth.month:02}-{birth.day:02}".encode()
        names = {normalised(name) for name in subject.names}
        name_keys = tuple(
            _key(person_key, NAME_AND_BIRTH, name.encode(), day) for name in sorted(names) if name
        )
    if number_key is None and not name_keys:
        return None
    identifier = identity.mention_id(posting)
    plain = json.dumps(
        {
            "names": [[name.family, name.particle, name.given] for name in subject.names],
            "birth": [birth.year, birth.month, birth.day] if birth else None,
            "number": number,
        },
        ensure_ascii=False,
    )
    sealed = AESSIV(sealing_key).encrypt(plain.encode(), [identifier.bytes])
    return Mention(identifier, number_key, name_keys, sealed)


def match(found: Mapping[bytes, frozenset[str]], mentioned: Mention, posting: Posting) -> Match:
    """Return the person that a mention belongs to, among those that its keys found.

    1. The number names exactly one person: that person. Where the name names only others, a review beside it.
    2. No number: the name and birth name exactly one person: that person.
    3. Nothing was found: a new person.
    4. Anything else: a provisional person, and the candidates go to review. The next mention with the same number finds
       the provisional person by rule 1 and asks no further question.
    """
    by_number = found.get(mentioned.number_key, frozenset()) if mentioned.number_key else frozenset()
    by_name = frozenset[str]().union(*(found.get(key, frozenset()) for key in mentioned.name_keys))
    if len(by_number) == 1:
        (reference,) = by_number
        agrees = not by_name or reference in by_name
        return Match(reference, is_new=False, candidates=() if agrees else tuple(sorted(by_number | by_name)))
    if mentioned.number_key is None and len(by_name) == 1:
        return Match(next(iter(by_name)), is_new=False)
    fresh = str(identity.derived_id("person", identity.posting_name(posting)))
    return Match(fresh, is_new=True, candidates=tuple(sorted(by_number | by_name)))


def normalised(name: PersonName) -> str:
    """Return a name as sorted ASCII tokens: order, case, diacritics and hyphens make no difference."""
    text = f"{name.family} {name.particle} {name.given}".replace("\u0131", "i").replace("\u0130", "i")
    return " ".join(sorted(_TOKENS.findall(anyascii(text).lower())))


def _key(secret: bytes, kind: bytes, *values: bytes) -> bytes:
    return hmac.digest(secret, framed(framing.PERSON_KEY_TAG, kind, *values), "sha256")[:16]
