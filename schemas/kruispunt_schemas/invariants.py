"""What every signal must hold, whoever sends it: refused at the door with the field.

Rules (DESIGN section 4), in this order; the first that fails is the reason
--------------------------------------------------------------------------
1. ``missing``: the context is there, for it holds the reference, and says a purpose; so are, but in a recall, the sections
   that a type is nothing without (`REQUIRED`), and the group that an entry of an incident's log is for.
2. ``too-many``: no array has more items than its bound. ``too-long``: no part of a name has more characters than its own,
   for names go, sealed, to a lasting topic. Other texts are bounded by the posting alone, and any character may stand in
   them, NUL and control characters too: what was signed is not edited, and whoever shows it makes it harmless.
   ``unrecognised``: no enum of header or sections carries its default symbol.
3. ``future``: published and observed <= appended + 5 minutes (clocks differ); ``time-order``: observed <= published.
   The day of a fact is not in the future either; planned events have fields of their own.
4. ``version``: 1 for an original, more for a correction or recall, which name what they replace.
5. ``unknown-municipality``, ``unknown-site``: every NIS code and site is one of the bundle's.
6. ``unknown-participant``: whoever is named, excluded or consented to is a participant of the bundle; ``unknown-group``: so
   is every ad-hoc group.
7. ``check-digits``: national number (mod 97, both centuries, BIS) and enterprise number (mod 97); ``birth``: a partial
   date is possible and not in the future.
8. ``consensus``, ``professional-secrecy``: a feedback sheet has the consensus of the members who took part and holds
   no matter under professional secrecy (law of 30 July 2018; Constitutional Court 52/2021; art. 458ter Penal Code).
9. ``level``: a threat level, a person's or the country's, is 1 to 4 (RD of 28 November 2006).
10. ``classified``: the common database is unclassified, so a change of an entity is; ``not-entitled``: only who
    ``validates-entities`` says that one is validated or removed, everybody else proposes.
11. ``not-entitled``, ``embargo``: only a ``magistrate`` puts a signal under embargo, with the federal prosecutor's
    agreement (art. 44/8 Police Function Act).
12. ``not-entitled``: an entry of an incident's log comes from a member of every group that it is for.

An agency can run the same function before it posts. Must not: ask anything but its arguments.
"""

from __future__ import annotations

import calendar
from collections.abc import Container, Iterator
from dataclasses import dataclass, fields, is_dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Final
from uuid import UUID

from stdnum.be import vat
from stdnum.exceptions import ValidationError

from kruispunt_schemas.records.frame import Classification, Header, Lifecycle
from kruispunt_schemas.records.sections import (
    AnswerSituation,
    CaseSituation,
    EntitySituation,
    EntityStatus,
    EvaluationAssessment,
    EvaluationSituation,
    Fact,
    LevelAssessment,
    PartialDate,
    Sections,
    SheetSituation,
    Subject,
)

REQUIRED: Final = {
    "AssetFreeze": ("situation",),
    "EntityChange": ("situation",),
    "FeedbackSheet": ("situation",),
    "IncidentLogEntry": ("situation",),
    "InformationAnswer": ("situation",),
    "InformationRequest": ("situation",),
    "MeasureReport": ("measures",),
    "ThreatEvaluation": ("assessment",),
    "ThreatLevel": ("assessment",),
    "TravelHit": ("situation",),
}
"""Sections without which a type says nothing, or its own invariants could be evaded; a recall has its context alone."""
GROUPED: Final = frozenset({"IncidentLogEntry"})
"""Types that are for an ad-hoc group and nobody else."""
VALIDATES_ENTITIES: Final = "validates-entities"
MAGISTRATE: Final = "magistrate"
"""Roles of a participant in the bundle."""
MAX_ITEMS: Final = 500
"""Items in any array of a section: a posting is work for everybody behind it."""
LIMITS: Final = {"names": 50, "handling": 20}
"""Arrays with a bound of their own, items."""
MAX_NAME: Final = 500
"""Characters of each part of a name: family, particle, given."""
A_DAY: Final = timedelta(days=1)
"""A day of observation is a local date, the broker's time is UTC."""
CLOCK_TOLERANCE: Final = timedelta(minutes=5)
"""How far ahead of the broker's clock an originator's may run."""


@dataclass(frozen=True, slots=True)
class Violation:
    """Why a signal is refused: a stable reason and the dotted path of the field."""

    reason: str
    field: str


