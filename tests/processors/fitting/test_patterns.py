from __future__ import annotations

import pytest
from kruispunt_processors.fitting import patterns
from kruispunt_processors.fitting.patterns import UNSAID, Counting, Shared, levels
from kruispunt_processors.persons.model import load
from kruispunt_processors.persons.names import Name
from kruispunt_processors.persons.normalisation import Birth, Kind, Particulars

MODEL = load()
FIELDS = list(levels(MODEL))


def person(
    given: str, birth: Birth = (1980, 3, 2), number: str = "", family: str = "verlinden"
) -> Particulars:
    return Particulars(Kind.PERSON, (Name((family,), (given,)),), birth, "", "F", number, bool(number))


ROWS = [
    person("sofie", number="80030200089"),
    person("els", number="80030200089"),
    person("sofie", (1951, 7, 30)),
    person("ruth", (1951, 0, 0), family="claes"),
]


def counting(rows: list[Particulars]) -> Counting:
    return Counting(rows, MODEL, 1)


def code(field: str, level: str) -> int:
    return list(levels(MODEL)[field]).index(level)


@pytest.mark.parametrize(("shared", "count"), [(Shared.NUMBER, 1), (Shared.BIRTH, 1), (Shared.NAMES, 1)])
def test_pairs_that_share_something(shared: Shared, count: int) -> None:
    assert counting(ROWS).sharing(shared, 100).total() == count


def test_a_pattern_has_the_place_of_each_level() -> None:
    (pattern,) = counting(ROWS).sharing(Shared.NUMBER, 100)
    assert len(pattern) == len(FIELDS)
    assert pattern[FIELDS.index("family")] == code("family", "equal")
    assert pattern[FIELDS.index("number")] == code("number", "equal")
    assert pattern[FIELDS.index("place")] == UNSAID


def test_pairs_at_random_are_the_same_every_time_and_never_of_one_row() -> None:
    twins = [person("sofie"), person("els")]
    found = counting(twins).at_random(200)
    assert found == counting(twins).at_random(200)
    (pattern,) = found
    assert pattern[FIELDS.index("given")] != code("given", "equal")
    assert counting(ROWS[:1]).at_random(10).total() == 0


def test_a_block_is_drawn_from_and_blocks_end_at_the_most(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patterns, "MAX_BLOCK", 4)
    rows = [person("sofie") for _ in range(10)] + [person("els", (1970, 1, 2)) for _ in range(3)]
    assert counting(rows).sharing(Shared.BIRTH, 100).total() == 6 + 3
    assert counting(rows).sharing(Shared.BIRTH, 1).total() in (3, 6)
