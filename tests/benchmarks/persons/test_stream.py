from __future__ import annotations

import calendar
from collections import Counter
from collections.abc import Sequence

import pytest
from kruispunt_schemas.invariants import valid_enterprise_number, valid_national_number
from kruispunt_schemas.records.sections import SubjectKind

from benchmarks.persons.census import Census, Kin
from benchmarks.persons.households import draw
from benchmarks.persons.rates import RATES, SOURCES, Slip
from benchmarks.persons.stream import Mention, Stream

COUNT = 4_000


@pytest.fixture(scope="module")
def census() -> Census:
    return draw(7, 10_000)


@pytest.fixture(scope="module")
def mentions(census: Census) -> list[Mention]:
    return list(Stream(census, 7).mentions(COUNT))


def test_one_seed_gives_one_stream(census: Census, mentions: Sequence[Mention]) -> None:
    assert list(Stream(census, 7).mentions(COUNT)) == mentions
    assert list(Stream(census, 8).mentions(COUNT)) != mentions


def test_everybody_known_has_a_mention_at_first(census: Census) -> None:
    known = list(Stream(census, 7).known_mentions())
    persons = [mention.truth for mention in known if mention.kin is not Kin.ORGANISATION]
    assert persons == [number for number, absent in enumerate(census.absent) if not absent]
    assert list(Stream(census, 7).known_mentions()) == known


def test_first_is_said_of_the_first_mention_of_a_newcomer(
    census: Census, mentions: Sequence[Mention]
) -> None:
    there = {mention.truth for mention in Stream(census, 7).known_mentions()}
    for mention in mentions:
        assert mention.first == (mention.truth not in there)
        there.add(mention.truth)


def test_every_mention_would_be_admitted(mentions: Sequence[Mention]) -> None:
    for mention in mentions:
        subject = mention.subject
        assert any(name.family or name.given for name in subject.names)
        if subject.national_number is not None:
            assert valid_national_number(subject.national_number)
            assert subject.national_number[6:9] in ("000", "999")
        if subject.enterprise_number is not None:
            assert valid_enterprise_number(subject.enterprise_number)
        birth = subject.birth
        if birth is not None:
            assert 1850 <= birth.year <= 2026
            assert 0 <= birth.month <= 12
            assert 0 <= birth.day <= (calendar.monthrange(birth.year, birth.month)[1] if birth.month else 0)


def test_a_mention_without_slips_says_what_the_register_says(
    census: Census, mentions: Sequence[Mention]
) -> None:
    clean = [each for each in mentions if not each.slips and each.subject.kind is SubjectKind.PERSON]
    assert clean
    for mention in clean:
        person, subject = census.person(mention.truth), mention.subject
        (name,) = subject.names
        assert f"{name.particle} {name.family}".strip() == person.family
        assert name.given == " ".join(person.given)
        assert subject.birth is not None
        assert (subject.birth.year, subject.birth.month, subject.birth.day) == (
            person.birth.year,
            person.birth.month,
            person.birth.day,
        )
        assert subject.national_number == person.national_number


def test_a_slip_that_is_noted_changed_something(census: Census, mentions: Sequence[Mention]) -> None:
    for mention in mentions:
        if mention.kin is Kin.ORGANISATION:
            continue
        person, subject = census.person(mention.truth), mention.subject
        if Slip.BIRTH_MISSING in mention.slips:
            assert subject.birth is None
        if Slip.DIGIT_OFF in mention.slips:
            assert subject.birth is not None
            assert (subject.birth.year, subject.birth.month, subject.birth.day) != (
                person.birth.year,
                person.birth.month,
                person.birth.day,
            )
        if Slip.NUMBER_OF_ANOTHER in mention.slips:
            assert subject.national_number not in (None, person.national_number)


def test_every_slip_of_the_table_happens() -> None:
    census = draw(3, 15_000)
    seen = Counter(slip for each in Stream(census, 3).mentions(8_000) for slip in each.slips)
    assert set(seen) >= {rate.slip for rate in RATES} - {Slip.NUMBER_OF_ANOTHER}
    assert {rate.slip for rate in RATES} == set(Slip)


def test_poor_sources_slip_more(mentions: Sequence[Mention]) -> None:
    per_source = [
        [
            len(each.slips)
            for each in mentions
            if each.source is care.source and each.kin is not Kin.ORGANISATION
        ]
        for care in SOURCES
    ]
    means = [sum(slips) / len(slips) for slips in per_source]
    assert means == sorted(means)


def test_too_few_newcomers_are_refused() -> None:
    with pytest.raises(ValueError, match="too few unknown persons"):
        list(Stream(draw(1, 200), 1).mentions(2_000))
