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
from typing import Final, NamedTuple
from uuid import UUID

from kruispunt_processors.persons.comparison import Comparison, compare
from kruispunt_processors.persons.keys import KeyKind
from kruispunt_processors.persons.model import Model
from kruispunt_processors.persons.normalisation import Kind, Particulars

MAX_BITS: Final = 200.0
"""No evidence is counted beyond this: two to its power is still a number."""
NEGLIGIBLE: Final = 0.001
"""Posterior of a person who is no candidate that an analyst should see."""
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


class Candidate(NamedTuple):
    """A known mention. reference: its person. found_by: kinds of the keys that it shares with the new mention."""

    reference: str
    mention_id: UUID
    particulars: Particulars
    found_by: tuple[KeyKind, ...]


class Considered(NamedTuple):
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
    considered: candidate persons, the most likely first, without those that are out of the question. guards: what kept the first from being linked. model: version.
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
    """Return the persons that matter, the most likely first: the first two and whoever is not out of the question."""
    kin = -math.inf
    odds: list[tuple[float, str, _Compared]] = []
    for reference, mentions in persons.items():
        best = mentions[0] if len(mentions) == 1 else max(mentions, key=_rank)
        found = best[1]
        odds.append((2.0 ** min(prior + found.weight, MAX_BITS), reference, best))
        kin = max(kin, found.kin)
    total = 1.0 + 2.0 ** min(prior + model.kin + kin, MAX_BITS) + sum([each for each, _, _ in odds])
    odds.sort(key=_order)
    considered = []
    for place, (each, reference, (candidate, found)) in enumerate(odds):
        posterior = each / total
        if place > 1 and posterior < NEGLIGIBLE:
            break
        mentions = persons[reference]
        kinds = candidate.found_by if len(mentions) == 1 else _kinds(mentions)
        considered.append(
            Considered(reference, posterior, candidate.mention_id, found, _conflicts(mentions), kinds)
        )
    return tuple(considered)


def _kinds(mentions: Sequence[_Compared]) -> tuple[KeyKind, ...]:
    return tuple(sorted({kind for candidate, _ in mentions for kind in candidate.found_by}))


def _rank(found: _Compared) -> tuple[float, UUID]:
    return found[1].weight, found[0].mention_id


def _order(item: tuple[float, str, _Compared]) -> tuple[float, str]:
    return -item[0], item[1]


def _conflicts(mentions: Sequence[_Compared]) -> tuple[str, ...]:
    """Return the fields that contradict in some mention of a person and agree fully in none (rule 1)."""
    if len(mentions) == 1:
        return mentions[0][1].conflicts
    contradicting = {field for _, each in mentions for field in each.conflicts}
    if not contradicting:
        return ()
    agreeing = {item.field for _, each in mentions for item in each.fields if item.level in FULLY}
    return tuple(sorted(contradicting - agreeing))


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
