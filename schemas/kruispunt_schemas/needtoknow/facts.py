"""Facts: what the policy sees of one recipient and one signal, each with the place where it can be found again.

Rules
-----
1. A fact is an enum, a set of enums, an ordinal or a boolean, computed from a signed header, a committed section, a bundle
   row or a repertory event. Time becomes facts such as `is_screened`; the only clock is the broker's append time.
2. What a signal states (`Stated`) is the same for every recipient. What a recipient is, and how it relates to what is
   stated, follows from its row (`_Class`: rows that no fact tells apart). Of whom the rest holds, the signal says (`HELD`).
   A decision records what is stated and the holders; the rows stand in the bundle that it cites.
3. Participants with equal facts form a group. Sets of participants are bitmaps over the bundle's (bit n is
   participant n): first the groups that the bundle alone makes, then each is split by what the signal says.
4. `SOURCES` says of each fact where it comes from; a decision cites the commitments and events (`recording`).
5. In doubt a fact is what withholds: whoever may still be under age by the year of birth is a minor, a nature that is not
   stated fits nobody. Where no year of birth is known nothing can be said.

Must not: decide anything, or ask a database or a clock.
"""

from __future__ import annotations

import calendar
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from functools import lru_cache
from typing import Final

from kruispunt_schemas.needtoknow.bitmaps import bitmap_of
from kruispunt_schemas.needtoknow.bundle import ORDINALS, Bundle, Participant
from kruispunt_schemas.records.frame import Follower, Header
from kruispunt_schemas.records.sections import (
    Context,
    Distribution,
    Measures,
    Nature,
    Sections,
    SheetSituation,
    Situation,
    Subject,
)

HELD: Final = (
    "follows_subject",
    "has_consent",
    "in_active_group",
    "in_territory",
    "is_excluded",
    "is_named",
    "is_originator",
)
"""The facts that hold of some participants because of what a signal says, sorted."""
OF_AGE: Final = 18
"""Years: under it a data subject is a minor (art. 388 of the old Civil Code)."""
SECTIONS: Final = ("context", "distribution", "measures", "situation", "subject")
"""The sections that facts come from."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What the policy sees of one recipient and one signal; ordinals as in `ORDINALS`, sets sorted."""

    signal_type: str
    lifecycle: str
    classification: int
    nature: str
    originator_kind: str
    data_subject: str
    is_minor: bool
    markings: tuple[str, ...]
    measure_kinds: tuple[str, ...]
    under_embargo: bool
    under_secrecy: bool
    has_consensus: bool

    recipient_kind: str
    recipient_roles: tuple[str, ...]
    clearance: int
    channel: int
    tier: str
    regime: str
    is_national: bool

    has_national_mandate: bool
    is_competent: bool
    purpose_fits: bool
    nature_fits: bool
    lacks_agreement: bool
    is_screened: bool

    follows_subject: bool = False
    has_consent: bool = False
    in_active_group: bool = False
    in_territory: bool = False
    is_excluded: bool = False
    is_named: bool = False
    is_originator: bool = False


@dataclass(frozen=True, slots=True)
class Observed:
    """The parts of a signal that facts are computed from. appended_at: the broker's time of the posting.

    followers: who follows the subject already, as the repertory has it.
    """

    header: Header
    appended_at: datetime
    context: Context | None = None
    subject: Subject | None = None
    situation: Situation | None = None
    measures: Measures | None = None
    distribution: Distribution | None = None
    followers: tuple[Follower, ...] = ()

    @property
    def others(self) -> tuple[Follower, ...]:
        """Return those who follow the subject, but for the originator."""
        return tuple(item for item in self.followers if item.participant != self.header.originator)

    @classmethod
    def of(
        cls, header: Header, appended_at: datetime, sections: Sections, followers: tuple[Follower, ...] = ()
    ) -> Observed:
        """Return what is observed of a signal's sections."""
        parts = {name: sections.get(name) for name in SECTIONS}
        return cls(header, appended_at, followers=followers, **parts)  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stated:
    """What a signal states, the same for every recipient. day: of the broker's append time, UTC; sets sorted.

    phenomenon is empty and data_subject NONE where the signal has none; data_source is empty unless the bundle asks for an
    agreement for it: any other is the originator's own words.
    """

    signal_type: str
    lifecycle: str
    classification: int
    originator_kind: str
    day: date
    nature: str = Nature.UNRECOGNISED.value
    phenomenon: str = ""
    purposes: tuple[str, ...] = ()
    data_source: str = ""
    data_subject: str = "NONE"
    is_minor: bool = False
    markings: tuple[str, ...] = ()
    measure_kinds: tuple[str, ...] = ()
    under_embargo: bool = False
    under_secrecy: bool = False
    lacks_consensus: bool = False


