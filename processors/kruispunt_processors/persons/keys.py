"""Where to look for a person: keyed hashes of what two writings of one person are likely to share.

Rules: a key is an HMAC under the backbone's person key, cut to 64 bits, so that the database learns which mentions share
something and not what; keys are sorted by value, for they are locked in that order.

Must not: keep a name.
"""

from __future__ import annotations

import hmac
from enum import StrEnum
from typing import NamedTuple

from kruispunt_schemas import framing
from kruispunt_schemas.framing import framed

from kruispunt_processors.persons.normalisation import Particulars


class KeyKind(StrEnum):
    """What the mentions under a key share."""

    NUMBER = "number"
    BIRTH = "birth"
    YEAR = "year"
    DAY = "day"
    NAMES = "names"


class BlockingKey(NamedTuple):
    """A key: what is shared, and its keyed hash as a signed 64-bit number."""

    kind: KeyKind
    value: int


def blocking_keys(particulars: Particulars, secret: bytes) -> tuple[BlockingKey, ...]:
    """Return the keys that a mention is found by and finds others by, sorted by value, each value once."""
    found: dict[int, KeyKind] = {}
    year, month, day = particulars.birth
    if particulars.number:
        found[_value(secret, KeyKind.NUMBER, particulars.number)] = KeyKind.NUMBER
    for name in particulars.names:
        both = " ".join(sorted((*name.family, *name.given)))
        if year:
            found[_value(secret, KeyKind.YEAR, f"{year} {both}")] = KeyKind.YEAR
        if day:
            first, second = sorted((month, day))
            found[_value(secret, KeyKind.DAY, f"{first} {second} {both}")] = KeyKind.DAY
        if not year:
            found[_value(secret, KeyKind.NAMES, both)] = KeyKind.NAMES
    return tuple([BlockingKey(kind, value) for value, kind in sorted(found.items())])


def _value(secret: bytes, kind: KeyKind, text: str) -> int:
    digest = hmac.digest(secret, framed(framing.PERSON_KEY_TAG, kind.encode(), text.encode()), "sha256")
    return int.from_bytes(digest[:8], "big", signed=True)