@dataclass(frozen=True, slots=True)
class _Known:
    """What the bundle knows, for a signal to be held against."""

    municipalities: Container[str]
    sites: Container[str]
    participants: Container[str]
    groups: Container[str]
    member_of: Container[str]
    roles: frozenset[str]


def violation(
    header: Header,
    sections: Sections,
    *,
    appended_at: datetime,
    municipalities: Container[str],
    sites: Container[str],
    participants: Container[str],
    groups: Container[str],
    member_of: Container[str],
    roles: frozenset[str],
) -> Violation | None:
    """Return the first violation, None for a sound signal.

    member_of, roles: groups and roles of the originator. All but the time comes from one bundle.
    """
    known = _Known(municipalities, sites, participants, groups, member_of, roles)
    return next(_violations(header, sections, appended_at, known), None)


def _violations(
    header: Header, sections: Sections, appended_at: datetime, known: _Known
) -> Iterator[Violation]:
    # 1.
    yield from _of_presence(header, sections)
    # 2.
    yield from _of_sizes(header, sections)
    for place, name in enumerate(sections.subject.names if sections.subject is not None else ()):
        for part in fields(name):
            if len(getattr(name, part.name)) > MAX_NAME:
                yield Violation("too-long", f"subject.names.{place}.{part.name}")
    yield from (Violation("unrecognised", f"header.{path}") for path in _unrecognised(header))
    yield from (Violation("unrecognised", path) for path in _unrecognised(sections))
    # 3.
    yield from _of_times(header, sections, appended_at)
    # 4.
    original = header.lifecycle is Lifecycle.ORIGINAL
    if header.version < 1 or original != (header.version == 1):
        yield Violation("version", "header.version")
    if original != (header.replaces is None):
        yield Violation("version", "header.replaces")
    # 5. and 6.
    yield from _of_names(sections, known)
    # 7.
    if sections.subject is not None:
        yield from _of_subject(sections.subject, appended_at)
    # 8.
    if isinstance(sections.situation, SheetSituation):
        if not sections.situation.consensus or sections.situation.members_present < 1:
            yield Violation("consensus", "situation.consensus")
        if sections.situation.professional_secrecy:
            yield Violation("professional-secrecy", "situation.professional_secrecy")
        if sections.distribution is not None and sections.distribution.professional_secrecy:
            yield Violation("professional-secrecy", "distribution.professional_secrecy")
    # 9.
    assessment = sections.assessment
    if isinstance(assessment, EvaluationAssessment | LevelAssessment) and not 1 <= assessment.level <= 4:
        yield Violation("level", "assessment.level")
    # 10. to 12.
    yield from _of_entitlement(header, sections, known)


def _of_presence(header: Header, sections: Sections) -> Iterator[Violation]:
    if sections.context is None:
        yield Violation("missing", "context")
    elif not sections.context.purposes:
        yield Violation("missing", "context.purposes")
    if header.lifecycle is Lifecycle.RECALL:
        return
    for name in REQUIRED.get(header.signal_type, ()):
        if sections.get(name) is None:
            yield Violation("missing", name)
    grouped = sections.distribution is not None and sections.distribution.groups
    if header.signal_type in GROUPED and not grouped:
        yield Violation("missing", "distribution.groups")


def _of_sizes(header: Header, sections: Sections) -> Iterator[Violation]:
    parts = [
        ("header", header),
        *((name, section) for name in Sections.NAMES if (section := sections.get(name))),
    ]
    for name, part in parts:
        for field in fields(part):
            value = getattr(part, field.name)
            if isinstance(value, tuple) and len(value) > LIMITS.get(field.name, MAX_ITEMS):
                yield Violation("too-many", f"{name}.{field.name}")


def _of_times(header: Header, sections: Sections, appended_at: datetime) -> Iterator[Violation]:
    latest = appended_at + CLOCK_TOLERANCE
    if header.published_at > latest:
        yield Violation("future", "header.published_at")
    if header.observed_at > latest:
        yield Violation("future", "header.observed_at")
    if header.observed_at > header.published_at:
        yield Violation("time-order", "header.observed_at")
    for place, fact in enumerate(_facts(sections)):
        if fact.observed_on is not None and fact.observed_on > latest.date() + A_DAY:
            yield Violation("future", f"situation.facts.{place}.observed_on")


