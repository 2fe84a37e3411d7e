"""A made-up population of up to some millions of persons, in households; about 35 bytes each.

Rules
-----
1. One seed gives one population. Origins by `ORIGINS`, names by frequency within the origin (`names`), birth dates even over
   `FIRST_BIRTH` to `LAST_BIRTH`, places of birth by the municipalities' population.
2. Households by `HOUSEHOLDS`. Twins share surname, birth date and place, and in part have names that are close; siblings
   share the surname, mostly the place, and are born 10 to 60 months apart; a junior has the full name of the parent.
3. Namesakes are left as chance has them, also those of one birth date: they exist, and are most frequent among those
   registered as born on 1 January (`NEW_YEAR_SHARE`).
4. A national number has serial 000 or 999 (DOMAIN section 7): one for each sex and birth date, and one more as a BIS number,
   so a million persons cannot all have one. `NUMBERED_SHARE` of any population have, drawn by lot; of twins of one sex
   one at most.
5. Some are unknown to the directory at first, kin of known persons more often than others: whoever is new is often new
   beside a twin, a sibling or a namesake who is not.
6. Organisations: one for every 100 persons, with CBE numbers that begin with 19, a range not reached yet.

Must not: say how a source writes any of it.
"""

from __future__ import annotations

from array import array
from bisect import bisect
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from enum import IntEnum
from functools import cache
from itertools import accumulate
from random import Random
from typing import Final

from kruispunt_producers.synthetic.persons import ORIGINS
from kruispunt_schemas.places import municipalities
from kruispunt_schemas.records.sections import Sex

from benchmarks.persons.names import Origin, foreign_places, given_names, surnames

FIRST_BIRTH: Final = date(1940, 1, 1).toordinal()
LAST_BIRTH: Final = date(2009, 12, 31).toordinal()
WOMEN_SHARE: Final = 0.4
"""More men than women are mentioned by security services; an assumption."""
FOREIGN_BORN: Final = {
    Origin.NL: 0.05,
    Origin.FR: 0.05,
    Origin.AR: 0.4,
    Origin.TR: 0.35,
    Origin.DE: 0.2,
    Origin.OTHER: 0.6,
}
"""Share born abroad by origin; an assumption."""
NEW_YEAR_SHARE: Final = 0.04
"""Of those born abroad, registered as born on 1 January for want of a birth certificate; an assumption."""
SECOND_GIVEN: Final = {Origin.NL: 0.6, Origin.FR: 0.6, Origin.DE: 0.4}
OTHER_SECOND_GIVEN: Final = 0.15
DOUBLE_NAME: Final = {Origin.OTHER: 0.15}
OTHER_DOUBLE_NAME: Final = 0.03
"""Persons with the surnames of both parents: allowed in Belgium since 2014, usual in Spain and Portugal."""
MARRIED_SHARE: Final = 0.4
"""Women who are also known by a husband's surname; an assumption."""
CLOSE_TWINS: Final = 0.35
"""Twins whose names are close where a close name exists; an assumption, on the hard side."""
SAME_PLACE: Final = 0.8
"""Siblings, or parent and child, born in one place; an assumption."""
SIBLING_GAP: Final = (300, 1800)
JUNIOR_GAP: Final = (20 * 365, 42 * 365)
"""Days between births. Where the later one would be past `LAST_BIRTH`, the other way about."""
NUMBERED_SHARE: Final = 0.05
BIS_SHARE: Final = 0.5
"""Of numbers of persons born abroad."""
NONE: Final = 0xFFFF


class Kin(IntEnum):
    """How a person stands to others in the population."""

    PLAIN = 0
    TWIN = 1
    SIBLING = 2
    JUNIOR = 3
    ORGANISATION = 4


HOUSEHOLDS: Final = ((Kin.PLAIN, 0.805), (Kin.TWIN, 0.05), (Kin.SIBLING, 0.13), (Kin.JUNIOR, 0.015))
"""Shares of households; they give 8% twins (in Belgium some 3%), 28% siblings and 2% of one name with a parent."""
UNKNOWN: Final = {Kin.PLAIN: 0.03, Kin.TWIN: 0.25, Kin.SIBLING: 0.15, Kin.JUNIOR: 0.25}
"""Share not in the directory at first, by kin."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """A person as a perfect register has it. birth_places: every name of the place of birth, the register's first."""

    number: int
    kin: Kin
    origin: Origin
    sex: Sex
    family: str
    married: str | None
    given: tuple[str, ...]
    birth: date
    birth_places: tuple[str, ...]
    nationality: str
    national_number: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Organisation:
    """An organisation as the register has it."""

    number: int
    name: str
    legal_form: str
    enterprise_number: str


