"""Slips in what a mention says beside the name: number, birth date and place, sex, nationality.

Rules
-----
1. One slip of the birth date at most. What comes out is a possible date: anything else is refused at the door, as is a
   national number with wrong check digits, so neither is made here.

Must not: touch a name.
"""

from __future__ import annotations

import calendar
from collections.abc import Callable, Mapping
from functools import cache
from random import Random
from typing import Final

from kruispunt_schemas.places import municipalities
from kruispunt_schemas.records.sections import Sex

from benchmarks.persons.census import Person
from benchmarks.persons.drafts import Change, Draft
from benchmarks.persons.rates import Slip

LAST_YEAR: Final = 2026
"""No birth date is after it."""
BirthDate = tuple[int, int, int]


def _number_missing(_: Random, draft: Draft, __: Person) -> bool:
    had, draft.number = bool(draft.number), ""
    return had


def _birth(change: Callable[[Random, BirthDate], BirthDate | None]) -> Change:
    def apply(random: Random, draft: Draft, person: Person) -> bool:
        exact = (person.birth.year, person.birth.month, person.birth.day)
        changed = change(random, exact) if draft.birth == exact else None
        if changed is None or changed == exact:
            return False
        draft.birth = changed
        return True

    return apply


def _swapped_day(_: Random, birth: BirthDate) -> BirthDate | None:
    year, month, day = birth
    return (year, day, month) if day <= 12 else None


def _digit_off(random: Random, birth: BirthDate) -> BirthDate | None:
    """Return a date of which one digit is wrong or two neighbours are swapped, None when no try gave a date."""
    for _ in range(20):
        digits = list(f"{birth[0]:04}{birth[1]:02}{birth[2]:02}")
        place = random.randrange(2, 8)
        if random.random() < 0.3 and place < 7:
            digits[place], digits[place + 1] = digits[place + 1], digits[place]
        else:
            digits[place] = random.choice("0123456789")
        text = "".join(digits)
        year, month, day = int(text[:4]), int(text[4:6]), int(text[6:])
        possible = year <= LAST_YEAR and 1 <= month <= 12 and 1 <= day <= calendar.monthrange(year, month)[1]
        if possible and (year, month, day) != birth:
            return year, month, day
    return None


def _place_missing(_: Random, draft: Draft, __: Person) -> bool:
    draft.place = ""
    return True


def _place_language(random: Random, draft: Draft, person: Person) -> bool:
    if not draft.place or len(person.birth_places) == 1:
        return False
    draft.place = random.choice(person.birth_places[1:])
    return True


def _place_wrong(random: Random, draft: Draft, person: Person) -> bool:
    if not draft.place:
        return False
    draft.place = random.choice(municipality_names())
    return draft.place not in person.birth_places


def _sex(value: Callable[[Sex], Sex]) -> Change:
    def apply(_: Random, draft: Draft, person: Person) -> bool:
        draft.sex = value(person.sex)
        return True

    return apply


def _nationality_missing(_: Random, draft: Draft, __: Person) -> bool:
    draft.nationality = ""
    return True


@cache
def municipality_names() -> tuple[str, ...]:
    """Return the municipalities' Dutch names."""
    return tuple(row.name for row in municipalities().values())


FACT_SLIPS: Final[Mapping[Slip, Change]] = {
    Slip.NUMBER_MISSING: _number_missing,
    Slip.BIRTH_MISSING: _birth(lambda _, __: (0, 0, 0)),
    Slip.YEAR_ONLY: _birth(lambda _, birth: (birth[0], 0, 0)),
    Slip.NO_DAY: _birth(lambda _, birth: (birth[0], birth[1], 0)),
    Slip.YEAR_NEAR: _birth(lambda random, birth: (birth[0] + random.choice((-2, -1, 1, 2)), 0, 0)),
    Slip.DAY_MONTH_SWAPPED: _birth(_swapped_day),
    Slip.DIGIT_OFF: _birth(_digit_off),
    Slip.PLACE_MISSING: _place_missing,
    Slip.PLACE_LANGUAGE: _place_language,
    Slip.PLACE_WRONG: _place_wrong,
    Slip.SEX_MISSING: _sex(lambda _: Sex.UNKNOWN),
    Slip.SEX_WRONG: _sex(lambda sex: Sex.MALE if sex is Sex.FEMALE else Sex.FEMALE),
    Slip.NATIONALITY_MISSING: _nationality_missing,
}