@dataclass(frozen=True, slots=True)
class SignalFacts:
    """What a signal says: what it states, and the bitmap of the participants of whom each of `HELD` holds."""

    stated: Stated
    holders: Mapping[str, int]


def of_signal(bundle: Bundle, observed: Observed) -> SignalFacts:
    """Return what a signal says of itself and of the participants of a bundle."""
    header, context, told = observed.header, observed.context, observed.distribution
    territory = 0
    if context is not None:
        territory = bundle.covering.get(context.municipality or "", 0) | bundle.by_site.get(
            context.site or "", 0
        )
    return SignalFacts(
        stated=_stated(bundle, observed),
        holders={
            "follows_subject": bitmap_of(bundle, (item.participant for item in observed.others)),
            "has_consent": bitmap_of(bundle, told.consented if told else ()),
            "in_active_group": _in_groups(bundle, told.groups if told else (), observed.appended_at),
            "in_territory": territory,
            "is_excluded": bitmap_of(bundle, told.excluded if told else ()),
            "is_named": bitmap_of(bundle, told.named if told else ()),
            "is_originator": bitmap_of(bundle, (header.originator,)),
        },
    )


def _stated(bundle: Bundle, observed: Observed) -> Stated:
    header, context, subject, told = (
        observed.header,
        observed.context,
        observed.subject,
        observed.distribution,
    )
    row = bundle.by_id.get(header.originator)
    day = observed.appended_at.date()
    source = ((context.data_source if context else None) or "").strip().upper()
    return Stated(
        signal_type=header.signal_type,
        lifecycle=header.lifecycle.value,
        classification=ORDINALS[header.classification],
        originator_kind=row.kind.value if row else "",
        day=day,
        nature=context.nature.value if context else Nature.UNRECOGNISED.value,
        phenomenon=context.phenomenon.value if context else "",
        purposes=_sorted(context.purposes if context else ()),
        data_source=source if source in bundle.restricted_sources else "",
        data_subject=subject.data_subject.value if subject else "NONE",
        is_minor=_may_be_minor(subject, day) if subject else False,
        markings=_sorted(header.handling),
        measure_kinds=_sorted(item.kind for item in observed.measures.measures) if observed.measures else (),
        under_embargo=told.embargo if told else False,
        under_secrecy=told.professional_secrecy if told else False,
        lacks_consensus=isinstance(observed.situation, SheetSituation) and not observed.situation.consensus,
    )


def _sorted(values: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted({str(value) for value in values}))


def _may_be_minor(subject: Subject, day: date) -> bool:
    """Tell whether the subject may be under age on a day, as far as the birth date is known (rule 5)."""
    birth = subject.birth
    if birth is None or birth.year == 0:
        return False
    month = birth.month or 12
    last = (birth.month and birth.day) or calendar.monthrange(birth.year, month)[1]
    return (birth.year + OF_AGE, month, last) > (day.year, day.month, day.day)


def _in_groups(bundle: Bundle, names: Iterable[str], at: datetime) -> int:
    """Return the members of the ad-hoc groups that last at a time."""
    wanted = set(names)
    bitmap = 0
    for group in bundle.groups if wanted else ():
        if group.id in wanted and group.valid_from <= at < group.valid_until:
            bitmap |= bitmap_of(bundle, group.members)
    return bitmap


def groups(bundle: Bundle, signal: SignalFacts) -> list[tuple[Facts, int]]:
    """Return every group of participants with equal facts, with its bitmap; together they are all participants."""
    said = touched(signal)
    found: list[tuple[Facts, int]] = []
    for facts, members in by_bundle(bundle, signal.stated):
        if rest := members & ~said:
            found.append((facts, rest))
        found += [(raised(facts, flags), part) for flags, part in split(members & said, signal.holders)]
    return found


def touched(signal: SignalFacts) -> int:
    """Return the participants of whom the signal says anything."""
    bitmap = 0
    for members in signal.holders.values():
        bitmap |= members
    return bitmap


def of_participant(bundle: Bundle, signal: SignalFacts, participant: str) -> Facts:
    """Return the facts of one participant; raise KeyError for one that the bundle does not have."""
    place = 1 << bundle.index[participant]
    return next(facts for facts, members in groups(bundle, signal) if members & place)