def _of_names(sections: Sections, known: _Known) -> Iterator[Violation]:
    for path, nis in _places(sections):
        if nis not in known.municipalities:
            yield Violation("unknown-municipality", path)
    site = sections.context.site if sections.context is not None else None
    if site is not None and site not in known.sites:
        yield Violation("unknown-site", "context.site")
    if sections.distribution is not None:
        for name in ("named", "excluded", "consented"):
            if any(item not in known.participants for item in getattr(sections.distribution, name)):
                yield Violation("unknown-participant", f"distribution.{name}")
        if any(item not in known.groups for item in sections.distribution.groups):
            yield Violation("unknown-group", "distribution.groups")


def _of_entitlement(header: Header, sections: Sections, known: _Known) -> Iterator[Violation]:
    # 10.
    if header.signal_type == "EntityChange" and header.classification is not Classification.UNCLASSIFIED:
        yield Violation("classified", "header.classification")
    if (
        isinstance(sections.situation, EntitySituation)
        and sections.situation.status is not EntityStatus.PROPOSED
        and VALIDATES_ENTITIES not in known.roles
    ):
        yield Violation("not-entitled", "situation.status")
    # 11.
    told = sections.distribution
    if told is not None and told.embargo:
        if MAGISTRATE not in known.roles:
            yield Violation("not-entitled", "distribution.embargo")
        if not told.embargo_agreed:
            yield Violation("embargo", "distribution.embargo_agreed")
    # 12.
    if header.signal_type in GROUPED and any(
        group not in known.member_of for group in (told.groups if told is not None else ())
    ):
        yield Violation("not-entitled", "distribution.groups")


def _of_subject(subject: Subject, appended_at: datetime) -> Iterator[Violation]:
    if subject.national_number is not None and not valid_national_number(subject.national_number):
        yield Violation("check-digits", "subject.national_number")
    if subject.enterprise_number is not None and not valid_enterprise_number(subject.enterprise_number):
        yield Violation("check-digits", "subject.enterprise_number")
    if subject.birth is not None and not _possible(subject.birth, appended_at.year):
        yield Violation("birth", "subject.birth")


def valid_national_number(number: str) -> bool:
    """Tell whether an RRN or BIS number (11 digits, no separators) has valid check digits.

    The check alone counts: a month or day may be 00, and a synthetic serial lies outside the issued range.
    """
    if len(number) != 11 or not (number.isascii() and number.isdigit()):
        return False
    first, check = int(number[:9]), int(number[9:])
    return check in (97 - first % 97, 97 - (2_000_000_000 + first) % 97)


def valid_enterprise_number(number: str) -> bool:
    """Tell whether a CBE number (10 digits) has valid check digits."""
    try:
        return str(vat.validate(number)) == number
    except ValidationError:
        return False


def _possible(birth: PartialDate, this_year: int) -> bool:
    if birth.year == 0:
        return 0 <= birth.month <= 12 and 0 <= birth.day <= 31
    if not (1850 <= birth.year <= this_year and 0 <= birth.month <= 12):
        return False
    longest = calendar.monthrange(birth.year, birth.month)[1] if birth.month else 31
    return 0 <= birth.day <= longest


def _places(sections: Sections) -> Iterator[tuple[str, str]]:
    if sections.context is not None and sections.context.municipality is not None:
        yield "context.municipality", sections.context.municipality
    for place, fact in enumerate(_facts(sections)):
        if fact.municipality is not None:
            yield f"situation.facts.{place}.municipality", fact.municipality


def _facts(sections: Sections) -> tuple[Fact, ...]:
    situation = sections.situation
    if isinstance(situation, CaseSituation | SheetSituation | EvaluationSituation | AnswerSituation):
        return situation.facts
    return ()


def _unrecognised(value: object, path: str = "") -> Iterator[str]:
    """Yield the path of every enum that carries its default symbol."""
    if isinstance(value, StrEnum):
        if value.value == "UNRECOGNISED":
            yield path
    elif isinstance(value, tuple):
        for place, item in enumerate(value):
            if type(item) not in _PLAIN:
                yield from _unrecognised(item, f"{path}.{place}")
    elif is_dataclass(value) and not isinstance(value, type):
        for name in value.__dataclass_fields__:
            item = getattr(value, name)
            if type(item) not in _PLAIN:
                yield from _unrecognised(item, f"{path}.{name}" if path else name)


_PLAIN: Final = frozenset({bool, bytes, date, datetime, int, str, type(None), UUID})
"""What can hold no enum: most values of a signal, so they cost a look and no more."""
