"""A name as ASCII tokens: scripts, diacritics, case and particles folded away.

Must not: compare.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import Final, NamedTuple

from anyascii import anyascii

MAX_TOKENS: Final = 8
"""Tokens kept of one part of a name."""
MAX_TOKEN: Final = 40
"""Characters kept of one token."""
_TOKENS: Final = re.compile(r"[a-z0-9]+")
_DOTLESS: Final = {0x131: "i", 0x130: "i"}


class Name(NamedTuple):
    """A name: family and given names as tokens; a particle is joined to the token that it precedes."""

    family: tuple[str, ...]
    given: tuple[str, ...]


@lru_cache(maxsize=65_536)
def tokens(text: str) -> tuple[str, ...]:
    """Return the ASCII tokens of a text, in order."""
    if not text.isascii():
        text = anyascii(unicodedata.normalize("NFKD", text.translate(_DOTLESS)))
    return tuple([item[:MAX_TOKEN] for item in _TOKENS.findall(text.lower())[:MAX_TOKENS]])


@lru_cache(maxsize=65_536)
def folded_name(family: str, particle: str, given: str) -> Name | None:
    """Return a name folded, None when nothing of it is left."""
    found = Name(tokens(f"{particle} {family}"), tokens(given))
    return found if found.family or found.given else None
