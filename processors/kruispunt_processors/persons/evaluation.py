"""What was linked beside what is true: precision, recall and F1, as decided and at every threshold.

Rules
-----
1. Between two lists a pair is right when the truth has it. Within one list pairs join into persons, in the truth as in what was
   found, and every two rows of one person are a pair (`Joining`).
2. With review: as if each review had been answered rightly. What nobody is asked about is not found.
3. Each share has its exact interval (`measures.clopper_pearson`). F1 follows from the share J of right pairs among those that
   are linked or true, as 2J / (1 + J), and so do the bounds of its interval. Pairs of one person are not independent: with
   large groups the intervals are too narrow.
4. At a threshold every pair of at least that posterior counts as linked, whatever its guards.

Must not: read a file; know what a person is called.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import NamedTuple, Protocol

from kruispunt_processors.persons.measures import Interval, Pairs, clopper_pearson

Ids = tuple[str, str]
"""The ids of a pair: of A and of B, or of two rows of one list in either order."""


class FoundPair(NamedTuple):
    """A pair that was found: linked, or for somebody to review. posterior: 0 to 1."""

    ids: Ids
    linked: bool
    posterior: float


@dataclass(frozen=True, slots=True)
class Measure:
    """A share with its interval of 95%; value is None for a share of nothing."""

    value: float | None
    interval: Interval
    part: int
    whole: int


@dataclass(frozen=True, slots=True)
class Point:
    """What linking at a threshold would give. links: pairs linked, as `Pairs` counts them."""

    threshold: float
    links: Pairs


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Precision, recall and F1 of the links; recall with the reviews; pairs for review; the curve, highest threshold first."""

    links: Pairs
    precision: Measure
    recall: Measure
    f1: Measure
    recall_with_review: Measure
    reviews: int
    curve: tuple[Point, ...]


class Joining(Protocol):
    """Counts pairs as they are linked one after the other."""

    true: int
    """Pairs of the truth."""

    def is_true(self, ids: Ids) -> bool:
        """Tell whether the truth has a pair."""
        ...

    def link(self, ids: Ids) -> tuple[int, int]:
        """Link a pair; return how many right and how many wrong pairs there are more."""
        ...


def measure(part: int, whole: int) -> Measure:
    """Return a share with its interval."""
    return Measure(part / whole if whole else None, clopper_pearson(part, whole), part, whole)


def evaluate(truth: Iterable[Ids], found: Sequence[FoundPair], *, within: bool) -> Evaluation:
    """Return how good the pairs found are. within: they are of one list."""
    true = tuple(truth)

    def start() -> Joining:
        return _Within(true) if within else _Between(true)

    joining = start()
    right, wrong = _sums(joining.link(pair.ids) for pair in found if pair.linked)
    more, _ = _sums(joining.link(pair.ids) for pair in found if not pair.linked and joining.is_true(pair.ids))
    links = Pairs(right, wrong, joining.true - right)
    jaccard = measure(right, right + wrong + links.missed)
    return Evaluation(
        links,
        measure(right, right + wrong),
        measure(right, joining.true),
        Measure(
            links.f1,
            Interval(_f1(jaccard.interval.low), _f1(jaccard.interval.high)),
            2 * right,
            2 * right + wrong + links.missed,
        ),
        measure(right + more, joining.true),
        sum(not pair.linked for pair in found),
        tuple(_curve(start(), found)),
    )


def _sums(counts: Iterator[tuple[int, int]]) -> tuple[int, int]:
    right = wrong = 0
    for more_right, more_wrong in counts:
        right += more_right
        wrong += more_wrong
    return right, wrong


def _f1(jaccard: float) -> float:
    return 2 * jaccard / (1 + jaccard)


def _curve(joining: Joining, found: Sequence[FoundPair]) -> Iterator[Point]:
    right = wrong = 0
    ordered = sorted(found, key=lambda pair: (-pair.posterior, pair.ids))
    for place, pair in enumerate(ordered):
        more_right, more_wrong = joining.link(pair.ids)
        right += more_right
        wrong += more_wrong
        if place + 1 == len(ordered) or ordered[place + 1].posterior < pair.posterior:
            yield Point(pair.posterior, Pairs(right, wrong, joining.true - right))


class _Between:
    """Pairs of two lists."""

    def __init__(self, truth: Iterable[Ids]) -> None:
        self._truth = frozenset(truth)
        self._linked: set[Ids] = set()
        self.true = len(self._truth)

    def is_true(self, ids: Ids) -> bool:
        return ids in self._truth

    def link(self, ids: Ids) -> tuple[int, int]:
        if ids in self._linked:
            return 0, 0
        self._linked.add(ids)
        right = ids in self._truth
        return int(right), int(not right)


class _Within:
    """Rows of one list: a group has its rows counted by the person that each truly is."""

    def __init__(self, truth: Iterable[Ids]) -> None:
        persons = Groups()
        for one, two in truth:
            persons.join(one, two)
        self._persons = persons
        sizes = Counter(persons.first(row) for row in persons.rows)
        self.true = sum(size * (size - 1) // 2 for size in sizes.values())
        self._groups = Groups()
        self._counts: dict[str, Counter[str]] = {}

    def is_true(self, ids: Ids) -> bool:
        return self._persons.first(ids[0]) == self._persons.first(ids[1])

    def link(self, ids: Ids) -> tuple[int, int]:
        one, two = self._groups.first(ids[0]), self._groups.first(ids[1])
        if one == two:
            return 0, 0
        counts = [self._counts.pop(row, Counter([self._persons.first(row)])) for row in (one, two)]
        small, large = sorted(counts, key=len)
        right = sum(count * large[person] for person, count in small.items())
        pairs = small.total() * large.total()
        large.update(small)
        self._groups.join(one, two)
        self._counts[self._groups.first(one)] = large
        return right, pairs - right


def all_pairs(truth: Iterable[Ids]) -> list[Ids]:
    """Return every pair of rows that are one person by the pairs of a truth, in order."""
    persons = Groups()
    for one, two in truth:
        persons.join(one, two)
    rows: dict[str, list[str]] = {}
    for row in sorted(persons.rows):
        rows.setdefault(persons.first(row), []).append(row)
    return [pair for each in rows.values() for pair in combinations(each, 2)]


class Groups:
    """Rows that were joined, pair by pair."""

    def __init__(self) -> None:
        self._above: dict[str, str] = {}

    @property
    def rows(self) -> tuple[str, ...]:
        """Return every row that was joined."""
        return tuple(self._above)

    def first(self, row: str) -> str:
        """Return the row that stands for a row's group: itself when it was never joined."""
        path = []
        while (above := self._above.get(row, row)) != row:
            path.append(row)
            row = above
        for each in path:
            self._above[each] = row
        return row

    def join(self, one: str, two: str) -> None:
        """Put the groups of two rows together; the row that is first in order stands for them."""
        first, second = sorted((self.first(one), self.first(two)))
        self._above.setdefault(first, first)
        self._above[second] = first
