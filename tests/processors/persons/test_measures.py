"""Expected intervals and beta values are those of SciPy (binomtest.proportion_ci, special.betainc)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kruispunt_processors.persons.measures import (
    Pairs,
    clopper_pearson,
    incomplete_beta,
    pairs_completeness,
    reduction_ratio,
    share,
    wilson,
)

EXACT = [
    (0, 10, 0.0, 0.30849710781876294),
    (5, 10, 0.1870860284474045, 0.8129139715525955),
    (10, 10, 0.6915028921812371, 1.0),
    (1, 1, 0.025, 1.0),
    (1, 20, 0.0012650894979560339, 0.24873276277202772),
    (8, 10_000, 0.0003454444769961986, 0.0015757071053788358),
    (72, 90_000, 0.0006260017388105884, 0.0010073630791194725),
    (76_500, 90_000, 0.847650345094656, 0.8523270729357392),
]
SCORE = [
    (0, 10, 0.0, 0.27753279986288926),
    (5, 10, 0.236593090512564, 0.7634069094874361),
    (10, 10, 0.7224672001371109, 1.0),
    (1, 20, 0.008881448800795402, 0.23613119344674205),
    (8, 10_000, 0.00040543371989688003, 0.0015779502533866331),
    (76_500, 90_000, 0.8476522398324123, 0.8523178834297628),
]


@pytest.mark.parametrize(("part", "whole", "low", "high"), EXACT)
def test_clopper_pearson(part: int, whole: int, low: float, high: float) -> None:
    found = clopper_pearson(part, whole)
    assert (found.low, found.high) == pytest.approx((low, high), abs=1e-11)


@pytest.mark.parametrize(("part", "whole", "low", "high"), SCORE)
def test_wilson(part: int, whole: int, low: float, high: float) -> None:
    found = wilson(part, whole)
    assert (found.low, found.high) == pytest.approx((low, high), abs=1e-12)


@pytest.mark.parametrize(
    ("x", "a", "b", "expected"),
    [
        (0.5, 2, 3, 0.6875),
        (0.1, 0.5, 0.5, 0.20483276469913345),
        (0.9, 10, 2, 0.6973568802),
        (0.001, 73, 89_929, 0.9707997027816282),
        (0.0, 2, 3, 0.0),
        (1.0, 2, 3, 1.0),
    ],
)
def test_incomplete_beta(x: float, a: float, b: float, expected: float) -> None:
    assert incomplete_beta(x, a, b) == pytest.approx(expected, abs=1e-11)


@given(st.integers(0, 500), st.integers(0, 500))
def test_an_interval_holds_its_share(part: int, rest: int) -> None:
    whole = part + rest
    for bounds in (wilson(part, whole), clopper_pearson(part, whole)):
        assert 0 <= bounds.low <= (part / whole if whole else 0.5) <= bounds.high <= 1


@given(st.integers(1, 300), st.integers(1, 300))
def test_the_exact_interval_misses_the_tail_that_it_says(part: int, rest: int) -> None:
    whole = part + rest
    bounds = clopper_pearson(part, whole)
    # P(X >= part | low) and P(X <= part | high), through the beta distribution.
    assert incomplete_beta(bounds.low, part, rest + 1) == pytest.approx(0.025, abs=1e-9)
    assert 1 - incomplete_beta(bounds.high, part + 1, rest) == pytest.approx(0.025, abs=1e-9)


def test_more_confidence_is_a_wider_interval() -> None:
    for interval in (wilson, clopper_pearson):
        assert interval(8, 10_000, 0.99).high > interval(8, 10_000).high > interval(8, 10_000, 0.5).high


def test_of_nothing_there_is_no_share() -> None:
    assert share(0, 0) is None
    assert pairs_completeness(0, 0) is None
    assert reduction_ratio(0, 0) is None
    assert Pairs(0, 0, 0).precision is None
    assert Pairs(0, 0, 0).recall is None
    assert Pairs(0, 0, 0).f1 is None
    assert wilson(0, 0) == clopper_pearson(0, 0)


def test_pairs() -> None:
    found = Pairs(right=8, wrong=2, missed=4)
    assert found.precision == 0.8
    assert found.recall == pytest.approx(2 / 3)
    assert found.f1 == pytest.approx(8 / 11)


def test_blocking() -> None:
    assert pairs_completeness(98, 100) == 0.98
    assert reduction_ratio(5, 1_000) == pytest.approx(0.995)


@pytest.mark.parametrize(("part", "whole"), [(-1, 3), (4, 3), (1, 0), (0, -1)])
def test_what_is_no_share_is_refused(part: int, whole: int) -> None:
    for measure in (share, wilson, clopper_pearson, reduction_ratio):
        with pytest.raises(ValueError, match="no share"):
            measure(part, whole)
