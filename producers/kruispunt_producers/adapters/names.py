"""Names of persons as legacy sources write them: one field, capitals, particles in front. All pure.

Must not: correct a name; who is who is for the backbone to find out.
"""

from __future__ import annotations

from typing import Final

from kruispunt_schemas.records.sections import PersonName

PARTICLES: Final = frozenset(
    [
        "van",
        "vander",
        "vanden",
        "vande",
        "de",
        "den",
        "der",
        "des",
        "du",
        "la",
        "le",
        "les",
        "ter",
        "ten",
        "te",
        "von",
        "zu",
        "el",
        "al",
        "ben",
        "bin",
        "ibn",
        "abu",
        "ould",
        "d'",
        "l'",
    ]
)


def person_name(family: str, given: str, particle: str = "") -> PersonName:
    """Return a name; without a particle of its own, particles are taken from the front of the family name."""
    if particle:
        return PersonName(family=family, particle=particle, given=given)
    words = family.split()
    count = 0
    while count < len(words) - 1 and words[count].casefold() in PARTICLES:
        count += 1
    return PersonName(family=" ".join(words[count:]), particle=" ".join(words[:count]), given=given)


def written_name(text: str) -> PersonName:
    """Return a name written as ``FAMILY, Given``; without a comma the whole is the family name."""
    family, _, given = text.partition(",")
    return person_name(family.strip(), given.strip())
