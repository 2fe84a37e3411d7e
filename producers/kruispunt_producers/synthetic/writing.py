"""How a source writes a person down: as registered, or in one of the ways that make two records look like two persons.

Rules: a variant changes the writing, never the person; the truth names the variant. Must not: read the clock.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass, replace
from enum import StrEnum
from random import Random
from typing import Final

from kruispunt_schemas.records.sections import PartialDate

from kruispunt_producers.adapters.names import person_name
from kruispunt_producers.synthetic.persons import Person


class Variant(StrEnum):
    """A way to write a person down."""

    REGISTERED = "registered"
    CAPITALS = "capitals without diacritics"
    SWAPPED = "family and given name swapped"
    PARTICLE = "particle written to the name"
    PARTIAL_BIRTH = "partial birth date"
    FIRST_GIVEN = "first given name only"


WEIGHTS: Final = (
    (Variant.REGISTERED, 62),
    (Variant.CAPITALS, 12),
    (Variant.SWAPPED, 6),
    (Variant.PARTICLE, 8),
    (Variant.PARTIAL_BIRTH, 6),
    (Variant.FIRST_GIVEN, 6),
)
NUMBER_SHARE: Final = 0.65
"""How often a source that knows national numbers has the person's."""

_PLAIN: Final = str.maketrans(
    {
        "\N{LATIN SMALL LETTER DOTLESS I}": "i",
        "ß": "ss",
        "ø": "o",
        "Ø": "O",
        "ł": "l",
        "Ł": "L",
        "đ": "d",
        "æ": "ae",
        "œ": "oe",
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """A person as one record has it; ``family`` holds the particle in front."""

    family: str
    given: str
    birth: PartialDate
    national_number: str | None
    variant: Variant


def write(random: Random, person: Person, *, numbers: bool) -> Written:
    """Return a writing of a person; ``numbers``: whether the source records national numbers at all."""
    variant = random.choices([item for item, _ in WEIGHTS], [weight for _, weight in WEIGHTS])[0]
    has_number = numbers and random.random() < NUMBER_SHARE
    plain = Written(
        family=person.family,
        given=person.given,
        birth=person.birth,
        national_number=person.national_number if has_number else None,
        variant=Variant.REGISTERED,
    )
    changed = _varied(plain, variant)
    same = (changed.family, changed.given, changed.birth) == (plain.family, plain.given, plain.birth)
    return plain if same else replace(changed, variant=variant)


def without_diacritics(text: str) -> str:
    """Return a text in plain Latin letters."""
    folded = unicodedata.normalize("NFKD", text.translate(_PLAIN))
    return "".join(item for item in folded if not unicodedata.combining(item))


def in_latin_1(text: str) -> str:
    """Return a text as an export in Latin-1 has it: what the encoding lacks loses its diacritics, or becomes '?'."""
    kept = "".join(item if ord(item) < 256 else without_diacritics(item) for item in text)
    return kept.encode("latin-1", "replace").decode("latin-1")


def _varied(written: Written, variant: Variant) -> Written:
    match variant:
        case Variant.CAPITALS:
            return replace(
                written,
                family=without_diacritics(written.family).upper(),
                given=without_diacritics(written.given).upper(),
            )
        case Variant.SWAPPED:
            return replace(written, family=written.given, given=written.family)
        case Variant.PARTICLE:
            name = person_name(written.family, written.given)
            joined = (
                name.particle.replace(" ", "").capitalize() + name.family.lower()
                if name.particle
                else name.family
            )
            return replace(written, family=joined)
        case Variant.PARTIAL_BIRTH:
            return replace(written, birth=PartialDate(year=written.birth.year, month=0, day=0))
        case Variant.FIRST_GIVEN:
            return replace(written, given=written.given.split()[0])
        case _:
            return written