SOURCES: Final[Mapping[str, str]] = {
    "signal_type": "header",
    "lifecycle": "header",
    "classification": "header",
    "markings": "header",
    "is_originator": "header",
    "originator_kind": "header, participants",
    "nature": "context",
    "in_territory": "context, territories",
    "is_competent": "context, participants",
    "purpose_fits": "context, participants",
    "nature_fits": "context, participants",
    "lacks_agreement": "context, participants",
    "data_subject": "subject",
    "is_minor": "subject, append time",
    "has_consensus": "situation",
    "measure_kinds": "measures",
    "is_named": "distribution",
    "is_excluded": "distribution",
    "has_consent": "distribution",
    "in_active_group": "distribution, groups, append time",
    "under_embargo": "distribution",
    "under_secrecy": "distribution",
    "follows_subject": "repertory",
    "is_screened": "participants, append time",
    "has_national_mandate": "participants",
    "recipient_kind": "participants",
    "recipient_roles": "participants",
    "clearance": "participants",
    "channel": "participants",
    "tier": "participants",
    "regime": "participants",
    "is_national": "participants",
}
"""Where each fact comes from: the header, a section, rows of the bundle, repertory events, the broker's append time."""


@dataclass(frozen=True, slots=True)
class _Class:
    """Rows that no fact tells apart: one of them, and the bitmap of all."""

    row: Participant
    members: int = field(compare=False)


@lru_cache(maxsize=16)
def _classes(bundle: Bundle) -> tuple[_Class, ...]:
    found: dict[tuple[object, ...], _Class] = {}
    for place, row in enumerate(bundle.participants):
        key = (row.territory is None, *(getattr(row, name) for name in _TELLING))
        members = found[key].members if key in found else 0
        found[key] = _Class(found[key].row if key in found else row, members | (1 << place))
    return tuple(found.values())


_TELLING: Final = (
    "kind",
    "roles",
    "mandate",
    "clearance",
    "channel",
    "tier",
    "regime",
    "clusters",
    "purposes",
    "natures",
    "agreements",
    "screened_until",
)
"""What a fact may tell two rows apart by, beside whether they have a territory at all."""


@lru_cache(maxsize=4096)
def by_bundle(bundle: Bundle, stated: Stated) -> tuple[tuple[Facts, int], ...]:
    """Return the groups of participants of whom the signal says nothing in particular."""
    found: dict[Facts, int] = {}
    for item in _classes(bundle):
        facts = _facts(stated, item.row)
        found[facts] = found.get(facts, 0) | item.members
    return tuple(found.items())


def _facts(stated: Stated, row: Participant) -> Facts:
    return Facts(
        signal_type=stated.signal_type,
        lifecycle=stated.lifecycle,
        classification=stated.classification,
        nature=stated.nature,
        originator_kind=stated.originator_kind,
        data_subject=stated.data_subject,
        is_minor=stated.is_minor,
        markings=stated.markings,
        measure_kinds=stated.measure_kinds,
        under_embargo=stated.under_embargo,
        under_secrecy=stated.under_secrecy,
        has_consensus=not stated.lacks_consensus,
        recipient_kind=row.kind.value,
        recipient_roles=_sorted(row.roles),
        clearance=ORDINALS[row.clearance],
        channel=ORDINALS[row.channel or row.clearance],
        tier=row.tier.value,
        regime=row.regime.value,
        is_national=row.territory is None,
        has_national_mandate=stated.signal_type in row.mandate,
        is_competent=stated.phenomenon in row.clusters,
        purpose_fits=not set(stated.purposes).isdisjoint(row.purposes),
        nature_fits=stated.nature in row.natures,
        lacks_agreement=stated.data_source != "" and stated.data_source not in row.agreements,
        is_screened=row.screened_until is not None and stated.day <= row.screened_until,
    )


def split(members: int, holders: Mapping[str, int]) -> list[tuple[tuple[str, ...], int]]:
    """Return a set of participants by which of `HELD` hold of them, each with the facts that do."""
    found: list[tuple[tuple[str, ...], int]] = [((), members)] if members else []
    for fact in HELD:
        found = [
            (flags, part)
            for raised, group in found
            for flags, part in (((*raised, fact), group & holders[fact]), (raised, group & ~holders[fact]))
            if part
        ]
    return found


def raised(facts: Facts, flags: tuple[str, ...]) -> Facts:
    """Return facts with some of `HELD` true."""
    changes = dict.fromkeys(flags, True)
    return replace(facts, **changes)  # type: ignore[arg-type]
