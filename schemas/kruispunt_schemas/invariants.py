"""What every signal must hold, whoever sends it: refused at the door with the field.

Rules (DESIGN section 4), in this order; the first that fails is the reason
--------------------------------------------------------------------------
1. ``missing``: the context is there, for it holds the reference.
2. ``unrecognised``: no enum of header or sections carries its default symbol.
3. ``future``: published and observed <= appended + 5 minutes (clocks differ); ``time-order``: observed <= published.
4. ``version``: 1 for an original, more for a correction or recall, which name what they replace.
5. ``unknown-municipality``: every NIS code is one of the bundle's.
6. ``unknown-participant``: whoever is named or excluded is a participant of the bundle.
7. ``check-digits``: national number (mod 97, both centuries, BIS) and enterprise number (mod 97); ``birth``: a partial
   date is possible.
8. ``consensus``, ``professional-secrecy``: a feedback sheet has the consensus of the members who took part and holds
   no matter under professional secrecy (law of 30 July 2018; Constitutional Court 52/2021; art. 458ter Penal Code).
9. ``level``: a threat level is 1 to 4 (RD of 28 November 2006).

An agency can run the same function before it posts. Must not: ask anything but its arguments.
"""

from __future__ import annotations

import calendar
from collections.abc import Container, Iterator
from dataclasses import dataclass, fields, is_dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from stdnum.be import vat
from stdnum.exceptions import ValidationError

from kruispunt_schemas.records.frame import Header, Lifecycle
from kruispunt_schemas.records.sections import (
    CaseSituation,
    EvaluationAssessment,
    EvaluationSituation,
    PartialDate,
    Sections,
    SheetSituation,
    Subject,
)

CLOCK_TOLERANCE: Final = timedelta(minutes=5)
"""How far ahead of the broker's clock an originator's may run."""


@dataclass(frozen=True, slots=True)
class Violation:
    """Why a signal is refused: a stable reason and the dotted path of the field."""

    reason: str
    field: str


def violation(
    header: Header,
    sections: Sections,
    *,
    appended_at: datetime,
    municipalities: Container[str],
    participants: Container[str],
) -> Violation | None:
    """Return the first violation, None for a sound signal."""
    # 1.
    if sections.context is None:
        return Violation("missing", "context")
    found = _violations(header, sections, appended_at, municipalities, participants)
    return next(found, None)


def _violations(
    header: Header,
    sections: Sections,
    appended_at: datetime,
    municipalities: Container[str],
    participants: Container[str],
) -> Iterator[Violation]:
    # 2.
    yield from (Violation("unrecognised", f"header.{path}") for path in _unrecognised(header))
    yield from (Violation("unrecognised", path) for path in _unrecognised(sections))
    # 3.
    yield from _of_times(header, appended_at)
    # 4.
    original = header.lifecycle is Lifecycle.ORIGINAL
    if header.version < 1 or original != (header.version == 1):
        yield Violation("version", "header.version")
    if original != (header.replaces is None):
        yield Violation("version", "header.replaces")
    # 5. and 6.
    yield from _of_names(sections, municipalities, participants)
    # 7.
    if sections.subject is not None:
        yield from _of_subject(sections.subject)
    # 8.
    if isinstance(sections.situation, SheetSituation):
        if not sections.situation.consensus:
            yield Violation("consensus", "situation.consensus")
        if sections.situation.professional_secrecy:
            yield Violation("professional-secrecy", "situation.professional_secrecy")
    # 9.
    if isinstance(sections.assessment, EvaluationAssessment) and not 1 <= sections.assessment.level <= 4:
        yield Violation("level", "assessment.level")


def _of_times(header: Header, appended_at: datetime) -> Iterator[Violation]:
    latest = appended_at + CLOCK_TOLERANCE
    if header.published_at > latest:
        yield Violation("future", "header.published_at")
    if header.observed_at > latest:
        yield Violation("future", "header.observed_at")
    if header.observed_at > header.published_at:
        yield Violation("time-order", "header.observed_at")


def _of_names(
    sections: Sections, municipalities: Container[str], participants: Container[str]
) -> Iterator[Violation]:
    for path, nis in _places(sections):
        if nis not in municipalities:
            yield Violation("unknown-municipality", path)
    if sections.distribution is not None:
        for name in ("named", "excluded"):
            if any(item not in participants for item in getattr(sections.distribution, name)):
                yield Violation("unknown-participant", f"distribution.{name}")


def _of_subject(subject: Subject) -> Iterator[Violation]:
    if subject.national_number is not None and not valid_national_number(subject.national_number):
        yield Violation("check-digits", "subject.national_number")
    if subject.enterprise_number is not None and not valid_enterprise_number(subject.enterprise_number):
        yield Violation("check-digits", "subject.enterprise_number")
    if subject.birth is not None and not _possible(subject.birth):
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


def _possible(birth: PartialDate) -> bool:
    if birth.year == 0:
        return 0 <= birth.month <= 12 and 0 <= birth.day <= 31
    if not (1850 <= birth.year <= 2200 and 0 <= birth.month <= 12):
        return False
    longest = calendar.monthrange(birth.year, birth.month)[1] if birth.month else 31
    return 0 <= birth.day <= longest


def _places(sections: Sections) -> Iterator[tuple[str, str]]:
    if sections.context is not None and sections.context.municipality is not None:
        yield "context.municipality", sections.context.municipality
    situation = sections.situation
    if isinstance(situation, CaseSituation | SheetSituation | EvaluationSituation):
        for place, fact in enumerate(situation.facts):
            if fact.municipality is not None:
                yield f"situation.facts.{place}.municipality", fact.municipality


def _unrecognised(value: object, path: str = "") -> Iterator[str]:
    """Yield the path of every enum that carries its default symbol."""
    if isinstance(value, StrEnum):
        if value.value == "UNRECOGNISED":
            yield path
    elif isinstance(value, tuple):
        for place, item in enumerate(value):
            yield from _unrecognised(item, f"{path}.{place}")
    elif is_dataclass(value) and not isinstance(value, type):
        for field in fields(value):
            yield from _unrecognised(
                getattr(value, field.name), f"{path}.{field.name}" if path else field.name
            )
