"""Names to draw from: frequency lists, a long tail of made-up surnames, and names that are close to one another.

Rules
-----
1. A listed name is drawn by its count. A surname of which only the rank is known counts as `UNRANKED`.
2. So many of each origin bear a listed surname as ``tables/surnames.toml`` says; the others one of its made-up names, by
   1 over the rank and `TAIL_HEAD`. A name's rank is that of its checksum: no seed changes the lists.
3. Close names (what parents of twins like): the same first letter and a similar spelling, but no two spellings or forms of one
   name, nor two names that share a word (Pieter, Pieter-Jan).

Must not: know a person.
"""

from __future__ import annotations

import csv
import tomllib
from bisect import bisect
from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from functools import cache
from importlib.resources import files
from itertools import accumulate, groupby
from random import Random
from typing import Any, Final
from zlib import crc32

from anyascii import anyascii
from rapidfuzz.distance import Levenshtein

UNRANKED: Final = 600
"""Persons. A surname without a count is in a ranked list after those with one, the least of which is near this."""
TAIL_HEAD: Final = 200
CLOSE_EDITS: Final = (2, 4)
"""Letters between two close names: one letter would be a spelling, five another name."""
CLOSE_RATIO: Final = 0.5


class Origin(StrEnum):
    """Where a name comes from; the values are those of the frequency lists."""

    NL = "nl"
    FR = "fr"
    AR = "ar"
    TR = "tr"
    DE = "de"
    OTHER = "other"


class Pool:
    """Names with weights; a name is known by its place. Places fit 16 bits."""

    __slots__ = ("_close", "_cumulative", "_spellings", "names")

    def __init__(
        self, weights: Mapping[str, float], spellings: Mapping[str, frozenset[str]] | None = None
    ) -> None:
        self.names: tuple[str, ...] = tuple(weights)
        self._cumulative = list(accumulate(weights.values()))
        self._spellings = spellings or {}
        self._close: dict[int, tuple[int, ...]] = {}
        if not 0 < len(self.names) < 0xFFFF:
            raise ValueError(f"{len(self.names)} names do not fit 16 bits")

    def draw(self, random: Random) -> int:
        """Return the place of a name, by weight."""
        return bisect(self._cumulative, random.random() * self._cumulative[-1], 0, len(self.names) - 1)

    def is_same(self, one: int, other: int) -> bool:
        """Tell whether two places hold one name, perhaps in two spellings or forms, or names that share a word."""
        name, text = self.names[one], self.names[other]
        return (
            one == other
            or text in self._spellings.get(name, ())
            or _are_spellings(_plain(name), _plain(text))
            or bool({*_plain(name).split("-")} & {*_plain(text).split("-")})
        )

    def close(self, place: int) -> tuple[int, ...]:
        """Return the places of the names close to one (rule 3)."""
        found = self._close.get(place)
        if found is None:
            name = self.names[place]
            found = tuple(
                other
                for other, text in enumerate(self.names)
                if _are_close(_plain(name), _plain(text)) and not self.is_same(place, other)
            )
            self._close[place] = found
        return found


@cache
def given_names() -> Mapping[tuple[bool, Origin], Pool]:
    """Return the given names by sex (True for a woman) and origin."""
    grouped: dict[tuple[bool, Origin], dict[str, float]] = {}
    for row in _listed("given_names.csv"):
        names = grouped.setdefault((row["sex"] == "F", Origin(row["origin"])), {})
        names[row["name"]] = names.get(row["name"], 0) + int(row["count"])
    spellings = same_names()
    return {key: Pool(names, spellings) for key, names in grouped.items()}


@cache
def surnames() -> Mapping[Origin, Pool]:
    """Return the surnames by origin, listed and made up."""
    listed: dict[Origin, dict[str, float]] = {origin: {} for origin in Origin}
    for row in _listed("surnames.csv"):
        names = listed[Origin(row["origin"])]
        names[row["name"]] = names.get(row["name"], 0) + int(row["count"] or UNRANKED)
    parts = _table("surnames.toml")
    return {origin: _with_tail(listed[origin], parts[origin]) for origin in Origin}


