"""A mention in the making.

Must not: change itself.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from kruispunt_schemas.records.sections import Sex

from benchmarks.persons.census import Person


@dataclass(slots=True)
class Draft:
    """What the register says, until a slip changes it.

    given: empty when left out. birth: year, month, day, each 0 when unknown; texts are empty when unknown.
    other_family: a second family name that the source lists beside the first. one_field: no name of its own for given.
    """

    family: str
    given: list[str]
    birth: tuple[int, int, int]
    place: str
    sex: Sex
    nationality: str
    number: str
    other_family: str = ""
    one_field: bool = False

    @classmethod
    def of(cls, person: Person) -> Draft:
        """Return a person as the register has it."""
        return cls(
            family=person.family,
            given=list(person.given),
            birth=(person.birth.year, person.birth.month, person.birth.day),
            place=person.birth_places[0],
            sex=person.sex,
            nationality=person.nationality,
            number=person.national_number or "",
        )


Change = Callable[[Random, Draft, Person], bool]
"""One slip: changes the draft and tells whether it did."""
