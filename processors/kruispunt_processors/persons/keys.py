"""Where to look for a person: keyed hashes of what two writings of one person are likely to share.

Rules
-----
1. ``number``: the national or enterprise number. ``birth``: the full date with the first two consonants of a name, for each
   of its words. ``year``: the year with the sounds of family and given name, sorted. ``day``: day and month, sorted, with
   the same. ``names``: the names alone, of an organisation and where the year is not known.
2. A key is a keyed BLAKE2b (RFC 7693) of 64 bits under the backbone's person key, so that the database learns which mentions share
   something and not what; two kinds never share a value by design.
3. Sorted by value, for they are locked in that order.

Must not: keep a name.
"""

from __future__ import annotations

from enum import StrEnum
from functools import lru_cache
from hashlib import blake2b
from itertools import islice
from typing import Final, NamedTuple

from kruispunt_schemas import framing
from kruispunt_schemas.framing import framed

from kruispunt_processors.persons.names import Name, sound
from kruispunt_processors.persons.normalisation import Kind, Particulars

SOUNDS: Final = 2
"""Consonants of a word under a ``birth`` key."""
MAX_WORDS: Final = 5
"""Words of a subject's names that have a ``birth`` key, sorted."""
MAX_NAMES: Final = 4
"""Names of a subject that have keys of their own."""


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
    year, month, day = particulars.birth
    wanted: set[tuple[KeyKind, str]] = set()
    if particulars.number:
        wanted.add((KeyKind.NUMBER, particulars.number))
    names = particulars.names[:MAX_NAMES]
    if year and month and day:
        date = f"{year} {month} {day} "
        heard = {sound(word)[:SOUNDS] for name in names for word in (*name.family, *name.given)}
        wanted.update([(KeyKind.BIRTH, date + each) for each in islice(sorted(heard), MAX_WORDS)])
    alone = not year or particulars.kind is Kind.ORGANISATION
    for both in {_both(name) for name in names}:
        if year:
            wanted.add((KeyKind.YEAR, f"{year} {both}"))
        if month and day:
            wanted.add((KeyKind.DAY, f"{min(month, day)} {max(month, day)} {both}"))
        if alone:
            wanted.add((KeyKind.NAMES, both))
    found = {_value(secret, kind, text): kind for kind, text in wanted}
    return tuple([BlockingKey(kind, value) for value, kind in sorted(found.items())])


def _both(name: Name) -> str:
    """Return the sounds of the first family and the first given name, the same in either order."""
    return " ".join(sorted([sound(part[0]) for part in name if part]))


def _value(secret: bytes, kind: KeyKind, text: str) -> int:
    made = _keyed(secret, kind).copy()
    made.update(text.encode())
    return int.from_bytes(made.digest(), "big", signed=True)


@lru_cache(maxsize=32)
def _keyed(secret: bytes, kind: KeyKind) -> blake2b:
    """Return the keyed hash of a kind before the text: to copy it costs a third of an HMAC-SHA256."""
    return blake2b(framed(framing.PERSON_KEY_TAG, kind.encode()), key=secret, digest_size=8)
