"""The agencies of a scenario: how much each publishes, from which kind of source, about where.

Rules: shares follow DOMAIN sections 3 and 9: 1,714 evaluations of 771 entities a year, some 220 to 330 threat reports,
police zones by population; classified matter comes from the intelligence service. All of it is data to change.

Must not: draw anything.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final

from kruispunt_schemas.needtoknow import authoring
from kruispunt_schemas.places import municipalities
from kruispunt_schemas.records.frame import Classification

from kruispunt_producers.adapters import (
    Adapter,
    federal_police,
    ocad,
    police_export,
    safety_cell_export,
    vsse,
)
from kruispunt_producers.synthetic import exports, legacy
from kruispunt_producers.synthetic.cases import Case
from kruispunt_producers.synthetic.legacy import Values
from kruispunt_producers.synthetic.stories import DUTCH, FRENCH, Phrases

Weighted = tuple[tuple[Classification, int], ...]

COVERED_SHARE: Final = 0.85
"""How much of the national agencies' matter lies in the territory of a local task force that takes part."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Agency:
    """One synthetic agency. share: of the postings. towns: NIS codes, none for the whole country.

    table and key, or columns: the shape of its source.
    """

    participant: str
    share: int
    signal_type: str
    adapter: Adapter
    row: Callable[[Case], Values]
    prefix: str
    phrases: Phrases
    classifications: Weighted
    numbers: bool = True
    towns: tuple[str, ...] = ()
    table: str = ""
    key: str = ""
    columns: tuple[str, ...] = ()


_UNCLASSIFIED: Final[Weighted] = ((Classification.UNCLASSIFIED, 1),)
_POLICE: Final[Weighted] = ((Classification.UNCLASSIFIED, 85), (Classification.RESTRICTED, 15))
_OCAD: Final[Weighted] = (
    (Classification.UNCLASSIFIED, 80),
    (Classification.RESTRICTED, 15),
    (Classification.CONFIDENTIAL, 5),
)
_FEDERAL: Final[Weighted] = (
    (Classification.UNCLASSIFIED, 72),
    (Classification.RESTRICTED, 20),
    (Classification.CONFIDENTIAL, 8),
)
_INTELLIGENCE: Final[Weighted] = (
    (Classification.UNCLASSIFIED, 30),
    (Classification.RESTRICTED, 22),
    (Classification.CONFIDENTIAL, 28),
    (Classification.SECRET, 18),
    (Classification.TOP_SECRET, 2),
)
_ZONES: Final = (
    ("antwerpen", 9, "AN", DUTCH),
    ("brussel-west", 6, "BW", FRENCH),
    ("liege", 5, "LI", FRENCH),
    ("gent", 5, "GE", DUTCH),
    ("charleroi", 4, "CH", FRENCH),
)
_CELLS: Final = (
    ("antwerpen", 5, DUTCH),
    ("molenbeek", 4, FRENCH),
    ("liege", 3, FRENCH),
    ("gent", 3, DUTCH),
)


@cache
def agencies() -> tuple[Agency, ...]:
    """Return the agencies, national ones first."""
    national = (
        Agency(
            participant="ocad",
            share=30,
            signal_type="ThreatEvaluation",
            adapter=ocad.ADAPTER,
            row=legacy.ocad_row,
            prefix="IE",
            phrases=DUTCH,
            classifications=_OCAD,
            table=ocad.TABLE,
            key=ocad.KEY,
        ),
        Agency(
            participant="federal-police",
            share=16,
            signal_type="RadicalisationCase",
            adapter=federal_police.ADAPTER,
            row=legacy.federal_police_row,
            prefix="DR",
            phrases=FRENCH,
            classifications=_FEDERAL,
            table=federal_police.TABLE,
            key=federal_police.KEY,
        ),
        Agency(
            participant="vsse",
            share=10,
            signal_type="RadicalisationCase",
            adapter=vsse.ADAPTER,
            row=legacy.vsse_row,
            prefix="N",
            phrases=DUTCH,
            classifications=_INTELLIGENCE,
            numbers=False,
            table=vsse.TABLE,
            key=vsse.KEY,
        ),
    )
    zones = tuple(
        Agency(
            participant=f"police-{town}",
            share=share,
            signal_type="RadicalisationCase",
            adapter=police_export.ADAPTER,
            row=exports.police_row,
            prefix=code,
            phrases=phrases,
            classifications=_POLICE,
            towns=_territories()[f"zone-{town}"],
            columns=police_export.COLUMNS,
        )
        for town, share, code, phrases in _ZONES
    )
    cells = tuple(
        Agency(
            participant=f"livc-{town}",
            share=share,
            signal_type="FeedbackSheet",
            adapter=safety_cell_export.ADAPTER,
            row=exports.safety_cell_row,
            prefix="FB",
            phrases=phrases,
            classifications=_UNCLASSIFIED,
            towns=_territories()[f"town-{town}"],
            columns=safety_cell_export.COLUMNS,
        )
        for town, share, phrases in _CELLS
    )
    return (*national, *zones, *cells)


@cache
def task_forces() -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Return the local task forces with their municipalities."""
    return tuple(
        (row.id, _territories()[row.territory])
        for row in authoring.read_participants()
        if row.kind == "local-task-force" and row.territory is not None
    )


@cache
def homes() -> tuple[tuple[str, str, int], ...]:
    """Return NIS code, name and weight of each municipality, most of the weight where a task force takes part."""
    covered = {nis for _, towns in task_forces() for nis in towns}
    inside = _people(covered)
    outside = _people(set(municipalities()) - covered)
    scale = COVERED_SHARE * outside / ((1 - COVERED_SHARE) * inside)
    return tuple(
        (nis, place.name, round(place.population * (scale if nis in covered else 1)))
        for nis, place in sorted(municipalities().items())
    )


def _people(towns: Sequence[str] | set[str]) -> int:
    return sum(municipalities()[nis].population for nis in towns)


@cache
def _territories() -> dict[str, tuple[str, ...]]:
    return {row.id: row.municipalities for row in authoring.read_territories()}
