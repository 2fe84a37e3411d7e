from __future__ import annotations

import calendar
from itertools import pairwise
from random import Random

import pytest
from kruispunt_schemas.invariants import valid_enterprise_number, valid_national_number

from benchmarks.persons.census import NATIONALITIES, Census, Kin, Row
from benchmarks.persons.households import LAST_BIRTH, NUMBERED_SHARE, draw
from benchmarks.persons.names import Origin, given_names, surnames

KNOWN = 4_000


@pytest.fixture(scope="module")
def census() -> Census:
    return draw(7, KNOWN)


def rows(census: Census) -> list[Row]:
    return [census.row(number) for number in range(len(census))]


def test_one_seed_gives_one_population(census: Census) -> None:
    assert rows(draw(7, KNOWN)) == rows(census)
    assert rows(draw(8, KNOWN)) != rows(census)


def test_as_many_are_known_as_were_asked_for(census: Census) -> None:
    assert KNOWN <= len(census) - sum(census.absent) < KNOWN + 10


def test_a_population_of_nobody_is_refused() -> None:
    with pytest.raises(ValueError, match="nobody"):
        draw(1, 0)


def test_twins_share_birth_surname_and_place_and_not_the_name(census: Census) -> None:
    twins = [(a, b) for a, b in pairwise(rows(census)) if a.kin is b.kin is Kin.TWIN and a.birth == b.birth]
    assert 0.06 < 2 * len(twins) / len(census) < 0.1
    for one, other in twins:
        assert (one.family, one.place, one.origin) == (other.family, other.place, other.origin)
        if one.woman == other.woman:
            assert not given_names()[one.woman, one.origin].is_same(one.given, other.given)


def test_some_twins_have_close_names(census: Census) -> None:
    close = sum(
        b.given in given_names()[a.woman, a.origin].close(a.given)
        for a, b in pairwise(rows(census))
        if a.kin is b.kin is Kin.TWIN and a.birth == b.birth and a.woman == b.woman
    )
    assert close > 10


def test_a_junior_has_the_parents_names_and_another_birth(census: Census) -> None:
    juniors = [(a, b) for a, b in pairwise(rows(census)) if a.kin is b.kin is Kin.JUNIOR and a[3:8] == b[3:8]]
    assert juniors
    assert all(abs(a.birth - b.birth) >= 19 * 365 for a, b in juniors)


def test_nobody_is_born_after_the_last_birth(census: Census) -> None:
    assert max(row.birth for row in rows(census)) <= LAST_BIRTH


def test_numbers_are_synthetic_valid_and_unique(census: Census) -> None:
    numbers = [census.person(number).national_number for number in census.numbered()]
    assert len(set(numbers)) == len(numbers) == int(len(census) * NUMBERED_SHARE)
    for number in numbers:
        assert number is not None
        assert valid_national_number(number)
        assert number[6:9] in ("000", "999")


def test_enterprise_numbers_are_valid_unique_and_not_issued(census: Census) -> None:
    numbers = [census.organisation(number).enterprise_number for number in census.organisations]
    assert len(set(numbers)) == len(numbers) == len(census) // 100
    assert all(valid_enterprise_number(number) and number.startswith("19") for number in numbers)


def test_a_person_is_as_the_row_says(census: Census) -> None:
    for number in range(200):
        row, person = census.row(number), census.person(number)
        assert person.birth.toordinal() == row.birth
        assert person.families[0] == surnames()[row.origin].names[row.family]
        assert person.nationality in NATIONALITIES[row.origin] if row.abroad else person.nationality == "BE"
        assert person.birth.day <= calendar.monthrange(person.birth.year, person.birth.month)[1]


def test_an_unknown_number_is_refused(census: Census) -> None:
    with pytest.raises(IndexError):
        census.person(len(census))
    with pytest.raises(IndexError):
        census.organisation(len(census) - 1)


def test_spellings_of_one_name_are_not_close_names() -> None:
    pool = given_names()[False, Origin.AR]
    mohamed = pool.names.index("Mohamed")
    close = {pool.names[place] for place in pool.close(mohamed)}
    assert close
    assert not close & {"Mohammed", "Mohammad", "Muhammed", "Mohamed"}


def test_listed_surnames_have_the_share_that_the_table_says() -> None:
    pool, random = surnames()[Origin.NL], Random(1)
    drawn = [pool.names[pool.draw(random)] for _ in range(20_000)]
    assert 0.003 < drawn.count("Peeters") / len(drawn) < 0.006  # 27,625 of 1.55 million, of .24


def test_names_that_share_a_word_are_not_close_names() -> None:
    pool = given_names()[False, Origin.NL]
    assert pool.is_same(pool.names.index("Pieter"), pool.names.index("Pieter-Jan"))
    assert not pool.is_same(pool.names.index("Pieter"), pool.names.index("Bart"))
