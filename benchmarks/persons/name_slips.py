"""Slips in the names of a mention.

Rule: every mention keeps something of a name.
Must not: look at how the resolver reads names; its table of variants and this one's are made apart.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from random import Random
from typing import Final

from kruispunt_producers.adapters.names import person_name
from kruispunt_schemas.records.sections import Sex

from benchmarks.persons.census import Person
from benchmarks.persons.drafts import Change, Draft
from benchmarks.persons.misspelling import pairs, replaced, slip, without_diacritics
from benchmarks.persons.names import Origin, given_names, rewritings, variants
from benchmarks.persons.rates import Slip

FIRST_HALF: Final = 0.75
"""Of the halves of double names that stand for the whole."""


def _married(random: Random, draft: Draft, person: Person) -> bool:
    if person.married is None:
        return False
    draft.other_family = draft.family if random.random() < 0.33 else ""
    draft.family = person.married
    return True


def _half(random: Random, draft: Draft, person: Person) -> bool:
    if len(person.families) < 2 or draft.family != person.family:
        return False
    draft.family = person.families[0 if random.random() < FIRST_HALF else 1]
    return True


def _second_left_out(_: Random, draft: Draft, __: Person) -> bool:
    had = len(draft.given) > 1
    del draft.given[1:]
    return had


def _second_added(random: Random, draft: Draft, person: Person) -> bool:
    pool = given_names()[person.sex is Sex.FEMALE, person.origin]
    draft.given.append(pool.names[pool.draw(random)])
    return True


def _called_by_second(_: Random, draft: Draft, person: Person) -> bool:
    if len(person.given) < 2:
        return False
    draft.given[:] = [person.given[1]]
    return True


def _variant(kind: str) -> Change:
    def apply(random: Random, draft: Draft, _: Person) -> bool:
        others = variants(kind).get(draft.given[0], ())
        if not others:
            return False
        draft.given[0] = random.choice(others)
        return True

    return apply


def _transliterated(random: Random, draft: Draft, person: Person) -> bool:
    """Rewrite the given name, by the table of whole names where it is there, and in every second case the family name."""
    table = rewritings().get(person.origin)
    if table is None:
        return False
    before = (draft.family, *draft.given)
    others = variants("transliterations").get(draft.given[0], ())
    draft.given[0] = random.choice(others) if others else replaced(random, draft.given[0], table)
    if random.random() < 0.5:
        draft.family = replaced(random, draft.family, table)
    return before != (draft.family, *draft.given)


def _turkish(random: Random, draft: Draft, person: Person) -> bool:
    if person.origin is not Origin.TR:
        return False
    before = draft.family, draft.given[0]
    draft.family = replaced(random, draft.family, pairs("turkish"))
    draft.given[0] = replaced(random, draft.given[0], pairs("turkish"))
    return before != (draft.family, draft.given[0])


def _particle(random: Random, draft: Draft, _: Person) -> bool:
    name = person_name(draft.family, "")
    if not name.particle:
        return False
    how = random.random()
    if how < 0.3:
        draft.family = name.family
    elif how < 0.7:
        draft.family = name.particle.replace(" ", "").capitalize() + name.family.lower()
    else:
        first, __, rest = draft.family.partition(" ")
        draft.family = first + rest.lower() if " " in rest else rest
    return True


def _hyphen(random: Random, draft: Draft, _: Person) -> bool:
    if "-" not in draft.given[0] and "-" not in draft.family:
        return False
    by = random.choice((" ", ""))
    draft.given[0] = draft.given[0].replace("-", by)
    draft.family = draft.family.replace("-", by)
    return True


def _diacritics(_: Random, draft: Draft, __: Person) -> bool:
    before = draft.family, *draft.given
    draft.family = without_diacritics(draft.family)
    draft.given[:] = [without_diacritics(name) for name in draft.given]
    return before != (draft.family, *draft.given)


def _spelt(change: Callable[[Random, str], str]) -> Change:
    def apply(random: Random, draft: Draft, _: Person) -> bool:
        family, given = draft.family, draft.given[0]
        if random.random() < 0.6:
            draft.family = change(random, family)
        else:
            draft.given[0] = change(random, given)
        return (draft.family, draft.given[0]) != (family, given)

    return apply


def _initial(_: Random, draft: Draft, __: Person) -> bool:
    draft.given[:] = [draft.given[0][:1] + "."]
    return True


def _given_missing(_: Random, draft: Draft, __: Person) -> bool:
    draft.given.clear()
    return True


def _swapped(_: Random, draft: Draft, __: Person) -> bool:
    if not draft.given:
        return False
    draft.family, draft.given[:] = " ".join(draft.given), [draft.family]
    return True


def _one_field(_: Random, draft: Draft, __: Person) -> bool:
    draft.one_field = bool(draft.given)
    return draft.one_field


def _capitals(_: Random, draft: Draft, __: Person) -> bool:
    draft.family = draft.family.upper()
    draft.given[:] = [name.upper() for name in draft.given]
    return True


NAME_SLIPS: Final[Mapping[Slip, Change]] = {
    Slip.MARRIED: _married,
    Slip.HALF_OF_DOUBLE: _half,
    Slip.SECOND_GIVEN_LEFT_OUT: _second_left_out,
    Slip.SECOND_GIVEN_ADDED: _second_added,
    Slip.CALLED_BY_SECOND: _called_by_second,
    Slip.LANGUAGE: _variant("languages"),
    Slip.NICKNAME: _variant("nicknames"),
    Slip.TRANSLITERATED: _transliterated,
    Slip.TURKISH_LETTERS: _turkish,
    Slip.PARTICLE: _particle,
    Slip.HYPHEN: _hyphen,
    Slip.DIACRITICS: _diacritics,
    Slip.HEARD: _spelt(lambda random, text: replaced(random, text, pairs("heard"))),
    Slip.OCR: _spelt(lambda random, text: replaced(random, text, pairs("ocr"))),
    Slip.TYPO: _spelt(slip),
    Slip.SECOND_TYPO: _spelt(slip),
    Slip.INITIAL: _initial,
    Slip.GIVEN_MISSING: _given_missing,
    Slip.SWAPPED: _swapped,
    Slip.ONE_FIELD: _one_field,
    Slip.CAPITALS: _capitals,
}
