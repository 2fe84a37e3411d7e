"""A whole scenario from a seed: records for every source, raw postings, and the truth. Pure.

Rules
-----
1. The same seed and number of signals give the same records, bytes of exports and truth, whatever the clock.
2. ``signals`` postings in all: ordinary ones, traps in the source, changes of phase 2 and raw ones. Source records that
   an adapter refuses come on top, for they make no posting.
3. A case is changed at most once; copies and what the door refuses are changed only where the trap says so.
4. Within an agency, phase 1 stands in the order of its references.

Must not: open a store or read a key (`stores`, `raw_messages` takes keys).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from kruispunt_schemas.keys import ParticipantKeys

from kruispunt_producers.synthetic import exports, raw
from kruispunt_producers.synthetic.legacy import Values
from kruispunt_producers.synthetic.plot import MINIMUM, Entry, plotted
from kruispunt_producers.synthetic.profiles import Agency, agencies
from kruispunt_producers.synthetic.raw import RawMessage, RawPlan, WireId
from kruispunt_producers.synthetic.truth import Channel, Expected, Outcome

LINES_PER_FILE: Final = 120
FIRST_EXPORT: Final = {1: "2025-07-01", 2: "2025-08-01"}
"""Date in the names of a phase's exports, so that phase 2 sorts after phase 1."""


@dataclass(frozen=True, slots=True)
class TableChange:
    """What to do to a legacy table: rows to write (by key), keys to delete."""

    table: str
    key: str
    rows: tuple[Values, ...]
    deleted: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Line:
    file: str
    number: int
    text: str
    entry: Entry


class Scenario:
    """One generated world; see the module. ``participants``: the agencies with a source."""

    def __init__(
        self, seed: int, signals: int, entries: tuple[Entry, ...], plans: tuple[RawPlan, ...]
    ) -> None:
        self.seed = seed
        self.signals = signals
        self._entries = entries
        self._plans = plans

    @property
    def participants(self) -> tuple[str, ...]:
        """Return the participants that have a source."""
        return tuple(agency.participant for agency in agencies())

    @property
    def with_tables(self) -> tuple[str, ...]:
        """Return the participants whose source is a legacy table."""
        return tuple(agency.participant for agency in agencies() if agency.table)

    @property
    def with_exports(self) -> tuple[str, ...]:
        """Return the participants whose source is a directory of exports."""
        return tuple(agency.participant for agency in agencies() if agency.columns)

    @property
    def owners_of_raw(self) -> tuple[str, ...]:
        """Return the participants whose keys `raw_messages` needs."""
        return tuple(sorted({plan.kind.owner for plan in self._plans}))

    def postgresql_rows(self, participant: str, phase: int = 1) -> TableChange:
        """Return what a phase writes to and deletes from a participant's legacy table."""
        agency = _agency(participant)
        entries = self._of(participant, phase)
        return TableChange(
            agency.table,
            agency.key,
            tuple(entry.values(agency) for entry in entries if not entry.deleted),
            tuple(entry.case.reference for entry in entries if entry.deleted),
        )

    def csv_files(self, participant: str, phase: int = 1) -> dict[str, bytes]:
        """Return the export files of a phase: name to bytes."""
        agency = _agency(participant)
        texts: dict[str, list[str]] = {}
        for line in self._lines(participant, phase):
            texts.setdefault(line.file, []).append(line.text)
        return {name: exports.file_content(agency.columns, lines) for name, lines in texts.items()}

    def raw_messages(
        self, keys: Mapping[str, ParticipantKeys], published_at: datetime, wire_id: WireId
    ) -> tuple[RawMessage, ...]:
        """Return the raw postings; keys of `owners_of_raw`, the time they bear, and the registry's ids."""
        return raw.messages(self._plans, keys, published_at, wire_id)

    def truth(self) -> tuple[Expected, ...]:
        """Return what must become of every posting and of every refused source record."""
        found: list[Expected] = []
        for agency in agencies():
            for phase in (1, 2):
                found.extend(self._truth_of(agency, phase))
        for plan in self._plans:
            found.extend(_expected(plan))
        return tuple(found)

    def _truth_of(self, agency: Agency, phase: int) -> list[Expected]:
        if agency.columns:
            lines = self._lines(agency.participant, phase)
            return [_placed(line.entry.expected, f"{line.file}:{line.number}") for line in lines]
        entries = self._of(agency.participant, phase)
        return [_placed(entry.expected, entry.case.reference) for entry in entries]

    def _of(self, participant: str, phase: int) -> list[Entry]:
        return [
            entry
            for entry in self._entries
            if entry.expected.participant == participant and entry.expected.phase == phase
        ]

    def _lines(self, participant: str, phase: int) -> list[_Line]:
        agency = _agency(participant)
        found: list[_Line] = []
        for place, entry in enumerate(self._of(participant, phase)):
            file, row = divmod(place, LINES_PER_FILE)
            name = f"{FIRST_EXPORT[phase]}-{participant}-{file + 1:03}.csv"
            text = exports.line(agency.columns, entry.values(agency))
            if entry.broken is not None and entry.broken.cut is not None:
                text = entry.broken.cut(text)
            found.append(_Line(name, row + 2, text, entry))
        return found


def generate(seed: int = 1, signals: int = 2_000) -> Scenario:
    """Return the scenario of a seed with so many postings; raise ValueError below `plot.MINIMUM`."""
    if signals < MINIMUM:
        message = f"a scenario has at least {MINIMUM} postings, for each trap needs some"
        raise ValueError(message)
    entries, plans = plotted(seed, signals)
    return Scenario(seed, signals, entries, plans)


def _agency(participant: str) -> Agency:
    return next(agency for agency in agencies() if agency.participant == participant)


def _placed(expected: Expected, position: str) -> Expected:
    return (
        replace(expected, position=position) if expected.outcome is Outcome.REFUSED_BY_ADAPTER else expected
    )


def _expected(plan: RawPlan) -> list[Expected]:
    kind, draft = plan.kind, plan.draft
    first = Expected(
        participant=kind.owner,
        channel=Channel.RAW,
        phase=1,
        signal_type=draft.signal_type,
        reference=draft.reference,
        version=draft.version,
        lifecycle=draft.lifecycle,
        outcome=Outcome.DECIDED if kind.reason is None else Outcome.QUARANTINE,
        reason=kind.reason,
        field=kind.field,
        raw=plan.index,
        persons=(plan.person,),
        variant=None,
        municipality=None if draft.sections.context is None else draft.sections.context.municipality,
        classification=draft.classification,
        trap=kind.trap,
    )
    if not kind.repeated:
        return [first]
    again = replace(first, outcome=Outcome.DUPLICATE, duplicate="SAME_SIGNAL", raw=plan.index + 1)
    return [first, again]
