"""Link, new or review: a mention among the known mentions that its keys found.

Rules
-----
1. A person weighs what the mention of it that agrees best weighs. A field contradicts when some mention of the person
   contradicts in it and none agrees in it fully.
2. The posterior is normalised over all candidate persons and "none of them", so that two close candidates fall to review.
   None of them is somebody unknown, or a twin of a candidate who is not known yet.
3. *Link* when the first reaches the model's bound with no guard fired; *new* when it stays below the model's lower bound and
   nobody has its number; else *review*. The guards ask for no field in conflict, no other identity number, something that
   can carry a link, and nobody else who has the mention's number.
4. A number that names one person and name and birth that name another is a review with both: two known persons become one
   through a judgement alone.
5. Who was judged different from this mention is no candidate.

Must not: read a database or a clock.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from enum import StrEnum
from typing import Final
from uuid import UUID

from kruispunt_processors.persons.comparison import Comparison, compare
from kruispunt_processors.persons.keys import KeyKind
from kruispunt_processors.persons.model import Model
from kruispunt_processors.persons.normalisation import Kind, Particulars

MAX_BITS: Final = 200.0
"""No evidence is counted beyond this: two to its power is still a number."""
FULLY: Final = frozenset(("equal", "variant", "particle", "first", "swapped"))
"""Levels at which a field agrees whatever another mention says."""


class OutcomeKind(StrEnum):
    """What becomes of a mention."""

    LINK = "link"
    NEW = "new"
    REVIEW = "review"


class Guard(StrEnum):
    """Why a mention is not linked although its posterior is high enough."""

    CONFLICT = "conflict"
    NO_ANCHOR = "no-anchor"
    NUMBER_MISMATCH = "number-mismatch"
    NUMBER_ELSEWHERE = "number-elsewhere"


@dataclass(frozen=True, slots=True)
class Candidate:
    """A known mention. reference: its person. found_by: kinds of the keys that it shares with the new mention."""

    reference: str
    mention_id: UUID
    particulars: Particulars
    found_by: tuple[KeyKind, ...]


@dataclass(frozen=True, slots=True)
class Considered:
    """A candidate person: posterior (0 to 1), and its best mention with how it compares."""

    reference: str
    posterior: float
    mention_id: UUID
    comparison: Comparison
    conflicts: tuple[str, ...]
    found_by: tuple[KeyKind, ...]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was decided.

    reference: the person linked to, None unless kind is LINK. posterior: of the first considered, 0 without one.
    considered: candidate persons, the most likely first. guards: what kept the first from being linked. model: version.
    """

    kind: OutcomeKind
    reference: str | None
    posterior: float
    considered: tuple[Considered, ...]
    guards: tuple[Guard, ...]
    model: str

    @property
    def runner_up(self) -> Considered | None:
        """Return the second most likely person."""
        return self.considered[1] if len(self.considered) > 1 else None

    @property
    def found_by(self) -> tuple[KeyKind, ...]:
        """Return the kinds of key that found the most likely person."""
        return self.considered[0].found_by if self.considered else ()


_Compared = tuple[Candidate, Comparison]


def decide(
    mention: Particulars,
    candidates: Sequence[Candidate],
    model: Model,
    apart: frozenset[str] = frozenset(),
) -> Outcome:
    """Return what becomes of a mention. apart: references that were judged to be other persons than this mention."""
    persons: dict[str, list[_Compared]] = {}
    numbered: set[str] = set()
    for candidate in candidates:
        if candidate.reference in apart:
            continue
        found = compare(mention, candidate.particulars, model)
        persons.setdefault(candidate.reference, []).append((candidate, found))
        if mention.number_valid and mention.number == candidate.particulars.number:
            numbered.add(candidate.reference)
    considered = _considered(persons, model, model.prior[mention.kind])
    if not considered:
        return Outcome(OutcomeKind.NEW, None, 0.0, (), (), model.version)
    first = considered[0]
    if first.posterior < model.new and not numbered:
        return Outcome(OutcomeKind.NEW, None, first.posterior, considered, (), model.version)
    guards = _guards(considered, numbered, model)
    linked = first.posterior >= model.link and not guards
    return Outcome(
        OutcomeKind.LINK if linked else OutcomeKind.REVIEW,
        first.reference if linked else None,
        first.posterior,
        considered,
        guards,
        model.version,
    )


def _considered(
    persons: Mapping[str, Sequence[_Compared]], model: Model, prior: float
) -> tuple[Considered, ...]:
    best = {reference: max(found, key=_rank) for reference, found in persons.items()}
    odds = {reference: 2.0 ** min(prior + found.weight, MAX_BITS) for reference, (_, found) in best.items()}
    kin = max([found.kin for _, found in best.values()], default=-math.inf)
    total = 1.0 + 2.0 ** min(prior + model.kin + kin, MAX_BITS) + sum(odds.values())
    considered = [
        Considered(
            reference,
            odds[reference] / total,
            candidate.mention_id,
            found,
            _conflicts([each for _, each in persons[reference]]),
            tuple(sorted({kind for each, _ in persons[reference] for kind in each.found_by})),
        )
        for reference, (candidate, found) in best.items()
    ]
    return tuple(sorted(considered, key=_order))


def _rank(found: _Compared) -> tuple[float, UUID]:
    return found[1].weight, found[0].mention_id


def _order(item: Considered) -> tuple[float, str]:
    return -item.posterior, item.reference


def _conflicts(found: Sequence[Comparison]) -> tuple[str, ...]:
    """Return the fields that contradict in some mention of a person and agree fully in none (rule 1)."""
    if len(found) == 1:
        return found[0].conflicts
    contradicting = {field for each in found for field in each.conflicts}
    if not contradicting:
        return ()
    return tuple(
        sorted(contradicting - {item.field for each in found for item in each.fields if item.level in FULLY})
    )


def _guards(considered: Sequence[Considered], numbered: AbstractSet[str], model: Model) -> tuple[Guard, ...]:
    first = considered[0]
    guards = []
    if any(field != "number" for field in first.conflicts):
        guards.append(Guard.CONFLICT)
    if "number" in first.conflicts:
        guards.append(Guard.NUMBER_MISMATCH)
    if not first.comparison.anchored:
        guards.append(Guard.NO_ANCHOR)
    elsewhere = bool(numbered - {first.reference})
    if not elsewhere and numbered and not _named(first.comparison):
        # 4. The number alone speaks for the first: does name and birth speak for another?
        bound = math.log2(model.link / (1.0 - model.link))
        prior = model.prior[Kind.PERSON]
        elsewhere = any(
            prior + item.comparison.weight >= bound and item.comparison.anchored and not item.conflicts
            for item in considered[1:]
        )
    if elsewhere:
        guards.append(Guard.NUMBER_ELSEWHERE)
    return tuple(guards)


def _named(found: Comparison) -> bool:
    return any(item.field in ("family", "given") and item.weight > 0 for item in found.fields)
