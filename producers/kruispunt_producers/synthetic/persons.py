"""Made-up persons: a name, a birth date, perhaps a national number, and a home.

Rules
-----
1. Names are drawn by frequency within one origin; no name is ever taken from a register.
2. A national number has serial 999 (male) or 000 (female), which are never issued, and a valid check: one number for
   each sex and birth date. So birth dates are drawn without replacement; past the supply persons carry none.
3. Birth dates being distinct, no two persons share name and full birth date.

Must not: read the clock.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from importlib.resources import files
from random import Random
from typing import Final

from kruispunt_schemas.records.sections import EntityCategory, PartialDate, Sex

FIRST_BIRTH: Final = date(1950, 1, 1)
LAST_BIRTH: Final = date(2007, 12, 31)
NUMBERED_SHARE: Final = 0.8
ORIGINS: Final = (("nl", 34), ("fr", 28), ("ar", 20), ("tr", 6), ("de", 4), ("other", 8))
FAMILY_PARTICLES: Final = {"ar": ("El", "Ben"), "fr": ("de la",)}
PARTICLE_SHARE: Final = 0.2
UNKNOWN_COUNT: Final = 100
"""Weight of a surname of which only a rank is known."""
CATEGORIES: Final = (
    ((EntityCategory.FTF,), 536),
    ((EntityCategory.HTF,), 47),
    ((EntityCategory.HP,), 82),
    ((EntityCategory.PVE,), 11),
    ((EntityCategory.PCT,), 15),
)
"""Entities by category in April 2020 (DOMAIN section 3)."""
NATIONALITIES: Final = (
    ("BE", 78),
    ("MA", 6),
    ("TR", 3),
    ("FR", 4),
    ("NL", 2),
    ("SY", 2),
    ("RU", 3),
    ("DE", 2),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Who is behind a signal. identity: the truth's name for it. home: NIS code."""

    identity: str
    family: str
    given: str
    sex: Sex
    birth: PartialDate
    birth_place: str
    nationality: str
    national_number: str | None
    categories: tuple[EntityCategory, ...]
    home: str


@dataclass(frozen=True, slots=True)
class _Names:
    names: tuple[str, ...]
    weights: tuple[int, ...]

    def draw(self, random: Random) -> str:
        return random.choices(self.names, self.weights)[0]


def draw_persons(random: Random, count: int, homes: Sequence[tuple[str, str, int]]) -> tuple[Person, ...]:
    """Return so many persons; homes: NIS code, name and weight of each municipality."""
    days = (LAST_BIRTH - FIRST_BIRTH).days + 1
    offsets = random.sample(range(days), min(count, days))
    births: list[date | None] = [FIRST_BIRTH + timedelta(days=offset) for offset in offsets]
    births += [None] * (count - len(births))
    weights = [weight for _, _, weight in homes]
    return tuple(
        _draw(
            random,
            f"person-{place:05}",
            birth,
            random.choices(homes, weights)[0],
            random.choices(homes, weights)[0],
        )
        for place, birth in enumerate(births, start=1)
    )


def national_number(birth: date, sex: Sex) -> str:
    """Return the synthetic national number of a sex and birth date, eleven digits."""
    nine = f"{birth:%y%m%d}{'999' if sex is Sex.MALE else '000'}"
    check = 97 - int(("2" if birth.year >= 2000 else "") + nine) % 97
    return f"{nine}{check:02}"


def _draw(
    random: Random,
    identity: str,
    birth: date | None,
    home: tuple[str, str, int],
    born: tuple[str, str, int],
) -> Person:
    sex = Sex.FEMALE if random.random() < 0.18 else Sex.MALE
    origin = random.choices([name for name, _ in ORIGINS], [weight for _, weight in ORIGINS])[0]
    family = _surnames()[origin].draw(random)
    given = _given_names()[sex, origin].draw(random)
    if random.random() < 0.15:
        given = f"{given} {_given_names()[sex, origin].draw(random)}"
    if " " not in family and origin in FAMILY_PARTICLES and random.random() < PARTICLE_SHARE:
        family = f"{random.choice(FAMILY_PARTICLES[origin])} {family}"
    numbered = random.random() < NUMBERED_SHARE
    year = random.randint(FIRST_BIRTH.year, LAST_BIRTH.year)
    return Person(
        identity=identity,
        family=family,
        given=given,
        sex=sex,
        birth=PartialDate(year=year, month=0, day=0)
        if birth is None
        else PartialDate(year=birth.year, month=birth.month, day=birth.day),
        birth_place=born[1],
        nationality=_weighted(random, NATIONALITIES),
        national_number=national_number(birth, sex) if birth is not None and numbered else None,
        categories=_weighted_categories(random),
        home=home[0],
    )


def _weighted(random: Random, table: Sequence[tuple[str, int]]) -> str:
    return random.choices([value for value, _ in table], [weight for _, weight in table])[0]


def _weighted_categories(random: Random) -> tuple[EntityCategory, ...]:
    found = random.choices([value for value, _ in CATEGORIES], [weight for _, weight in CATEGORIES])[0]
    second = random.random() < 0.05 and EntityCategory.PCT not in found
    return tuple(sorted({*found, EntityCategory.PCT})) if second else found


@cache
def _surnames() -> dict[str, _Names]:
    return _table("surnames.csv", "origin")


@cache
def _given_names() -> dict[tuple[Sex, str], _Names]:
    by_key = _table("given_names.csv", "sex", "origin")
    return {
        (Sex.MALE if key[0] == "M" else Sex.FEMALE, key.partition("/")[2]): names
        for key, names in by_key.items()
    }


def _table(name: str, *columns: str) -> dict[str, _Names]:
    grouped: dict[str, list[tuple[str, int]]] = {}
    with (files(__package__) / "tables" / name).open(encoding="utf-8") as table:
        for row in csv.DictReader(table):
            key = "/".join(row[column] for column in columns)
            grouped.setdefault(key, []).append((row["name"], int(row["count"] or UNKNOWN_COUNT)))
    return {
        key: _Names(tuple(name for name, _ in rows), tuple(count for _, count in rows))
        for key, rows in grouped.items()
    }
