"""Who lives in the made-up population: families with twins, siblings and juniors.

Rules
-----
1. One seed gives one population. Origins by the shares of the synthetic persons, names by frequency within the origin, birth
   dates even over `FIRST_BIRTH` to `LAST_BIRTH`, places of birth by the municipalities' population.
2. Households by `HOUSEHOLDS`. Twins share surname, birth date and place, and in part have names that are close; siblings
   share the surname and mostly the place, and are born 10 to 60 months apart; a junior has the full name of the parent.
   No two children of a household have one name, in whatever spelling.
3. Namesakes are left as chance has them, also those of one birth date: they exist, and are most frequent among those who
   are registered as born on 1 January (`NEW_YEAR_SHARE`).
4. There are fewer national numbers than persons: `NUMBERED_SHARE` have one, drawn by lot; of twins of one sex one at most.
5. Some are unknown to the directory at first, kin of known persons more often than others: whoever is new is often new
   beside a twin, a sibling or a namesake who is not.

Must not: write a name.
"""

from __future__ import annotations

from bisect import bisect
from collections.abc import Sequence
from datetime import date
from functools import cache
from itertools import accumulate
from random import Random
from typing import Final

from kruispunt_producers.synthetic.persons import ORIGINS
from kruispunt_schemas.places import municipalities

from benchmarks.persons.census import NONE, Census, Kin, Number, Row
from benchmarks.persons.names import Origin, Pool, foreign_places, given_names, surnames

HOUSEHOLDS: Final = ((Kin.PLAIN, 0.805), (Kin.TWIN, 0.05), (Kin.SIBLING, 0.13), (Kin.JUNIOR, 0.015))
"""Shares of households; they give 8% twins (in Belgium some 3%), 28% siblings and 2% of one name with a parent or child."""
UNKNOWN: Final = {Kin.PLAIN: 0.08, Kin.TWIN: 0.25, Kin.SIBLING: 0.15, Kin.JUNIOR: 0.25}
"""Share not in the directory at first, by kin."""
MORE_SIBLINGS: Final = (1, 1, 1, 2, 2, 3)
SIBLING_OF_TWINS: Final = 0.25
FIRST_BIRTH: Final = date(1940, 1, 1).toordinal()
LAST_BIRTH: Final = date(2009, 12, 31).toordinal()
SIBLING_GAP: Final = (300, 1800)
JUNIOR_GAP: Final = (20 * 365, 42 * 365)
"""Days between births. Where the later one would be past `LAST_BIRTH`, the other way about."""
# All shares below are assumptions; what they lead to is counted in the report.
WOMEN_SHARE: Final = 0.4
"""More men than women are mentioned by security services."""
SAME_SEX_TWINS: Final = 0.65
FOREIGN_BORN: Final = {Origin.AR: 0.4, Origin.TR: 0.35, Origin.DE: 0.2, Origin.OTHER: 0.6}
OTHER_FOREIGN_BORN: Final = 0.05
NEW_YEAR_SHARE: Final = 0.04
"""Of those born abroad, registered as born on 1 January for want of a certificate."""
SECOND_GIVEN: Final = {Origin.NL: 0.6, Origin.FR: 0.6, Origin.DE: 0.4}
OTHER_SECOND_GIVEN: Final = 0.15
DOUBLE_NAME: Final = {Origin.OTHER: 0.15}
OTHER_DOUBLE_NAME: Final = 0.03
"""The surnames of both parents: allowed in Belgium since 2014, usual in Spain and Portugal."""
MARRIED_SHARE: Final = 0.4
"""Women who are also known by a husband's surname."""
CLOSE_TWINS: Final = 0.35
"""Twins of one sex whose names are close, where a close name exists: on the hard side."""
SAME_PLACE: Final = 0.8
"""Siblings, or parent and child, born in one place."""
NUMBERED_SHARE: Final = 0.05
BIS_SHARE: Final = 0.5
"""Of the numbers of persons born abroad."""


def draw(seed: int, known: int) -> Census:
    """Return a population of which at least so many are in the directory at first; raise ValueError for none."""
    if known < 1:
        raise ValueError("a population of nobody")
    random = Random(f"census/{seed}")
    census = Census(seed)
    kinds, weights = [kin for kin, _ in HOUSEHOLDS], list(accumulate(share for _, share in HOUSEHOLDS))
    there = 0
    while there < known:
        for row in household(random, kinds[bisect(weights, random.random(), 0, len(kinds) - 1)]):
            absent = random.random() < UNKNOWN[row.kin]
            census.append(row, absent=absent)
            there += not absent
    _hand_out_numbers(random, census)
    return census


def household(random: Random, kin: Kin) -> list[Row]:
    """Return the persons of a household of a kind."""
    members = [_first(random, kin)]
    if kin is Kin.TWIN:
        members.append(_twin(random, members))
        if random.random() < SIBLING_OF_TWINS:
            members.append(_sibling(random, members))
    elif kin is Kin.SIBLING:
        for _ in range(random.choice(MORE_SIBLINGS)):
            members.append(_sibling(random, members))
    elif kin is Kin.JUNIOR:
        members.append(_junior(random, members[0]))
    return members


