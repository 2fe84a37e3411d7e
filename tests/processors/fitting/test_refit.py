from __future__ import annotations

import math
from collections import Counter

import pytest
from kruispunt_processors.fitting.patterns import UNSAID, Pattern, Shared
from kruispunt_processors.fitting.refit import LEAST, SMALLEST, Shares, changes, rewritten, shares, starts
from kruispunt_processors.fitting.splink_em import FitError

TEXT = """# Weights.
link = 0.99

[family]
equal = { m = 0.8, u = "name" }
close = { m = 0.15, u = 0.002, kin = 0.1 } # a slip
different = { m = 0.05, u = 0.98 }
swapped = { m = 0.04, u = 1.0 }

# The date.
[birth]
equal = { m = 0.9, u = 6.7e-05 }
different = { m = 0.1, u = 0.94 }
year-off = { m = 0.1, u = 0.001 }
"""
FIELDS = {"family": ("equal", "close", "different", "swapped"), "birth": ("equal", "different", "year-off")}
SAID = shares(TEXT, FIELDS)
AT_RANDOM: Counter[Pattern] = Counter({(2, 1): 9_000, (1, 1): 400, (2, UNSAID): 500, (0, 1): 50, (3, 2): 50})
BLOCKS: dict[Shared, Counter[Pattern]] = {
    Shared.NUMBER: Counter({(0, 0): 800, (1, 0): 100, (2, 1): 90, (3, 2): LEAST - 1}),
    Shared.BIRTH: Counter({(2, 0): 5_000}),
}
FITTED = {"family": (0.7, 0.2, 0.0, 0.1), "birth": (0.95, 0.04, 0.01)}


def test_what_a_file_says() -> None:
    assert SAID["family"]["equal"] == Shares(0.8, None)
    assert SAID["birth"]["equal"] == Shares(0.9, 6.7e-05)


def test_a_fit_begins_with_what_the_file_says_and_what_was_counted() -> None:
    found = starts(SAID, AT_RANDOM)
    assert found["family"].levels == FIELDS["family"]
    assert sum(found["family"].m) == pytest.approx(1)
    assert found["family"].u == pytest.approx((0.005, 0.04, 0.95, 0.005))
    assert found["birth"].u[0] == pytest.approx(0.5 / 9_500.5)


def test_a_level_changes_where_enough_pairs_tell() -> None:
    found = {(each.field, each.level): each for each in changes(SAID, FITTED, AT_RANDOM, BLOCKS)}
    assert found["family", "equal"].after == Shares(0.7, None)
    assert found["family", "close"].after == Shares(0.2, 0.04)
    assert found["family", "different"].after == Shares(SMALLEST, 0.95)
    assert found["family", "swapped"].after is None, "u = 1 is a judgement"
    assert found["birth", "equal"].after is None, "never met at random"
    assert found["birth", "different"].after == Shares(0.04, 0.9947)
    assert found["birth", "year-off"].after is None, "hardly met in pairs that tell"
    assert (found["birth", "equal"].met, found["family", "different"].met) == (900, 5_090)
    before, after = found["family", "close"].weights
    assert (before, after) == pytest.approx((math.log2(0.15 / 0.002), math.log2(0.2 / 0.04)))


def test_the_text_has_the_new_shares_and_everything_else_as_it_was() -> None:
    changed = changes(SAID, FITTED, AT_RANDOM, BLOCKS)
    text = rewritten(TEXT, changed)
    lines = {
        line
        for pair in zip(TEXT.splitlines(), text.splitlines(), strict=True)
        for line in pair
        if pair[0] != pair[1]
    }
    assert 'equal = { m = 0.7, u = "name" }' in lines
    assert "close = { m = 0.2, u = 0.04, kin = 0.1 } # a slip" in lines
    assert len(lines) == 8
    assert shares(text, FIELDS)["birth"]["equal"] == SAID["birth"]["equal"]


def test_a_file_in_another_form_is_refused_rather_than_half_changed() -> None:
    other = TEXT.replace('equal = { m = 0.8, u = "name" }', '"equal" = { m = 0.8, u = "name" }')
    with pytest.raises(FitError, match=r"\[family\] equal is written in a form that is not known here"):
        rewritten(other, changes(shares(other, FIELDS), FITTED, AT_RANDOM, BLOCKS))
