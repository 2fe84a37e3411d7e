from __future__ import annotations

from kruispunt_processors.persons.keys import KeyKind
from kruispunt_processors.persons.linking import BLOCK_CUT, Best, Found, Pair, PairOutcome, pairs
from kruispunt_processors.persons.model import load
from kruispunt_processors.persons.names import Name
from kruispunt_processors.persons.normalisation import Birth, Kind, Particulars

MODEL = load()
BY_NAME = (KeyKind.YEAR,)
BIRTH = (1980, 3, 2)


def person(
    given: str = "sofie", family: str = "verlinden", birth: Birth = BIRTH, number: str = ""
) -> Particulars:
    return Particulars(Kind.PERSON, (Name((family,), (given,)),), birth, "gent", "F", number, bool(number))


def found(
    number: int, particulars: Particulars, person_of: int | None = None, by: tuple[KeyKind, ...] = BY_NAME
) -> Found:
    return Found(number, number if person_of is None else person_of, particulars, by)


def test_a_link_is_one_pair_with_what_it_rests_on() -> None:
    (pair,) = pairs(
        7,
        person(),
        [found(3, person()), found(4, person(family="janssens", birth=(1951, 7, 30)))],
        MODEL,
        cut=False,
    )
    assert (pair.a, pair.b, pair.person, pair.outcome) == (3, 7, 3, PairOutcome.LINK)
    assert pair.posterior >= MODEL.link
    assert pair.found_by == ("year",)
    assert sum(weight for _, _, weight in pair.fields) == pair.weight


def test_nobody_shares_a_key_or_nobody_is_like_it() -> None:
    assert pairs(7, person(), [], MODEL, cut=False) == []
    other = person("rachid", "amrani", (1951, 7, 30))
    assert pairs(7, person(), [found(3, other)], MODEL, cut=False) == []


def test_two_who_are_as_likely_are_both_for_review() -> None:
    result = pairs(7, person(), [found(4, person()), found(3, person())], MODEL, cut=False)
    assert [(pair.a, pair.outcome) for pair in result] == [(3, PairOutcome.REVIEW), (4, PairOutcome.REVIEW)]
    assert abs(result[0].posterior - 0.5) < 0.01


def test_two_rows_of_one_person_are_one_candidate() -> None:
    (pair,) = pairs(7, person(), [found(3, person()), found(5, person(), 3)], MODEL, cut=False)
    assert (pair.person, pair.outcome) == (3, PairOutcome.LINK)
    assert pair.a in (3, 5)


def test_the_order_in_which_rows_are_found_makes_no_difference() -> None:
    rows = [found(3, person()), found(4, person("sofia")), found(5, person(), 3)]
    assert pairs(7, person(), rows, MODEL, cut=False) == pairs(7, person(), rows[::-1], MODEL, cut=False)


def test_what_was_not_looked_at_may_be_a_rival_unless_the_number_carries_the_link() -> None:
    (pair,) = pairs(7, person(), [found(3, person())], MODEL, cut=True)
    assert (pair.outcome, pair.guards) == (PairOutcome.REVIEW, (BLOCK_CUT,))
    numbered = person(number="80030200089")
    (pair,) = pairs(7, numbered, [found(3, numbered, by=(KeyKind.NUMBER, KeyKind.YEAR))], MODEL, cut=True)
    assert pair.outcome is PairOutcome.LINK


def link(a: int, b: int, weight: float, outcome: PairOutcome = PairOutcome.LINK) -> Pair:
    return Pair(a, b, a, outcome, 0.999, weight, (), (), ())


def test_of_the_links_to_a_row_the_heaviest_stays_and_of_equals_the_first() -> None:
    best = Best(2)
    for pair in (
        link(0, 1, 20.0),
        link(0, 2, 25.0),
        link(0, 3, 25.0),
        link(1, 4, -3.0),
        link(0, 5, 99.0, PairOutcome.REVIEW),
    ):
        best.note(pair)
    assert [best.stays(0, b) for b in (1, 2, 3, 5)] == [False, True, False, False]
    assert best.stays(1, 4)
