"""Two mentions beside each other: per field how far they agree, and what that weighs.

Rules
-----
1. A field that one side lacks weighs nothing and is left out.
2. Of several names the pair that weighs most counts, and the order that weighs most: sources swap family and given name.
3. A date is compared as a whole (`dates`).
4. The same whichever comes first.

Must not: decide.
"""

from __future__ import annotations

import math
from typing import Final, NamedTuple

from kruispunt_processors.persons import numbers
from kruispunt_processors.persons.dates import birth_level
from kruispunt_processors.persons.model import FieldComparison, Level, Model
from kruispunt_processors.persons.name_comparison import family_level, given_level, near
from kruispunt_processors.persons.names import Name
from kruispunt_processors.persons.normalisation import Kind, Particulars

__all__ = ["Comparison", "FieldComparison", "compare"]


class Comparison(NamedTuple):
    """Two mentions compared. A tuple, for one is made of every candidate of every signal.

    fields: those that both sides have. weight: the sum of theirs in bits, without the prior. conflicts: fields that
    contradict. anchored: whether what agrees can carry a link by itself. number_mismatch: whether both have a number and they
    differ. kin: the weight if the two were twins, -inf where nothing speaks for it.
    """

    fields: tuple[FieldComparison, ...]
    weight: float
    conflicts: tuple[str, ...]
    anchored: bool
    number_mismatch: bool
    kin: float = -math.inf


class _Named(NamedTuple):
    """Two names compared: their weight together, and what is in `Comparison` of it."""

    weight: float
    fields: tuple[FieldComparison, ...] = ()
    conflicts: tuple[str, ...] = ()
    kin: float = -math.inf


_NO_NAMES: Final = _Named(0.0)
_IMPOSSIBLE: Final = _Named(-math.inf)


def compare(a: Particulars, b: Particulars, model: Model) -> Comparison:
    """Return how far two mentions agree; the same whichever comes first."""
    weight, named, contradicting, kin = _names(a, b, model)
    levels: list[Level] = []
    anchored, mismatch = False, False
    if (a.birth[0] and b.birth[0]) or (a.birth[2] and b.birth[2]):
        said = birth_level(a.birth, b.birth)
        level = model.birth[said]
        levels.append(level)
        kin += level.weight
        anchored = said in model.anchors.birth
    if a.place and b.place:
        where = "equal" if a.place == b.place else "close" if near(a.place, b.place) else "different"
        level = model.place[where]
        levels.append(level)
        kin += level.weight
        if not anchored and where in model.anchors.place and levels[0].plain.level in model.anchors.year:
            anchored = levels[0].plain.field == "birth"
    if a.sex and b.sex:
        levels.append(model.sex["equal" if a.sex == b.sex else "different"])
    if a.number and b.number:
        mismatch = a.number != b.number
        which = _number_level(a, b)
        levels.append(model.number[which])
        anchored = anchored or which in model.anchors.number
    for level in levels:
        weight += level.weight
        if level.conflict:
            contradicting = (*contradicting, level.plain.field)
    fields = (*named, *[level.plain for level in levels])
    if a.extra and b.extra:
        extra = _extra(a, b, model)
        fields = (*fields, *extra)
        weight += sum([found.weight for found in extra])
    return Comparison(fields, weight, contradicting, anchored, mismatch, kin)


def _number_level(a: Particulars, b: Particulars) -> str:
    if a.number == b.number:
        return "equal" if a.number_valid else "invalid"
    if a.kind is Kind.PERSON and a.number_valid and b.number_valid:
        return "replaced" if numbers.is_bis(a.number) != numbers.is_bis(b.number) else "different"
    return "different"


def _names(a: Particulars, b: Particulars, model: Model) -> _Named:
    pair = _pair if a.kind is Kind.PERSON else _straight
    if len(a.names) == 1 == len(b.names):
        return pair(a.names[0], b.names[0], model)
    if not a.names or not b.names:
        return _NO_NAMES
    return max([pair(one, two, model) for one in a.names for two in b.names], key=_by_weight)


def _by_weight(found: _Named) -> float:
    return found.weight


def _pair(one: Name, two: Name, model: Model) -> _Named:
    found = _straight(one, two, model)
    family, other_family = one.family, two.family
    given, other_given = one.given, two.given
    if given and other_given:
        if not (family and other_family):
            return found
        # Only names that begin as the other side's do can be swapped: it is looked at for every pair that does not agree.
        if family[0][0] != other_given[0][0] and given[0][0] != other_family[0][0]:
            return found
        swapped = _swapped(one, two, model)
        return swapped if swapped.weight > found.weight else found
    splits = [_straight(x, y, model) for x in _split(one) for y in _split(two)]
    return max([found, *splits], key=_by_weight)


def _straight(one: Name, two: Name, model: Model) -> _Named:
    weight, kin = 0.0, -math.inf
    family = given = None
    conflicts: tuple[str, ...] = ()
    if one.family and two.family:
        name, bits = family_level(one.family, two.family, model.names)
        level = model.family[name]
        family = FieldComparison("family", name, level.weight + bits) if level.named else level.plain
        weight = family.weight
        if weight > 0:
            kin = weight
        if level.conflict:
            conflicts = ("family",)
    if one.given and two.given:
        name, bits = given_level(one.given, two.given, model.names)
        level = model.given[name]
        given = FieldComparison("given", name, level.weight + bits) if level.named else level.plain
        weight += given.weight
        kin += level.kin + bits if level.named else level.kin
        if level.conflict:
            conflicts = (*conflicts, "given")
        return _Named(weight, (family, given) if family is not None else (given,), conflicts, kin)
    return _Named(weight, (family,) if family is not None else (), conflicts, kin)


def _swapped(one: Name, two: Name, model: Model) -> _Named:
    """Return how far the family name of each agrees with the given name of the other."""
    penalty = model.family["swapped"].weight
    fields = []
    for mine, other in ((one.family, two.given), (two.family, one.given)):
        name, bits = family_level(mine, other, model.names)
        level = model.family[name]
        if level.conflict:
            return _IMPOSSIBLE
        fields.append(level.weight + bits if level.named else level.weight)
    family, given = max(fields), min(fields)
    return _Named(
        penalty + family + given,
        (FieldComparison("family", "swapped", penalty + family), FieldComparison("given", "swapped", given)),
    )


def _split(name: Name) -> list[Name]:
    """Return how a name without given name may be one with it: the first or the last word."""
    words = name.family
    if name.given or len(words) < 2:
        return [name]
    return [Name(words[1:], words[:1]), Name(words[:-1], words[-1:])]


def _extra(a: Particulars, b: Particulars, model: Model) -> list[FieldComparison]:
    there = dict(b.extra)
    found = []
    for name, text in a.extra:
        other = there.get(name)
        field = model.extra.get(name)
        if other is None or field is None:
            continue
        said = text_level(text, other)
        level = field.levels[said]
        bits = field.bits.get(text, field.unlisted) if level.named else 0.0
        found.append(FieldComparison(name, said, level.weight + bits))
    return found


def text_level(a: str, b: str) -> str:
    """Return how far two texts of no known kind agree."""
    if a == b:
        return "equal"
    if near(a, b):
        return "close"
    return "similar" if {*a.split()} & {*b.split()} else "different"
