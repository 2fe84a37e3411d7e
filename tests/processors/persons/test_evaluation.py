from __future__ import annotations

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kruispunt_processors.persons.evaluation import FoundPair, Groups, Ids, all_pairs, evaluate
from kruispunt_processors.persons.measures import Pairs, clopper_pearson


def linked(one: str, two: str, posterior: float = 0.999) -> FoundPair:
    return FoundPair((one, two), True, posterior)


def review(one: str, two: str, posterior: float = 0.5) -> FoundPair:
    return FoundPair((one, two), False, posterior)


def test_between_two_lists() -> None:
    truth = [("a1", "b1"), ("a2", "b2"), ("a3", "b3"), ("a4", "b4")]
    found = [
        linked("a1", "b1"),
        linked("a2", "b2", 0.995),
        linked("a2", "b9", 0.995),
        review("a3", "b3"),
        review("a3", "b7", 0.3),
    ]
    result = evaluate(truth, found, within=False)
    assert result.links == Pairs(2, 1, 2)
    assert (result.precision.value, result.recall.value) == (2 / 3, 0.5)
    assert result.f1.value == pytest.approx(4 / 7)
    assert (result.recall_with_review.part, result.reviews) == (3, 2)
    assert result.precision.interval == clopper_pearson(2, 3)
    assert result.f1.interval.low < 4 / 7 < result.f1.interval.high
    assert [(point.threshold, point.links) for point in result.curve] == [
        (0.999, Pairs(1, 0, 3)), (0.995, Pairs(2, 1, 2)), (0.5, Pairs(3, 1, 1)), (0.3, Pairs(3, 2, 1)),
    ]  # fmt: skip


def test_ids_of_two_lists_are_not_taken_for_each_other() -> None:
    assert evaluate([("1", "2")], [linked("2", "1")], within=False).links == Pairs(0, 1, 1)
    assert evaluate([("1", "2")], [linked("2", "1")], within=True).links == Pairs(1, 0, 0)


def test_within_one_list_pairs_join_into_persons() -> None:
    truth = [("1", "2"), ("2", "3"), ("8", "9")]
    result = evaluate(
        truth, [linked("1", "2"), linked("3", "2"), linked("3", "8"), review("8", "9")], within=True
    )
    assert result.links == Pairs(3, 3, 1)
    assert result.recall_with_review.part == 4


def test_nothing_found_and_pairs_that_stand_there_twice() -> None:
    result = evaluate([("1", "2"), ("1", "2")], [], within=False)
    assert (result.precision.value, result.recall.value, result.curve) == (None, 0.0, ())
    assert evaluate([("1", "2")], [linked("1", "2"), linked("1", "2")], within=False).links == Pairs(1, 0, 0)


IDS = st.sampled_from("abcdefgh")
PAIRS = st.lists(st.tuples(IDS, IDS).filter(lambda pair: pair[0] != pair[1]), max_size=12)


def closed(found: list[Ids]) -> set[Ids]:
    """Every pair of rows that a path joins, the slow way."""
    rows = {row for pair in found for row in pair}
    groups = [{row} for row in rows]
    for one, two in found:
        joined = [group for group in groups if one in group or two in group]
        groups = [group for group in groups if group not in joined] + [set().union(*joined)]
    return {pair for group in groups for pair in combinations(sorted(group), 2)}


@given(PAIRS, PAIRS)
def test_counting_while_joining_is_counting_afterwards(truth: list[Ids], found: list[Ids]) -> None:
    true, there = closed(truth), closed(found)
    result = evaluate(truth, [linked(*pair) for pair in found], within=True)
    assert result.links == Pairs(len(true & there), len(there - true), len(true - there))
    assert {*all_pairs(truth)} == true


@given(PAIRS)
def test_a_group_has_its_first_row_for_all(found: list[Ids]) -> None:
    groups = Groups()
    for one, two in found:
        groups.join(one, two)
    for one, two in closed(found):
        assert groups.first(one) == groups.first(two) <= one < two


@given(
    PAIRS, st.lists(st.tuples(IDS, IDS, st.booleans(), st.sampled_from([0.2, 0.5, 0.99, 1.0])), max_size=12)
)
def test_the_curve_ends_with_everything_that_was_found(
    truth: list[Ids], rows: list[tuple[str, str, bool, float]]
) -> None:
    found = [FoundPair((one, two), is_link, posterior) for one, two, is_link, posterior in rows]
    curve = evaluate(truth, found, within=False).curve
    assert [point.threshold for point in curve] == sorted({posterior for *_, posterior in rows}, reverse=True)
    if curve:
        assert curve[-1].links.right + curve[-1].links.wrong == len({(one, two) for one, two, *_ in rows})
