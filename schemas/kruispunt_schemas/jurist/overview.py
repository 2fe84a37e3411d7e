"""Who may get what: participants that are equal in it together, by signal type and section. What the jurist signs.

Rules
-----
1. Of each participant and type the plainest signal is taken that it may have at all: unclassified, without markings, of a
   nature that it may hold, for a purpose of its own, within its clusters.
2. `Way` says what must be so of the participant for a section to be released: nothing more, its territory, a subject that
   it follows, or the originator's word (named, in a group, consented to).
3. The grounds of a cell are all that permit the section by any of these ways. Guards count: what one withholds even of the
   plainest signal is not shown as given.
4. Participants whose cells are all equal are one line.

Must not: write anything.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from enum import IntEnum
from functools import lru_cache
from typing import Final

from kruispunt_schemas import schema as schemas
from kruispunt_schemas.jurist.case import A_DAY
from kruispunt_schemas.needtoknow import bitmaps
from kruispunt_schemas.needtoknow.bundle import Bundle, Participant, ParticipantKind
from kruispunt_schemas.needtoknow.conditions import Conditions, combined, conditions
from kruispunt_schemas.needtoknow.facts import Facts, Stated, by_bundle
from kruispunt_schemas.records.backbone import SectionOutcome
from kruispunt_schemas.records.frame import Lifecycle
from kruispunt_schemas.records.sections import DataSubject, MeasureKind, Nature, Purpose

NAMED_AT_MOST: Final = 4
"""Participants of a kind that a line names; of more it gives the number."""


class Way(IntEnum):
    """What must be so of the participant for a section to be released (rule 2), the least first."""

    ALWAYS = 0
    TERRITORY = 1
    FOLLOWS = 2
    ADDRESSED = 3


@dataclass(frozen=True, slots=True)
class Cell:
    """A section that is released in some way. guarded: what stays away although a ground gives it, by which guards."""

    way: Way | None
    grounds: tuple[str, ...] = ()
    guards: tuple[str, ...] = ()


Cells = tuple[tuple[str, Cell], ...]
"""The cells of one participant and type by section; what no ground gives is left out."""


@dataclass(frozen=True, slots=True)
class Line:
    """Participants that are equal in what they may get, and what that is."""

    participants: tuple[str, ...]
    cells: Mapping[str, Cell]


_FLAGS: Final[Mapping[Way, tuple[str, ...]]] = {
    Way.ALWAYS: (),
    Way.TERRITORY: ("in_territory",),
    Way.FOLLOWS: ("in_territory", "follows_subject"),
    Way.ADDRESSED: ("in_territory", "follows_subject", "is_named", "in_active_group", "has_consent"),
}


def overview(bundle: Bundle) -> dict[str, tuple[Line, ...]]:
    """Return for each signal type the lines, those who may get most first; who gets nothing stands in none."""
    return {name: _lines(bundle, name) for name in schemas.SIGNAL_TYPES}


def alike(bundle: Bundle) -> list[tuple[tuple[str, ...], dict[str, Mapping[str, Cell]]]]:
    """Return participants that get their sections by the same ways over all types, with their cells by type."""
    found: dict[tuple[object, ...], tuple[int, dict[str, Mapping[str, Cell]]]] = {}
    rows = {name: _cells(bundle, name) for name in schemas.SIGNAL_TYPES}
    own: dict[str, Mapping[str, Cell]]
    for place, row in enumerate(bundle.participants):
        own = {name: dict(cells[place]) for name, cells in rows.items()}
        ways = [
            [(section, cell.way) for section, cell in cells.items() if cell.way is not None]
            for cells in own.values()
        ]
        key = (row.kind, str(ways))
        members, first = found.get(key, (0, own))
        found[key] = (members | 1 << place, first)
    lines = [(tuple(bitmaps.members_of(bundle, members)), cells) for members, cells in found.values()]
    order = list(ParticipantKind)
    return sorted(
        lines, key=lambda line: (order.index(bundle.by_id[line[0][0]].kind), -len(line[0]), line[0])
    )


def titled(bundle: Bundle, names: Sequence[str]) -> str:
    """Return participants in a few words: by kind, with a name or a number."""
    whole = Counter(row.kind for row in bundle.participants)
    kinds: dict[ParticipantKind, list[str]] = {}
    for name in names:
        kinds.setdefault(bundle.by_id[name].kind, []).append(name)
    parts = []
    for kind in sorted(kinds, key=list(ParticipantKind).index):
        own = kinds[kind]
        if len(own) == whole[kind] and len(own) > 1:
            parts.append(f"{kind.value} (all {len(own)})")
        elif len(own) > NAMED_AT_MOST:
            parts.append(f"{kind.value} ({len(own)} of {whole[kind]})")
        else:
            parts.append(f"{kind.value}: {', '.join(own)}")
    return "; ".join(parts)


def _lines(bundle: Bundle, signal_type: str) -> tuple[Line, ...]:
    found: dict[Cells, int] = {}
    for place, cells in enumerate(_cells(bundle, signal_type)):
        if any(cell.way is not None for _, cell in cells):
            found[cells] = found.get(cells, 0) | 1 << place
    lines = [
        Line(tuple(bitmaps.members_of(bundle, members)), dict(cells)) for cells, members in found.items()
    ]
    return tuple(sorted(lines, key=_most))


def _most(line: Line) -> tuple[object, ...]:
    ways = [cell.way for cell in line.cells.values() if cell.way is not None]
    return (min(ways), -len(ways), sum(ways), -len(line.participants), line.participants)


@lru_cache(maxsize=64)
def _cells(bundle: Bundle, signal_type: str) -> tuple[Cells, ...]:
    """Return the cells of every participant for one type, in the bundle's order."""
    ruled, sections = conditions(bundle.policies), schemas.load(signal_type).sections
    found: list[Cells] = []
    known: dict[tuple[Facts, ...], Cells] = {}
    for row in bundle.participants:
        plain = _plain(bundle, signal_type, row)
        if plain not in known:
            known[plain] = _of(ruled, plain, sections, local=row.territory is not None)
        found.append(known[plain])
    return tuple(found)