def _first(random: Random, kin: Kin) -> Row:
    origin = _ORIGINS[bisect(_ORIGIN_WEIGHTS, random.random() * 100)]
    woman = random.random() < WOMEN_SHARE
    families = surnames()[origin]
    doubled = random.random() < DOUBLE_NAME.get(origin, OTHER_DOUBLE_NAME)
    abroad = random.random() < FOREIGN_BORN.get(origin, OTHER_FOREIGN_BORN)
    given = given_names()[woman, origin].draw(random)
    return Row(
        kin,
        origin,
        woman,
        families.draw(random),
        families.draw(random) if doubled else NONE,
        _husband(random, families, woman=woman),
        given,
        _more_given(random, origin, given, woman=woman),
        _registered(random, random.randint(FIRST_BIRTH, LAST_BIRTH), abroad=abroad),
        _place(random, origin, abroad=abroad),
        abroad,
    )


def _twin(random: Random, members: Sequence[Row]) -> Row:
    other = members[0]
    woman = other.woman if random.random() < SAME_SEX_TWINS else not other.woman
    given = _unused(random, members, woman=woman)
    if woman == other.woman and random.random() < CLOSE_TWINS:
        close = given_names()[woman, other.origin].close(other.given)
        given = random.choice(close) if close else given
    return other._replace(
        woman=woman,
        given=given,
        more_given=_more_given(random, other.origin, given, woman=woman),
        husband=_husband(random, surnames()[other.origin], woman=woman),
    )


def _sibling(random: Random, members: Sequence[Row]) -> Row:
    last = members[-1]
    woman = random.random() < WOMEN_SHARE
    born = _moved(random, last)
    given = _unused(random, members, woman=woman)
    return born._replace(
        kin=Kin.SIBLING,
        woman=woman,
        given=given,
        more_given=_more_given(random, last.origin, given, woman=woman),
        husband=_husband(random, surnames()[last.origin], woman=woman),
        birth=_registered(random, _apart(random, last.birth, SIBLING_GAP), abroad=born.abroad),
    )


def _junior(random: Random, parent: Row) -> Row:
    born = _moved(random, parent)
    birth = _registered(random, _apart(random, parent.birth, JUNIOR_GAP), abroad=born.abroad)
    return born._replace(birth=birth)


def _moved(random: Random, row: Row) -> Row:
    """Return a row with another place of birth, where the family has moved."""
    if random.random() < SAME_PLACE:
        return row
    abroad = random.random() < FOREIGN_BORN.get(row.origin, OTHER_FOREIGN_BORN)
    return row._replace(place=_place(random, row.origin, abroad=abroad), abroad=abroad)


def _apart(random: Random, birth: int, gap: tuple[int, int]) -> int:
    days = random.randint(*gap)
    return birth + days if birth + days <= LAST_BIRTH else birth - days


def _registered(random: Random, birth: int, *, abroad: bool) -> int:
    if abroad and random.random() < NEW_YEAR_SHARE:
        return date(date.fromordinal(birth).year, 1, 1).toordinal()
    return birth


def _unused(random: Random, members: Sequence[Row], *, woman: bool) -> int:
    """Return a given name that no child of the household has."""
    pool = given_names()[woman, members[0].origin]
    taken = [row.given for row in members if row.woman == woman]
    while True:
        found = pool.draw(random)
        if not any(pool.is_same(found, one) for one in taken):
            return found


def _more_given(random: Random, origin: Origin, given: int, *, woman: bool) -> int:
    there = random.random() < SECOND_GIVEN.get(origin, OTHER_SECOND_GIVEN)
    found = given_names()[woman, origin].draw(random)
    return found if there and found != given else NONE


def _husband(random: Random, families: Pool, *, woman: bool) -> int:
    return families.draw(random) if woman and random.random() < MARRIED_SHARE else NONE


def _place(random: Random, origin: Origin, *, abroad: bool) -> int:
    weights = _foreign_weights()[origin] if abroad else _home_weights()
    return bisect(weights, random.random() * weights[-1], 0, len(weights) - 1)


def _hand_out_numbers(random: Random, census: Census) -> None:
    """Give national numbers by lot, until the share is reached or the supply ends (rule 4)."""
    wanted = int(len(census) * NUMBERED_SHARE)
    taken: set[tuple[int, bool, bool]] = set()
    for number in random.sample(range(len(census)), len(census)):
        if len(taken) == wanted:
            return
        row = census.row(number)
        bis = row.abroad and random.random() < BIS_SHARE
        key = (row.birth, row.woman, bis)
        if key not in taken:
            taken.add(key)
            census.numbers[number] = Number.BIS if bis else Number.REGISTER


@cache
def _home_weights() -> list[float]:
    return list(accumulate(float(row.population) for row in municipalities().values()))


@cache
def _foreign_weights() -> dict[Origin, list[float]]:
    """Return cumulative weights: 1 over the rank and 2."""
    return {
        origin: list(accumulate(1 / (rank + 2) for rank in range(len(places))))
        for origin, places in foreign_places().items()
    }


_ORIGINS: Final = tuple(Origin(name) for name, _ in ORIGINS)
_ORIGIN_WEIGHTS: Final = list(accumulate(weight for _, weight in ORIGINS))[:-1]
