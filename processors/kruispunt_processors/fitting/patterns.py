"""What a fit counts: how far two mentions agree in every field, over pairs at random and pairs that share something.

Rules
-----
1. A pattern has for each field the place of its level among the model's, or `UNSAID` where a side lacks it or the level is
   another field's.
2. Pairs at random tell how often two persons agree by chance. Pairs that share the number, the full date of birth, or the sounds
   of both names hold the pairs of one person; a field that is shared tells nothing there (`FIXES`).
3. The same rows and seed give the same counts. Of a block of more than `MAX_BLOCK` rows that many are drawn.

Must not: keep what a mention says.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterator, Mapping, Sequence
from enum import StrEnum
from itertools import combinations
from random import Random
from typing import Final

from kruispunt_processors.persons.comparison import compare
from kruispunt_processors.persons.keys import blocking_keys
from kruispunt_processors.persons.model import Levels, Model
from kruispunt_processors.persons.normalisation import NO_BIRTH, Particulars

FIELDS: Final = ("family", "given", "birth", "place", "sex", "number")
"""Fields of a signal's subject."""
UNSAID: Final = -1
MAX_BLOCK: Final = 64

Pattern = tuple[int, ...]


class Shared(StrEnum):
    """What the pairs of a training block share."""

    NUMBER = "number"
    BIRTH = "birth"
    NAMES = "names"


FIXES: Final[Mapping[Shared, tuple[str, ...]]] = {
    Shared.NUMBER: ("number",),
    Shared.BIRTH: ("birth",),
    Shared.NAMES: ("family", "given"),
}
"""Fields about which pairs that share something tell nothing."""


def levels(model: Model) -> dict[str, Levels]:
    """Return the levels of every field of a model, further texts included, in order."""
    found: dict[str, Levels] = {field: getattr(model, field) for field in FIELDS}
    return found | {field: each.levels for field, each in sorted(model.extra.items())}


class Counting:
    """Counts patterns of pairs by one model."""

    def __init__(self, rows: Sequence[Particulars], model: Model, seed: int) -> None:
        self._rows = rows
        self._model = model
        self._seed = seed
        self._codes = {
            field: {level: code for code, level in enumerate(found)} for field, found in levels(model).items()
        }

    def at_random(self, count: int) -> Counter[Pattern]:
        """Return the patterns of pairs at random, with replacement; none of fewer than two rows."""
        random = Random(f"{self._seed}/random")  # noqa: S311 - a sample, not a secret
        found: Counter[Pattern] = Counter()
        rows = self._rows
        if len(rows) < 2:
            return found
        for _ in range(count):
            one = random.randrange(len(rows))
            two = random.randrange(len(rows) - 1)
            found[self._pattern(rows[one], rows[two + (two >= one)])] += 1
        return found

    def sharing(self, shared: Shared, most: int) -> Counter[Pattern]:
        """Return the patterns of at most so many pairs that share something; more are drawn by whole blocks."""
        random = Random(f"{self._seed}/{shared}")  # noqa: S311 - a sample, not a secret
        blocks: dict[Hashable, list[int]] = {}
        for place, row in enumerate(self._rows):
            for key in _shares(row, shared):
                blocks.setdefault(key, []).append(place)
        several = [block for block in blocks.values() if len(block) > 1]
        random.shuffle(several)
        found: Counter[Pattern] = Counter()
        left = most
        for block in several:
            drawn = block if len(block) <= MAX_BLOCK else sorted(random.sample(block, MAX_BLOCK))
            for one, two in combinations(drawn, 2):
                found[self._pattern(self._rows[one], self._rows[two])] += 1
            left -= len(drawn) * (len(drawn) - 1) // 2
            if left <= 0:
                break
        return found

    def _pattern(self, one: Particulars, two: Particulars) -> Pattern:
        there = {item.field: item.level for item in compare(one, two, self._model).fields}
        return tuple(
            [
                codes.get(there[field], UNSAID) if field in there else UNSAID
                for field, codes in self._codes.items()
            ]
        )


def _shares(row: Particulars, shared: Shared) -> Iterator[Hashable]:
    if shared is Shared.NUMBER and row.number_valid:
        yield row.number
    elif shared is Shared.BIRTH and all(row.birth):
        yield row.birth
    elif shared is Shared.NAMES:
        # Without birth and number a mention has the keys of its names alone.
        yield from blocking_keys(row._replace(birth=NO_BIRTH, number=""), b"")
