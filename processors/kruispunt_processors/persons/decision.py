"""Link, new or review: a mention among the known mentions that its keys found.

Rules
-----
1. A person weighs what its best mention weighs.
2. The posterior is normalised over all candidate persons and "none of them": two close candidates fall to review.
3. *Link* at the model's bound with no guard fired; *new* below the model's lower bound; else *review*.
4. Who was judged different from this mention is no candidate.

Must not: read a database or a clock.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from kruispunt_processors.persons.comparison import Comparison, compare
from kruispunt_processors.persons.keys import KeyKind
from kruispunt_processors.persons.model import Model
from kruispunt_processors.persons.normalisation import Particulars


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


def decide(
    mention: Particulars,
    candidates: Sequence[Candidate],
    model: Model,
    apart: frozenset[str] = frozenset(),
) -> Outcome:
    """Return what becomes of a mention. apart: references that were judged to be other persons than this mention."""
    best: dict[str, tuple[Candidate, Comparison]] = {}
    kinds: dict[str, set[KeyKind]] = {}
    for candidate in candidates:
        if candidate.reference in apart:
            continue
        found = compare(mention, candidate.particulars, model)
        kinds.setdefault(candidate.reference, set()).update(candidate.found_by)
        before = best.get(candidate.reference)
        if before is None or (found.weight, candidate.mention_id) > (before[1].weight, before[0].mention_id):
            best[candidate.reference] = (candidate, found)
    odds = {reference: 2.0 ** (model.prior + found.weight) for reference, (_, found) in best.items()}
    total = 1.0 + sum(odds.values())
    considered = sorted(
        (
            Considered(
                reference,
                odds[reference] / total,
                candidate.mention_id,
                found,
                found.conflicts,
                tuple(sorted(kinds[reference])),
            )
            for reference, (candidate, found) in best.items()
        ),
        key=lambda item: (-item.posterior, item.reference),
    )
    if not considered or considered[0].posterior < model.new:
        posterior = considered[0].posterior if considered else 0.0
        return Outcome(OutcomeKind.NEW, None, posterior, tuple(considered), (), model.version)
    first = considered[0]
    guards = []
    if first.conflicts:
        guards.append(Guard.CONFLICT)
    if not first.comparison.anchored:
        guards.append(Guard.NO_ANCHOR)
    if first.comparison.number_mismatch:
        guards.append(Guard.NUMBER_MISMATCH)
    linked = first.posterior >= model.link and not guards
    return Outcome(
        OutcomeKind.LINK if linked else OutcomeKind.REVIEW,
        first.reference if linked else None,
        first.posterior,
        tuple(considered),
        tuple(guards),
        model.version,
    )
