"""Texts as ASCII tokens: scripts, diacritics, case, apostrophes and particles folded away.

Rules, in this order
--------------------
1. The Turkish dotless i becomes i, an apostrophe nothing; then NFKD, ASCII (anyascii), lower case, runs of letters and
   digits.
2. In a name a particle (van der, de, el, ben, abd al) is joined to the word that it precedes, -eddine to the word that it
   follows: ``Van den Berg`` and ``Vandenberg`` are one. The same in family and given name, which sources swap.
3. A *stem* is a word without the particle at its front, a *skeleton* its consonants as they sound: not fit to be
   compared alone, but two writings of one name mostly share them.

Must not: compare.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import Final, NamedTuple

from anyascii import anyascii

from kruispunt_processors.persons.variants import COUNTRIES, FORM, place_names

MAX_TOKENS: Final = 8
"""Tokens kept of one part of a name."""
MAX_TOKEN: Final = 40
"""Characters kept of one token."""
CACHED: Final = 65_536
"""Texts of which the folding is kept in memory."""
PARTICLES: Final = frozenset(
    [
        "van",
        "vander",
        "vanden",
        "vande",
        "von",
        "zu",
        "zum",
        "zur",
        "vom",
        "op",
        "in",
        "de",
        "den",
        "der",
        "des",
        "du",
        "d",
        "la",
        "le",
        "les",
        "l",
        "ter",
        "ten",
        "te",
        "t",
        "di",
        "da",
        "das",
        "dos",
        "do",
        "del",
        "della",
        "el",
        "al",
        "ad",
        "ar",
        "as",
        "at",
        "az",
        "an",
        "ul",
        "abd",
        "abdel",
        "abdul",
        "abdal",
        "abdoul",
        "ben",
        "bin",
        "ibn",
        "bint",
        "abu",
        "abou",
        "ould",
        "oulad",
        "ait",
        "bou",
    ]
)
_SUFFIXES: Final = frozenset(
    ["eddine", "edine", "eddin", "ddine", "addin", "addine", "uddin", "oddin", "eldin", "eldine", "aldin"]
)
_FAITH: Final = frozenset(("din", "dine", "deen"))
_ARTICLES: Final = frozenset(("ed", "ud"))
_STEM: Final = re.compile(r"(?:van(?:de[nr]?|t)?|vonder|von|de|du|el|al|ben)(?=.{3})")
_TOKENS: Final = re.compile(r"[a-z0-9]+")
_FOLDED_FIRST: Final = {
    0x131: "i",
    0x130: "i",
    **dict.fromkeys(map(ord, "'`\u00b4\u2018\u2019\u02bc\u02bb\u02be\u02bf")),
}
_SOUNDS: Final = (
    (re.compile("tsch|tch|sch|sh|ch"), "s"),
    (re.compile("dzh|dj|zh"), "j"),
    (re.compile("ph"), "f"),
    (re.compile("gh"), "g"),
    (re.compile("c(?=[eiy])|z"), "s"),
    (re.compile("ck|c|q"), "k"),
    (re.compile("x"), "ks"),
    (re.compile("dt"), "t"),
    (re.compile("[hw]"), ""),
)
_VOWELS: Final = re.compile("[aeiouy]+")
_REPEATED: Final = re.compile(r"(.)\1+")


class Name(NamedTuple):
    """A name: words of the family and of the given name, particles joined."""

    family: tuple[str, ...]
    given: tuple[str, ...]


@lru_cache(maxsize=CACHED)
def tokens(text: str) -> tuple[str, ...]:
    """Return the ASCII tokens of a text, in order: at most `MAX_TOKENS` of `MAX_TOKEN` characters."""
    if not text.isascii():
        text = anyascii(unicodedata.normalize("NFKD", text.translate(_FOLDED_FIRST)))
    return tuple([item[:MAX_TOKEN] for item in _TOKENS.findall(text.lower().replace("'", ""))[:MAX_TOKENS]])


@lru_cache(maxsize=CACHED)
def words(text: str) -> tuple[str, ...]:
    """Return the words of one part of a name, particles joined."""
    found: list[str] = []
    before = ""
    for token in tokens(text):
        if token in PARTICLES:
            before += token
        elif token in _SUFFIXES and found and not before:
            found[-1] += token
        elif token in _FAITH and found and (before or found[-1] in _ARTICLES):
            if not before:
                before = found.pop()
            if found:
                found[-1] += before + token
            else:
                found.append(before + token)
            before = ""
        else:
            found.append((before + token)[:MAX_TOKEN])
            before = ""
    if before:
        found.append(before[:MAX_TOKEN])
    return tuple(found)


def folded_name(family: str, particle: str, given: str) -> Name | None:
    """Return a name folded, None when nothing of it is left."""
    found = Name(words(f"{particle} {family}" if particle else family), words(given))
    return found if found.family or found.given else None


@lru_cache(maxsize=CACHED)
def stem(word: str) -> str:
    """Return a word of a name without the particle at its front; three characters stay at least."""
    found = _STEM.match(word)
    return word[found.end() :] if found else word


@lru_cache(maxsize=CACHED)
def skeleton(word: str) -> str:
    """Return the consonants of a word as they sound; a vowel counts at the front alone, as ``a``."""
    for pattern, sound in _SOUNDS:
        word = pattern.sub(sound, word)
    first = "a" if word[:1] in ("a", "e", "i", "o", "u", "y") else ""
    return first + _REPEATED.sub(r"\1", _VOWELS.sub("", word))


@lru_cache(maxsize=CACHED)
def sound(word: str) -> str:
    """Return what a word of a name is looked up by: the skeleton of its listed form, else of its stem."""
    known = FORM.get(word)
    if known is None:
        short = stem(word)
        known = FORM.get(short, short)
    return skeleton(known) or known


@lru_cache(maxsize=CACHED)
def folded_place(text: str) -> str:
    """Return the name that stands for a place, '' when nothing is left."""
    found = tokens(text)
    kept = [token for token in found if token not in COUNTRIES] or found
    name = " ".join(kept)
    return _PLACES.get(name, name)


_PLACES: Final = {
    " ".join(tokens(name)): " ".join(tokens(names[0])) for names in place_names() for name in names
}
