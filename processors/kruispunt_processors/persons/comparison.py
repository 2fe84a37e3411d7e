"""Two mentions beside each other: per field how far they agree, and what that weighs.

Rules
-----
1. Fields that one side lacks weigh nothing and are left out.
2. Of several names the pair that weighs most counts, and the order that weighs most: sources swap family and given name.
3. A date is compared as a whole: swapped day and month, one slip, an unknown part are levels of their own. A birthday that
   registers write for an unknown one (1 January, 1 July) says less than another.
4. The same whichever comes first.

Must not: decide.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final, NamedTuple

from rapidfuzz.distance import OSA

from kruispunt_processors.persons import numbers
from kruispunt_processors.persons.model import Level, Model
from kruispunt_processors.persons.name_comparison import family_level, given_level, near
from kruispunt_processors.persons.names import Name
from kruispunt_processors.persons.normalisation import Birth, Kind, Particulars

HABITUAL: Final = frozenset(((1, 1), (7, 1)))
"""Month and day that registers write when the birthday is not known."""


class FieldComparison(NamedTuple):
    """How far one field agrees: its level by the model's name, and the weight in bits (log2 of the likelihood ratio)."""

    field: str
    level: str
    weight: float


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two mentions compared.

    weight: sum of the fields' in bits, without the prior. conflicts: fields that contradict each other. anchored: whether
    what agrees can carry a link by itself. number_mismatch: whether both have a number and they differ. kin: the weight
    if the two were twins, -inf where nothing speaks for it.
    """

    fields: tuple[FieldComparison, ...]
    weight: float
    conflicts: tuple[str, ...]
    anchored: bool
    number_mismatch: bool
    kin: float = -math.inf


class _Names(NamedTuple):
    weight: float
    family: FieldComparison | None
    given: FieldComparison | None
    kin: float


_NO_NAMES: Final = _Names(0.0, None, None, -math.inf)


def compare(a: Particulars, b: Particulars, model: Model) -> Comparison:
    """Return how far two mentions agree; the same whichever comes first."""
    names = _names(a, b, model)
    others = _others(a, b, model)
    fields = [item for item in (names.family, names.given) if item is not None] + others
    weight, kin = names.weight, names.kin
    for item in others:
        weight += item.weight
        if item.field in _SHARED_BY_KIN:
            kin += item.weight
    level = {item.field: item.level for item in others}
    anchors = model.anchors
    return Comparison(
        tuple(fields),
        weight,
        tuple([item.field for item in fields if item.level in model.conflicts.get(item.field, ())]),
        level.get("birth") in anchors.birth
        or level.get("number") in anchors.number
        or (level.get("birth") in anchors.year and level.get("place") in anchors.place),
        "number" in level and a.number != b.number,
        kin,
    )


_SHARED_BY_KIN: Final = frozenset(("birth", "place"))
"""What twins have in common."""


def _others(a: Particulars, b: Particulars, model: Model) -> list[FieldComparison]:
    """Return how far everything but the names agrees, of what both sides have."""
    found = []
    if (a.birth[0] and b.birth[0]) or (a.birth[2] and b.birth[2]):
        level = birth_level(a.birth, b.birth)
        found.append(FieldComparison("birth", level, model.birth[level].weight))
    if a.place and b.place:
        level = "equal" if a.place == b.place else "close" if near(a.place, b.place) else "different"
        found.append(FieldComparison("place", level, model.place[level].weight))
    if a.sex and b.sex:
        level = "equal" if a.sex == b.sex else "different"
        found.append(FieldComparison("sex", level, model.sex[level].weight))
    if a.number and b.number:
        level = _number_level(a, b)
        found.append(FieldComparison("number", level, model.number[level].weight))
    if a.extra and b.extra:
        found += _extra(a, b, model)
    return found


def birth_level(a: Birth, b: Birth) -> str:
    """Return how far two dates agree; both have a year, or both a day."""
    (year, month, day), (other_year, other_month, other_day) = a, b
    if a == b and day:
        level = "habitual" if (month, day) in HABITUAL else "equal" if year else "day"
    elif year == other_year and year:
        level = _within_a_year((month, day), (other_month, other_day))
    elif day and (month, day) == (other_month, other_day):
        slip = year and other_year and OSA.distance(str(year), str(other_year)) == 1
        level = "year-off" if slip else "day"
    else:
        level = "different"
    return level


def _within_a_year(a: tuple[int, int], b: tuple[int, int]) -> str:
    (month, day), (other_month, other_day) = a, b
    if not (day and other_day):
        one_month = month == other_month or not (month and other_month)
        level = ("month" if month and other_month else "year") if one_month else "same-year"
    elif month == other_day and day == other_month:
        level = "swapped"
    else:
        one = month == other_month or day == other_day
        slip = OSA.distance(f"{month:02}{day:02}", f"{other_month:02}{other_day:02}") == 1
        level = "close" if one and slip else "same-year"
    return level


def _number_level(a: Particulars, b: Particulars) -> str:
    if a.number == b.number:
        return "equal" if a.number_valid else "invalid"
    if (
        a.kind is Kind.PERSON
        and a.number_valid
        and b.number_valid
        and numbers.is_bis(a.number) != numbers.is_bis(b.number)
    ):
        return "replaced"
    return "different"


def _by_weight(found: _Names) -> float:
    return found.weight


def _names(a: Particulars, b: Particulars, model: Model) -> _Names:
    best = _NO_NAMES
    highest = -math.inf
    pair = _pair if a.kind is Kind.PERSON else _straight
    for one in a.names:
        for two in b.names:
            found = pair(one, two, model)
            if found.weight > highest:
                best, highest = found, found.weight
    return best


def _pair(one: Name, two: Name, model: Model) -> _Names:
    found = _straight(one, two, model)
    family, given = found.family, found.given
    if (
        family is not None
        and family.level != "different"
        and given is not None
        and given.level != "different"
    ):
        return found
    if not one.given or not two.given:
        splits = [_straight(x, y, model) for x in _split(one) for y in _split(two)]
        return max([found, *splits], key=_by_weight)
    if not one.family or not two.family:
        return found
    swapped = _swapped(one, two, model)
    return swapped if swapped.weight > found.weight else found


def _straight(one: Name, two: Name, model: Model) -> _Names:
    family = given = None
    weight, kin = 0.0, -math.inf
    if one.family and two.family:
        level, bits = family_level(one.family, two.family, model.names)
        family = FieldComparison("family", level, _weight(model.family[level], bits))
        weight = family.weight
        kin = weight if weight > 0 else -math.inf
    if one.given and two.given:
        level, bits = given_level(one.given, two.given, model.names)
        found = model.given[level]
        given = FieldComparison("given", level, _weight(found, bits))
        weight += given.weight
        kin += found.kin + bits if found.named else found.kin
    return _Names(weight, family, given, kin)


def _swapped(one: Name, two: Name, model: Model) -> _Names:
    """Return how far the family name of each agrees with the given name of the other."""
    first = family_level(one.family, two.given, model.names)
    second = family_level(one.given, two.family, model.names)
    if "different" in (first[0], second[0]):
        return _Names(-math.inf, None, None, -math.inf)
    penalty = model.family["swapped"].weight
    family = FieldComparison("family", "swapped", penalty + _weight(model.family[first[0]], first[1]))
    given = FieldComparison("given", "swapped", _weight(model.family[second[0]], second[1]))
    return _Names(family.weight + given.weight, family, given, -math.inf)


def _split(name: Name) -> list[Name]:
    """Return how a name without given name may be one with it: the first or the last word."""
    words = name.family
    if name.given or len(words) < 2:
        return [name]
    return [Name(words[1:], words[:1]), Name(words[:-1], words[-1:])]


def _weight(level: Level, bits: float) -> float:
    return level.weight + bits if level.named else level.weight


def _extra(a: Particulars, b: Particulars, model: Model) -> list[FieldComparison]:
    there = dict(b.extra)
    found = []
    for name, text in a.extra:
        other = there.get(name)
        field = model.extra.get(name)
        if other is None or field is None:
            continue
        level = text_level(text, other)
        bits = field.bits.get(text, field.unlisted) if level == "equal" else 0.0
        found.append(FieldComparison(name, level, _weight(field.levels[level], bits)))
    return found


def text_level(a: str, b: str) -> str:
    """Return how far two texts of no known kind agree."""
    if a == b:
        return "equal"
    if near(a, b):
        return "close"
    return "similar" if {*a.split()} & {*b.split()} else "different"