@cache
def foreign_places() -> Mapping[Origin, tuple[tuple[str, ...], ...]]:
    """Return the places of birth abroad by origin, each with all its names, the register's first."""
    table = _table("places.toml")
    return {origin: tuple(tuple(names) for names in table[origin]) for origin in Origin}


@cache
def variants(kind: str) -> Mapping[str, tuple[str, ...]]:
    """Return the other names of a name. kind: ``languages``, ``transliterations`` or ``nicknames``.

    Languages and transliterations hold both ways, a nickname stands for the name and not the name for it.
    """
    found: dict[str, tuple[str, ...]] = {}
    for group in _table("variants.toml")[kind]:
        for name in group[:1] if kind == "nicknames" else group:
            found.setdefault(name, tuple(other for other in group if other != name))
    return found


@cache
def rewritings() -> Mapping[Origin, tuple[tuple[str, str], ...]]:
    """Return what transcribers write differently, by origin."""
    table = _table("variants.toml")["rewritings"]
    return {Origin(key): tuple((old, new) for old, new in pairs) for key, pairs in table.items()}


@cache
def same_names() -> Mapping[str, frozenset[str]]:
    """Return for a name all that stands for the same name, itself included."""
    found: dict[str, set[str]] = {}
    for kind in ("languages", "transliterations", "nicknames", "forms"):
        for group in _table("variants.toml")[kind]:
            for name in group:
                found.setdefault(name, {name}).update(group)
    return {name: frozenset(names) for name, names in found.items()}


def _with_tail(listed: Mapping[str, float], parts: Mapping[str, object]) -> Pool:
    tail = sorted(
        {
            _joined(prefix, stem, ending)
            for prefix in _strings(parts["prefixes"])
            for stem in _strings(parts["stems"])
            for ending in _strings(parts["endings"])
        }
        - set(listed),
        key=lambda name: crc32(name.encode()),
    )
    share = float(str(parts["listed"]))
    total = sum(listed.values())
    weights = {name: share * count / total for name, count in listed.items()}
    ranks = [1 / (rank + TAIL_HEAD) for rank in range(len(tail))]
    scale = (1 - share) / sum(ranks)
    return Pool(weights | {name: weight * scale for name, weight in zip(tail, ranks, strict=True)})


def _joined(prefix: str, stem: str, ending: str) -> str:
    """Return a surname. The stem is written small after a prefix that is part of the word."""
    glued = prefix and not prefix.endswith(" ")
    return f"{prefix}{stem.lower() if glued else stem}{ending}"


def _are_close(one: str, other: str) -> bool:
    if one[0] != other[0]:
        return False
    edits = Levenshtein.distance(one, other, score_cutoff=CLOSE_EDITS[1])
    longest = max(len(one), len(other))
    return CLOSE_EDITS[0] <= edits <= CLOSE_EDITS[1] and 1 - edits / longest >= CLOSE_RATIO


def _are_spellings(one: str, other: str) -> bool:
    return len(_consonants(one)) > 2 and _consonants(one) == _consonants(other)


@cache
def _consonants(plain: str) -> str:
    """Return a name without vowels and doubled letters: the same for most spellings of one name."""
    return "".join(letter for letter, _ in groupby(plain) if letter not in "aeiouyh")


@cache
def _plain(name: str) -> str:
    return anyascii(name).lower()


def _strings(value: object) -> Sequence[str]:
    if not isinstance(value, list):
        raise TypeError("a list of texts was expected")
    return [str(item) for item in value]


def _listed(name: str) -> Iterable[Mapping[str, str]]:
    with (files("kruispunt_producers.synthetic") / "tables" / name).open(encoding="utf-8") as table:
        yield from csv.DictReader(table)


@cache
def _table(name: str) -> dict[str, Any]:
    return tomllib.loads((files(__package__) / "tables" / name).read_text(encoding="utf-8"))
