"""A made-up population of up to some millions of persons, by columns: about 35 bytes each.

Rules
-----
1. A national number has serial 000 or 999 (DOMAIN section 7): one for each sex and birth date, and one more as a BIS number.
2. Organisations: one for every 100 persons, with CBE numbers that begin with 19, a range that is not reached yet.

Must not: draw who there is (`households`), nor say how a source writes any of it.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from enum import IntEnum
from functools import cache
from random import Random
from typing import Final, NamedTuple

from kruispunt_schemas.places import municipalities
from kruispunt_schemas.records.sections import Sex

from benchmarks.persons.names import Origin, foreign_places, given_names, surnames

NONE: Final = 0xFFFF
"""No second surname, husband or second given name."""
NATIONALITIES: Final = {
    Origin.NL: ("NL", "BE"),
    Origin.FR: ("FR", "BE"),
    Origin.AR: ("MA", "SY"),
    Origin.TR: ("TR", "BE"),
    Origin.DE: ("DE", "BE"),
    Origin.OTHER: ("RU", "RO"),
}
"""Of persons born abroad, by turns."""
TRADES: Final = (
    "Garage",
    "Bakkerij",
    "Transport",
    "Import-Export",
    "Night Shop",
    "Café",
    "Bouwwerken",
    "Carwash",
    "Stichting",
)
LEGAL_FORMS: Final = ("BV", "SRL", "NV", "SA", "VZW", "ASBL")
_ORIGINS: Final = tuple(Origin)


class Kin(IntEnum):
    """How a person stands to others in the population."""

    PLAIN = 0
    TWIN = 1
    SIBLING = 2
    JUNIOR = 3
    ORGANISATION = 4


class Row(NamedTuple):
    """A person by places in the lists of names and places; see `names`. birth: day number of the calendar."""

    kin: Kin
    origin: Origin
    woman: bool
    family: int
    second: int
    husband: int
    given: int
    more_given: int
    birth: int
    place: int
    abroad: bool


class Number(IntEnum):
    """Which national number a person has."""

    NONE = 0
    REGISTER = 1
    BIS = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """A person as a perfect register has it.

    families: one surname, or those of both parents. birth_places: every name of the place of birth, the register's first.
    """

    number: int
    kin: Kin
    origin: Origin
    sex: Sex
    families: tuple[str, ...]
    married: str | None
    given: tuple[str, ...]
    birth: date
    birth_places: tuple[str, ...]
    nationality: str
    national_number: str | None

    @property
    def family(self) -> str:
        """Return the whole family name."""
        return " ".join(self.families)


@dataclass(frozen=True, slots=True, kw_only=True)
class Organisation:
    """An organisation as the register has it."""

    number: int
    name: str
    legal_form: str
    enterprise_number: str


class Census:
    """The population. Persons are numbered from 0, organisations go on from there.

    kin, numbers: by person. absent: 1 for who is not in the directory at first.
    """

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.kin = bytearray()
        self.absent = bytearray()
        self.numbers = bytearray()
        self._origins = bytearray()
        self._flags = bytearray()  # 1: woman, 2: born abroad
        self._births = array("I")
        self._names = array("H")  # five a person: family, second, husband, given, more_given
        self._places = array("H")

    def __len__(self) -> int:
        return len(self.kin)

    def append(self, row: Row, *, absent: bool) -> None:
        """Add a person."""
        self.kin.append(row.kin)
        self.absent.append(absent)
        self.numbers.append(Number.NONE)
        self._origins.append(_ORIGINS.index(row.origin))
        self._flags.append(row.woman | row.abroad << 1)
        self._births.append(row.birth)
        self._names.extend((row.family, row.second, row.husband, row.given, row.more_given))
        self._places.append(row.place)

    def row(self, number: int) -> Row:
        """Return a person's row; raise IndexError for a number that is not a person's."""
        kin, flags = Kin(self.kin[number]), self._flags[number]
        family, second, husband, given, more = self._names[5 * number : 5 * number + 5]
        place = self._places[number]
        origin, woman, abroad = _ORIGINS[self._origins[number]], bool(flags & 1), bool(flags & 2)
        birth = self._births[number]
        return Row(kin, origin, woman, family, second, husband, given, more, birth, place, abroad)

    @property
    def organisations(self) -> range:
        """Return the numbers of the organisations."""
        return range(len(self), len(self) + len(self) // 100)

    def numbered(self) -> Iterator[int]:
        """Yield who has a national number."""
        return (place for place, number in enumerate(self.numbers) if number)

    def person(self, number: int) -> Person:
        """Return a person; raise IndexError for a number that is not a person's."""
        row = self.row(number)
        families, given = surnames()[row.origin].names, given_names()[row.woman, row.origin].names
        birth = date.fromordinal(row.birth)
        sex = Sex.FEMALE if row.woman else Sex.MALE
        own = Number(self.numbers[number])
        return Person(
            number=number,
            kin=row.kin,
            origin=row.origin,
            sex=sex,
            families=(families[row.family],) + ((families[row.second],) if row.second != NONE else ()),
            married=families[row.husband] if row.husband != NONE else None,
            given=(given[row.given],) + ((given[row.more_given],) if row.more_given != NONE else ()),
            birth=birth,
            birth_places=foreign_places()[row.origin][row.place] if row.abroad else home_places()[row.place],
            nationality=NATIONALITIES[row.origin][number % 2] if row.abroad else "BE",
            national_number=national_number(birth, sex, bis=own is Number.BIS) if own else None,
        )

    def organisation(self, number: int) -> Organisation:
        """Return an organisation; raise IndexError for a number that is not an organisation's."""
        if number not in self.organisations:
            raise IndexError(number)
        random = Random(f"organisation/{self.seed}/{number}")
        names = surnames()[random.choice((Origin.NL, Origin.FR))]
        trade = random.choice(TRADES)
        owner = names.names[names.draw(random)]
        eight = 19_000_000 + number % 1_000_000
        return Organisation(
            number=number,
            name=f"{trade} {owner}",
            legal_form=random.choice(LEGAL_FORMS),
            enterprise_number=f"{eight}{97 - eight % 97:02}",
        )


def national_number(birth: date, sex: Sex, *, bis: bool) -> str:
    """Return the synthetic number of a sex and birth date, eleven digits; the month of a BIS number is 40 more."""
    month = birth.month + (40 if bis else 0)
    nine = f"{birth:%y}{month:02}{birth:%d}{'999' if sex is Sex.MALE else '000'}"
    check = 97 - int(("2" if birth.year >= 2000 else "") + nine) % 97
    return f"{nine}{check:02}"


@cache
def home_places() -> tuple[tuple[str, ...], ...]:
    """Return every municipality with its names, that of its own language first."""
    return tuple(
        tuple(dict.fromkeys((row.name, row.name_fr) if row.language == "nl" else (row.name_fr, row.name)))
        for row in municipalities().values()
    )