class Census:
    """The population, by columns; persons are numbered from 0, organisations go on from there."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.kin = bytearray()
        self.absent = bytearray()
        self.numbers = bytearray()  # 0 none, 1 national number, 2 BIS number
        self._origins = bytearray()
        self._women = bytearray()
        self._abroad = bytearray()
        self._births = array("I")
        self._places = array("H")
        self._families = array("H")
        self._seconds = array("H")
        self._husbands = array("H")
        self._given = array("H")
        self._more_given = array("H")
        self._household = 0

    def __len__(self) -> int:
        return len(self.kin)

    @property
    def organisations(self) -> range:
        """Return the numbers of the organisations."""
        return range(len(self), len(self) + len(self) // 100)

    def numbered(self) -> Iterator[int]:
        """Yield who has a national number."""
        return (place for place, number in enumerate(self.numbers) if number)

    def person(self, number: int) -> Person:
        """Return a person; raise IndexError for a number that is not one."""
        origin, woman = _ORIGINS[self._origins[number]], bool(self._women[number])
        family_names, given = surnames()[origin].names, given_names()[woman, origin].names
        family, second, husband = self._families[number], self._seconds[number], self._husbands[number]
        more = self._more_given[number]
        birth = date.fromordinal(self._births[number])
        sex = Sex.FEMALE if woman else Sex.MALE
        abroad, place = self._abroad[number], self._places[number]
        return Person(
            number=number,
            kin=Kin(self.kin[number]),
            origin=origin,
            sex=sex,
            family=family_names[family] + (f" {family_names[second]}" if second != NONE else ""),
            married=family_names[husband] if husband != NONE else None,
            given=(given[self._given[number]],) + ((given[more],) if more != NONE else ()),
            birth=birth,
            birth_places=foreign_places()[origin][place] if abroad else _home_places()[place],
            nationality=_NATIONALITIES[origin][number % 2] if abroad else "BE",
            national_number=_national_number(birth, sex, bis=self.numbers[number] == 2)
            if self.numbers[number]
            else None,
        )

    def organisation(self, number: int) -> Organisation:
        """Return an organisation; raise IndexError for a number that is not one."""
        if number not in self.organisations:
            raise IndexError(number)
        random = Random(f"{self.seed}/{number}")
        names = surnames()[Origin.NL if random.random() < 0.55 else Origin.FR]
        trade = random.choice(_TRADES)
        owner = names.names[names.draw(random)]
        eight = 19_000_000 + number % 1_000_000
        return Organisation(
            number=number,
            name=f"{trade} {owner}",
            legal_form=random.choice(_LEGAL_FORMS),
            enterprise_number=f"{eight}{97 - eight % 97:02}",
        )

    def add(self, random: Random, kin: Kin, base: int | None = None) -> int:
        """Add one person, of the family of another when there is a base; return the number."""
        number = len(self)
        if base is None:
            self._household = number
        origin = self._origins[base] if base is not None else bisect(_ORIGIN_WEIGHTS, random.random() * 100)
        woman = random.random() < WOMEN_SHARE
        if base is not None and (kin is Kin.JUNIOR or (kin is Kin.TWIN and random.random() < 0.5)):
            woman = bool(self._women[base])
        name = _ORIGINS[origin]
        families, given = surnames()[name], given_names()[woman, name]
        self.kin.append(kin)
        self.numbers.append(0)
        self._origins.append(origin)
        self._women.append(woman)
        chosen = (random.random() < SECOND_GIVEN.get(name, OTHER_SECOND_GIVEN), random.random() < 0.5)
        self._given.append(self._first_given(random, kin, base, woman=woman))
        if kin is Kin.JUNIOR and base is not None:
            self._more_given.append(self._more_given[base])
        else:
            self._more_given.append(given.draw(random) if chosen[0] else NONE)
        if base is None:
            doubled = random.random() < DOUBLE_NAME.get(name, OTHER_DOUBLE_NAME)
            self._families.append(families.draw(random))
            self._seconds.append(families.draw(random) if doubled else NONE)
        else:
            self._families.append(self._families[base])
            self._seconds.append(self._seconds[base])
        self._place_and_birth(random, kin, base)
        married = woman and random.random() < MARRIED_SHARE
        self._husbands.append(families.draw(random) if married else NONE)
        self.absent.append(random.random() < UNKNOWN[kin])
        return number

    def _first_given(self, random: Random, kin: Kin, base: int | None, *, woman: bool) -> int:
        origin = self._origins[-1]
        pool = given_names()[woman, _ORIGINS[origin]]
        if base is None:
            return pool.draw(random)
        own = self._given[base]
        if kin is Kin.JUNIOR:
            return own
        alike = woman == bool(self._women[base]) and kin is Kin.TWIN and random.random() < CLOSE_TWINS
        if alike and pool.close(own):
            return random.choice(pool.close(own))
        taken = [
            self._given[one] for one in range(self._household, len(self._given)) if self._women[one] == woman
        ]
        while True:
            other = pool.draw(random)
            if not any(pool.is_same(other, one) for one in taken):
                return other

    def _place_and_birth(self, random: Random, kin: Kin, base: int | None) -> None:
        if base is not None and kin is Kin.TWIN:
            birth, place, abroad = self._births[base], self._places[base], self._abroad[base]
        else:
            abroad = random.random() < FOREIGN_BORN[_ORIGINS[self._origins[-1]]]
            if base is None:
                birth = random.randint(FIRST_BIRTH, LAST_BIRTH)
            else:
                gap = random.randint(*(JUNIOR_GAP if kin is Kin.JUNIOR else SIBLING_GAP))
                birth = self._births[base]
                birth += gap if birth + gap <= LAST_BIRTH else -gap
            if abroad and random.random() < NEW_YEAR_SHARE:
                birth = date(date.fromordinal(birth).year, 1, 1).toordinal()
            if base is not None and random.random() < SAME_PLACE:
                place, abroad = self._places[base], bool(self._abroad[base])
            else:
                place = self._any_place(random, abroad=abroad)
        self._births.append(birth)
        self._places.append(place)
        self._abroad.append(abroad)

    def _any_place(self, random: Random, *, abroad: bool) -> int:
        if not abroad:
            homes = _home_weights()
            return bisect(homes, random.random() * homes[-1], 0, len(homes) - 1)
        count = len(foreign_places()[_ORIGINS[self._origins[-1]]])
        weights = list(accumulate(1 / (rank + 2) for rank in range(count)))
        return bisect(weights, random.random() * weights[-1], 0, count - 1)

    def hand_out_numbers(self, random: Random) -> None:
        """Give national numbers by lot, until the share is reached or the supply ends (rule 4)."""
        wanted = int(len(self) * NUMBERED_SHARE)
        taken: set[tuple[int, bool, bool]] = set()
        for number in random.sample(range(len(self)), len(self)):
            if len(taken) == wanted:
                return
            bis = bool(self._abroad[number]) and random.random() < BIS_SHARE
            key = (self._births[number], bool(self._women[number]), bis)
            if key not in taken:
                taken.add(key)
                self.numbers[number] = 2 if bis else 1


def draw(seed: int, known: int) -> Census:
    """Return a population of which so many are in the directory at first; raise ValueError for none."""
    if known < 1:
        raise ValueError("a population of nobody")
    random = Random(f"census/{seed}")
    census = Census(seed)
    kinds, weights = [kin for kin, _ in HOUSEHOLDS], list(accumulate(share for _, share in HOUSEHOLDS))
    absent = 0
    while len(census) - absent < known:
        kin = kinds[bisect(weights, random.random(), 0, len(kinds) - 1)]
        before = len(census)
        first = census.add(random, kin)
        if kin is Kin.TWIN:
            census.add(random, Kin.TWIN, first)
            if random.random() < 0.25:
                census.add(random, Kin.SIBLING, first)
        elif kin is Kin.JUNIOR:
            census.add(random, Kin.JUNIOR, first)
        elif kin is Kin.SIBLING:
            last = first
            for _ in range(random.choice((1, 1, 1, 2, 2, 3))):
                last = census.add(random, Kin.SIBLING, last)
        absent += sum(census.absent[before:])
    census.hand_out_numbers(random)
    return census


def _national_number(birth: date, sex: Sex, *, bis: bool) -> str:
    """Return the number of a sex and birth date; the month of a BIS number is 40 more."""
    month = birth.month + (40 if bis else 0)
    nine = f"{birth:%y}{month:02}{birth:%d}{'999' if sex is Sex.MALE else '000'}"
    check = 97 - int(("2" if birth.year >= 2000 else "") + nine) % 97
    return f"{nine}{check:02}"


@cache
def _home_places() -> tuple[tuple[str, ...], ...]:
    return tuple(
        (row.name, row.name_fr)
        if row.language == "nl" and row.name != row.name_fr
        else (row.name_fr, row.name)
        if row.name != row.name_fr
        else (row.name,)
        for row in municipalities().values()
    )


@cache
def _home_weights() -> list[int]:
    return list(accumulate(row.population for row in municipalities().values()))


_ORIGINS: Final = tuple(Origin(name) for name, _ in ORIGINS)
_ORIGIN_WEIGHTS: Final = list(accumulate(weight for _, weight in ORIGINS))[:-1]
_NATIONALITIES: Final = {
    Origin.NL: ("NL", "BE"),
    Origin.FR: ("FR", "BE"),
    Origin.AR: ("MA", "SY"),
    Origin.TR: ("TR", "BE"),
    Origin.DE: ("DE", "BE"),
    Origin.OTHER: ("RU", "RO"),
}
_TRADES: Final = (
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
_LEGAL_FORMS: Final = ("BV", "SRL", "NV", "SA", "VZW", "ASBL")
