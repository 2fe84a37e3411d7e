"""Who publishes what in a scenario, in which phase, and what must become of it. Pure, from one seeded source.

Rules: see `scenario`. Must not: write a row or a line (`legacy`, `exports`), or make bytes (`raw`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import Final

from kruispunt_schemas.disclosure import Draft
from kruispunt_schemas.records.frame import Lifecycle

from kruispunt_producers.adapters import Row
from kruispunt_producers.synthetic import changes, raw, traps
from kruispunt_producers.synthetic.casebook import Casebook
from kruispunt_producers.synthetic.cases import Case
from kruispunt_producers.synthetic.legacy import Values
from kruispunt_producers.synthetic.profiles import Agency, agencies
from kruispunt_producers.synthetic.raw import RawPlan
from kruispunt_producers.synthetic.traps import Broken, Invariant
from kruispunt_producers.synthetic.truth import Channel, Expected, Outcome

MINIMUM: Final = 120
SIGNALS_PER_TRAP: Final = 500
"""One of each trap for so many postings, and at least one."""
SIGNALS_PER_RAW: Final = 1_500


@dataclass(frozen=True, slots=True)
class Entry:
    """A source record of one phase with its truth; ``broken``: how it was spoiled; ``deleted``: it vanishes."""

    case: Case
    expected: Expected
    broken: Broken | None = None
    deleted: bool = False

    def values(self, agency: Agency) -> Values:
        """Return what the source holds."""
        values = agency.row(self.case)
        if self.broken is None or self.broken.spoil is None:
            return values
        return self.broken.spoil(values, self.broken.field(agency.adapter.name) or "")


def plotted(seed: int, signals: int) -> tuple[tuple[Entry, ...], tuple[RawPlan, ...]]:
    """Return the source records of both phases and the raw postings; ``signals`` postings in all."""
    plot = _Plot(Random(f"kruispunt/{seed}/{signals}"), signals)  # noqa: S311 - made-up data must be repeatable
    plot.raw()
    plot.first_phase()
    plot.second_phase()
    return tuple(plot.entries), tuple(plot.plans)


class _Plot:
    """The growing scenario."""

    def __init__(self, random: Random, signals: int) -> None:
        self.random = random
        self.signals = signals
        self.book = Casebook(random, signals)
        self.by_name = {agency.participant: agency for agency in agencies()}
        self.entries: list[Entry] = []
        self.plans: list[RawPlan] = []
        self.raw_postings = 0
        self.standing: list[Entry] = []
        self.copies: list[Entry] = []
        self.refused: list[Entry] = []

    def some(self, share: float) -> int:
        """Return a share of the postings, at least one."""
        return max(1, round(self.signals * share))

    def raw(self) -> None:
        for _ in range(max(1, self.signals // SIGNALS_PER_RAW)):
            for kind in raw.KINDS:
                agency = self.by_name[kind.source]
                case = self.book.draw(agency)
                self.plans.append(
                    RawPlan(self.raw_postings, kind, drafted(agency, case), case.person.identity)
                )
                self.raw_postings += 2 if kind.repeated else 1

    def first_phase(self) -> None:
        each = max(1, self.signals // SIGNALS_PER_TRAP)
        copies = self.some(changes.COPIED_SHARE)
        spoiled: list[tuple[Agency, Invariant | Broken | None]] = []
        for invariant in traps.INVARIANTS:
            spoiled += [
                (self.by_name[self.random.choice(invariant.agencies)], invariant) for _ in range(each)
            ]
        postings = len(spoiled)
        for broken in traps.BROKEN:
            fitting = [agency for agency in agencies() if broken.field(agency.adapter.name) is not None]
            spoiled += [(self.random.choice(fitting), broken) for _ in range(each)]
        ordinary = self.signals - self.raw_postings - self._second_phase_postings() - postings - copies
        shares = [agency.share for agency in agencies()]
        drawn: list[tuple[Agency, Invariant | Broken | None]] = [
            (agency, None) for agency in self.random.choices(agencies(), shares, k=ordinary)
        ]
        order = drawn + spoiled
        self.random.shuffle(order)
        for agency, trap in order:
            self._add(agency, trap)
        for original in self._take(copies, self.standing):
            self._copy(original, phase=1)

    def second_phase(self) -> None:
        for change in changes.CORRECTIONS:
            fitting = [
                entry
                for entry in self.standing
                if change.fits(self.by_name[entry.case.participant], entry.case)
            ]
            for entry in self._take(self.some(change.share), fitting):
                self._correct(change.apply(self.random, entry.case), change.trap)
        for entry in self._take(self.some(changes.ALIAS_SHARE), self.copies):
            changed = changes.CORRECTIONS[0].apply(self.random, entry.case)
            self._correct(changed, "correction of a copy")
        for entry in self._take(self.some(changes.MENDED_SHARE), self.refused):
            self._correct(self._mended(entry.case), "correction of what was refused")
        tables = [entry for entry in self.standing if self.by_name[entry.case.participant].table]
        for entry in self._take(self.some(changes.DELETED_SHARE), tables):
            self._recall(entry, deleted=True)
        for entry in self._take(self.some(changes.WITHDRAWN_SHARE), self.standing):
            self._recall(entry, deleted=False)
        for original in self._take(self.some(changes.COPIED_LATER_SHARE), self.standing):
            self._copy(original, phase=2)

    def _second_phase_postings(self) -> int:
        shares = (
            *(change.share for change in changes.CORRECTIONS),
            changes.ALIAS_SHARE,
            changes.MENDED_SHARE,
            changes.DELETED_SHARE,
            changes.WITHDRAWN_SHARE,
            changes.COPIED_LATER_SHARE,
        )
        return sum(self.some(share) for share in shares)

    def _take(self, count: int, entries: Sequence[Entry]) -> list[Entry]:
        """Take entries at random; none of them is taken again."""
        taken = self.random.sample(list(entries), count)
        gone = {entry.case.reference + entry.case.participant for entry in taken}
        for pool in (self.standing, self.copies, self.refused):
            pool[:] = [entry for entry in pool if entry.case.reference + entry.case.participant not in gone]
        return taken

    def _add(self, agency: Agency, trap: Invariant | Broken | None) -> None:
        case = self.book.draw(agency)
        if trap is None:
            entry = Entry(case, expected(agency, case, phase=1))
            self.standing.append(entry)
        elif isinstance(trap, Broken):
            truth = expected(agency, case, phase=1)
            entry = Entry(case, _refused(truth, trap, agency), broken=trap)
        else:
            case = trap.apply(case)
            truth = expected(agency, case, phase=1)
            entry = Entry(
                case,
                replace(
                    truth, outcome=Outcome.QUARANTINE, reason=trap.reason, field=trap.field, trap=trap.trap
                ),
            )
            if trap.reason in ("level", "unknown-municipality"):
                self.refused.append(entry)
        self.entries.append(entry)

    def _copy(self, original: Entry, *, phase: int) -> None:
        agency = self.by_name[original.case.participant]
        case = replace(original.case, reference=self.book.reference(agency))
        group = f"{agency.participant}/{original.case.reference}"
        place = self.entries.index(original)
        self.entries[place] = replace(original, expected=replace(original.expected, group=group))
        entry = Entry(
            case,
            replace(
                expected(agency, case, phase=phase),
                outcome=Outcome.DUPLICATE,
                duplicate="SAME_CONTENT",
                group=group,
                trap="same content under a new reference",
            ),
        )
        self.entries.append(entry)
        if phase == 1:
            self.copies.append(entry)

    def _correct(self, case: Case, trap: str) -> None:
        agency = self.by_name[case.participant]
        truth = replace(expected(agency, case, phase=2), version=2, lifecycle=Lifecycle.CORRECTION, trap=trap)
        self.entries.append(Entry(case, truth))

    def _recall(self, entry: Entry, *, deleted: bool) -> None:
        agency = self.by_name[entry.case.participant]
        case = entry.case if deleted else changes.withdrawn(entry.case)
        truth = replace(
            expected(agency, case, phase=2),
            version=2,
            lifecycle=Lifecycle.RECALL,
            municipality=None,
            persons=(),
            variant=None,
            trap="record deleted" if deleted else "record withdrawn",
        )
        self.entries.append(Entry(case, truth, deleted=deleted))

    def _mended(self, case: Case) -> Case:
        return replace(
            case,
            level=min(max(case.level, 1), 4),
            municipality=case.person.home if case.municipality == traps.NOWHERE else case.municipality,
        )


def drafted(agency: Agency, case: Case) -> Draft:
    """Return the draft that an agency's adapter makes of a case; raise ValueError when it refuses."""
    made = agency.adapter.draft(Row(agency.row(case)))
    if not isinstance(made, Draft):
        message = f"the adapter of {agency.participant} refuses a case: {made}"
        raise ValueError(message)  # noqa: TRY004 - the refusal is a value of an expected type
    return made


def expected(agency: Agency, case: Case, *, phase: int) -> Expected:
    """Return the truth of an ordinary original."""
    return Expected(
        participant=agency.participant,
        channel=Channel.SOURCE,
        phase=phase,
        signal_type=agency.signal_type,
        reference=case.reference,
        version=1,
        lifecycle=Lifecycle.ORIGINAL,
        outcome=Outcome.DECIDED,
        persons=(case.person.identity,),
        variant=case.written.variant,
        municipality=case.municipality,
        classification=case.classification,
    )


def _refused(truth: Expected, trap: Broken, agency: Agency) -> Expected:
    return replace(
        truth,
        outcome=Outcome.REFUSED_BY_ADAPTER,
        reason=trap.reason,
        field=trap.field(agency.adapter.name),
        version=None,
        lifecycle=None,
        trap=trap.trap,
    )