def _plain(bundle: Bundle, signal_type: str, row: Participant) -> tuple[Facts, ...]:
    """Return the facts of a participant under the plainest signals (rule 1)."""
    place = 1 << bundle.index[row.id]
    natures = sorted(row.natures, key=lambda item: item is Nature.JUDICIAL) or [Nature.ADMINISTRATIVE]
    measures = tuple(sorted(item.value for item in (MeasureKind.PREVENTIVE, MeasureKind.REINTEGRATION)))
    own = schemas.load(signal_type).sections
    kinds = [ParticipantKind.FEDERAL_POLICE.value]
    if signal_type == "FeedbackSheet":
        kinds.append(ParticipantKind.INFORMATION_OFFICER.value)
    return tuple(
        next(
            facts
            for facts, members in by_bundle(
                bundle,
                Stated(
                    signal_type=signal_type,
                    lifecycle=Lifecycle.ORIGINAL.value,
                    classification=0,
                    originator_kind=kind,
                    day=A_DAY.date(),
                    nature=natures[0].value,
                    phenomenon=row.clusters[0].value if row.clusters else "",
                    purposes=tuple(sorted(item.value for item in Purpose)),
                    data_subject=DataSubject.SUSPECT.value if "subject" in own else "NONE",
                    measure_kinds=measures if "measures" in own else (),
                ),
            )
            if members & place
        )
        for kind in kinds
    )


def _of(
    ruled: Sequence[Conditions], plain: Sequence[Facts], sections: Sequence[str], *, local: bool
) -> Cells:
    cells: dict[str, Cell] = {}
    for way in reversed(Way):
        flags = {flag: True for flag in _FLAGS[way] if local or flag != "in_territory"}
        for facts in plain:
            values = asdict(replace(facts, **flags))  # type: ignore[arg-type]
            for outcome in combined([rule for rule in ruled if rule.hold(values)], sections):
                for name in outcome.sections:
                    cells[name] = _joined(cells.get(name), way, outcome)
    return tuple(sorted(cells.items()))


def _joined(cell: Cell | None, way: Way, outcome: SectionOutcome) -> Cell:
    """Return a cell with one outcome more; the least way wins, a guard counts only where nothing is released."""
    before = cell or Cell(None)
    if outcome.released:
        return Cell(way, tuple(sorted({*before.grounds, *outcome.grounds})))
    if before.way is not None:
        return before
    return Cell(None, (), tuple(sorted({*before.guards, *outcome.guards})))
