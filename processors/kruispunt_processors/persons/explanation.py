"""An outcome as plain data, for ``persons explain`` and for a review: why, field by field.

Must not: hold what a mention says; levels and weights alone.
"""

from __future__ import annotations

from dataclasses import dataclass

from kruispunt_processors.persons.decision import Considered, Outcome


@dataclass(frozen=True, slots=True)
class FieldLine:
    """One field: how far it agrees, in bits."""

    field: str
    level: str
    weight: float


@dataclass(frozen=True, slots=True)
class CandidateLine:
    """One candidate person."""

    reference: str
    posterior: float
    mention_id: str
    weight: float
    fields: tuple[FieldLine, ...]
    conflicts: tuple[str, ...]
    anchored: bool
    found_by: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why an outcome is what it is; `dataclasses.asdict` gives what JSON can hold."""

    outcome: str
    reference: str | None
    posterior: float
    guards: tuple[str, ...]
    model: str
    candidates: tuple[CandidateLine, ...]


def explain(outcome: Outcome) -> Explanation:
    """Return an outcome as plain data."""
    return Explanation(
        outcome.kind.value,
        outcome.reference,
        round(outcome.posterior, 6),
        tuple(guard.value for guard in outcome.guards),
        outcome.model,
        tuple(_line(item) for item in outcome.considered),
    )


def _line(item: Considered) -> CandidateLine:
    found = item.comparison
    return CandidateLine(
        item.reference,
        round(item.posterior, 6),
        str(item.mention_id),
        round(found.weight, 2),
        tuple(FieldLine(each.field, each.level, round(each.weight, 2)) for each in found.fields),
        item.conflicts,
        found.anchored,
        tuple(kind.value for kind in item.found_by),
    )
