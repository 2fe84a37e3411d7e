"""Two mentions beside each other: per field how far they agree, and what that weighs.

Must not: decide.
"""

from __future__ import annotations

from dataclasses import dataclass

from kruispunt_processors.persons.model import Model
from kruispunt_processors.persons.normalisation import Particulars


@dataclass(frozen=True, slots=True)
class FieldComparison:
    """How far one field agrees: its level by the model's name, and the weight in bits (log2 of the likelihood ratio)."""

    field: str
    level: str
    weight: float


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two mentions compared.

    weight: sum of the fields' in bits, without the prior. conflicts: fields that contradict each other. anchored: whether
    what agrees can carry a link by itself. number_mismatch: whether both have a number and they differ.
    """

    fields: tuple[FieldComparison, ...]
    weight: float
    conflicts: tuple[str, ...]
    anchored: bool
    number_mismatch: bool


def compare(a: Particulars, b: Particulars, model: Model) -> Comparison:
    """Return how far two mentions agree; the same whichever comes first."""
    fields: list[FieldComparison] = []
    conflicts: list[str] = []
    mismatch = bool(a.number and b.number and a.number != b.number)
    if a.number and b.number:
        fields.append(
            FieldComparison("number", "different" if mismatch else "equal", -8.0 if mismatch else 22.0)
        )
    if a.birth[2] and b.birth[2]:
        same = a.birth == b.birth
        fields.append(FieldComparison("birth", "equal" if same else "different", 14.0 if same else -6.0))
        if not same:
            conflicts.append("birth")
    if a.names and b.names:
        shared = bool({*a.names} & {*b.names})
        fields.append(FieldComparison("names", "equal" if shared else "different", 14.0 if shared else -6.0))
        if not shared:
            conflicts.append("names")
    anchored = any(item.level == "equal" and item.field in ("number", "birth") for item in fields)
    weight = sum(item.weight for item in fields) if model.version else 0.0
    return Comparison(tuple(fields), weight, tuple(conflicts), anchored, mismatch)
