"""Two lists beside each other, or one with itself, by the resolver's own decision: which rows are one person.

Rules
-----
1. Two lists: every row of A is a person of its own; a row of B is decided upon among the rows of A that its keys find.
2. One list: row after row, as signals come: each is decided upon among the rows before it, and takes the person of the row
   that it is linked to. So a list is told in its own order, and the pairs of one person join into one tree.
3. A link gives one pair; a review gives a pair for each candidate that could still be the person (posterior of at least the
   model's lower bound, and the first in any case); a new person gives none.
4. Where a key was cut because too many rows share it (`Cut`), what was not looked at may be a rival: a link becomes a review,
   unless the number alone anchors it.
5. One to one: of the links to one row the heaviest stays, the others become reviews (`Best`).

Must not: read a file; hold what a row says.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final
from uuid import UUID

from kruispunt_processors.persons.decision import Candidate, Considered, Outcome, OutcomeKind, decide
from kruispunt_processors.persons.keys import KeyKind
from kruispunt_processors.persons.model import Model
from kruispunt_processors.persons.normalisation import Particulars

ONE_TO_ONE: Final = "one-to-one"
"""Guard of a link that gave way to a heavier one."""
BLOCK_CUT: Final = "block-cut"
"""Guard of a link that was decided without seeing all who share a key."""


class PairOutcome(StrEnum):
    """What is said of a pair."""

    LINK = "link"
    REVIEW = "review"


@dataclass(frozen=True, slots=True)
class Found:
    """A row that shares a key with another. number: of the row, from 0. person: number of the first row of its person."""

    number: int
    person: int
    particulars: Particulars
    found_by: tuple[KeyKind, ...]


@dataclass(frozen=True, slots=True)
class Pair:
    """Two rows and what is said of them.

    a, b: numbers of the rows, from 0. person: number of the first row of a's person. posterior: 0 to 1. weight: bits.
    fields: name, level and weight of each field compared.
    """

    a: int
    b: int
    person: int
    outcome: PairOutcome
    posterior: float
    weight: float
    found_by: tuple[str, ...]
    guards: tuple[str, ...]
    fields: tuple[tuple[str, str, float], ...]


def pairs(number: int, row: Particulars, found: Sequence[Found], model: Model, *, cut: bool) -> list[Pair]:
    """Return the pairs that a row makes with those that its keys found, the most likely first. cut: rule 4."""
    candidates = [
        Candidate(f"{each.person:012}", UUID(int=each.number), each.particulars, each.found_by)
        for each in found
    ]
    outcome = decide(row, candidates, model)
    if outcome.kind is OutcomeKind.NEW:
        return []
    guards = tuple(guard.value for guard in outcome.guards)
    if outcome.kind is OutcomeKind.LINK:
        first = outcome.considered[0]
        if not cut or KeyKind.NUMBER in first.found_by:
            return [_pair(number, first, PairOutcome.LINK, ())]
        guards = (BLOCK_CUT,)
    likely = _could_be(outcome, model)
    return [
        _pair(number, each, PairOutcome.REVIEW, guards if place == 0 else each.conflicts and ("conflict",))
        for place, each in enumerate(likely)
    ]


def _could_be(outcome: Outcome, model: Model) -> list[Considered]:
    return [
        each for place, each in enumerate(outcome.considered) if place == 0 or each.posterior >= model.new
    ]


def _pair(number: int, each: Considered, outcome: PairOutcome, guards: Sequence[str]) -> Pair:
    return Pair(
        each.mention_id.int,
        number,
        int(each.reference),
        outcome,
        each.posterior,
        each.comparison.weight,
        tuple(kind.value for kind in each.found_by),
        tuple(guards),
        tuple((item.field, item.level, item.weight) for item in each.comparison.fields),
    )


class Best:
    """Of the links to each row of A the heaviest (rule 5): 16 bytes a row. Ties go to the first row of B."""

    __slots__ = ("_chosen", "_weights")

    def __init__(self, rows: int) -> None:
        self._weights = array("d", [float("-inf")]) * rows
        self._chosen = array("q", [-1]) * rows

    def note(self, pair: Pair) -> None:
        """Hold a link against what came before it; rows of B come in order."""
        if pair.outcome is PairOutcome.LINK and pair.weight > self._weights[pair.a]:
            self._weights[pair.a], self._chosen[pair.a] = pair.weight, pair.b

    def stays(self, a: int, b: int) -> bool:
        """Tell whether the link of two rows stays; it is asked when all links were noted."""
        return self._chosen[a] == b
