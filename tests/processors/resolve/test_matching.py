from __future__ import annotations

from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESSIV
from hypothesis import given, settings
from hypothesis import strategies as st
from kruispunt_processors.resolve import matching
from kruispunt_processors.resolve.matching import Match, Mention
from kruispunt_schemas import identity
from kruispunt_schemas.records.sections import DataSubject, PartialDate, PersonName, Sex, Subject, SubjectKind

from tests.drafts import BACKBONE, national_number, person, posting

NUMBER = national_number("910517001")


def mention(subject: Subject | None, offset: int = 0) -> Mention | None:
    return matching.mention(
        subject, posting(offset=offset), person_key=BACKBONE.person, sealing_key=BACKBONE.sealing
    )


def mentioned(subject: Subject, offset: int = 0) -> Mention:
    found = mention(subject, offset)
    assert found is not None
    return found


def found_by(*persons: tuple[str, Mention]) -> dict[bytes, frozenset[str]]:
    """Return what the database would find for the keys of these persons."""
    found: dict[bytes, frozenset[str]] = {}
    for reference, item in persons:
        for key in item.keys:
            found[key] = found.get(key, frozenset()) | {reference}
    return found


def fresh(offset: int) -> str:
    return str(identity.derived_id("person", identity.posting_name(posting(offset=offset))))


def name(family: str, given: str, particle: str = "") -> PersonName:
    return PersonName(family=family, particle=particle, given=given)


@pytest.mark.parametrize(
    "other",
    [
        name("Joris", "Broeck", "van den"),
        name("van den Broeck", "Joris"),
        name("BROECK", "JORIS", "VAN DEN"),
        name("Bröeck", "Jóris", "van den"),
        name("Van-Den-Broeck", "Joris"),
        name("  Broeck ", "Joris", "van  den"),
        name("Broeck, van den", "Joris"),
    ],
)
def test_writings_of_one_name(other: PersonName) -> None:
    assert matching.normalised(other) == matching.normalised(name("Broeck", "Joris", "van den"))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (name("Y\u0131lmaz", "İbrahim"), name("Yilmaz", "Ibrahim")),
        (name("Müller", "Jürgen"), name("Muller", "Jurgen")),
        (name("Lefèvre", "Anaïs"), name("LEFEVRE", "ANAIS")),
        (name("Weiß", "Gregor"), name("Weiss", "Gregor")),
    ],
)
def test_letters_of_other_alphabets(one: PersonName, other: PersonName) -> None:
    assert matching.normalised(one) == matching.normalised(other)


@pytest.mark.parametrize(
    "other", [name("Broecke", "Joris", "van den"), name("Broeck", "Joris"), name("Broeck", "", "van den")]
)
def test_another_name_is_another_name(other: PersonName) -> None:
    assert matching.normalised(other) != matching.normalised(name("Broeck", "Joris", "van den"))


@settings(deadline=None)
@given(words=st.lists(st.text(max_size=8), min_size=1, max_size=5), data=st.data())
def test_the_order_of_words_makes_no_difference(words: list[str], data: st.DataObject) -> None:
    shuffled = data.draw(st.permutations(words))
    assert matching.normalised(name(" ".join(words), "")) == matching.normalised(name("", " ".join(shuffled)))


def test_a_name_with_birth_date_finds_its_person_again() -> None:
    first, again = mentioned(person()), mentioned(person("JORIS", "van den Broeck", particle=""), 5)
    assert again.keys == first.keys
    assert matching.match(found_by(("p1", first)), again, posting(offset=5)) == Match("p1", is_new=False)


@pytest.mark.parametrize("birth", [None, (1991, 5, 0), (1991, 0, 0), (0, 5, 17)])
def test_a_name_without_a_full_birth_date_finds_nobody(birth: tuple[int, int, int] | None) -> None:
    assert mention(person(birth=birth)) is None


def test_the_same_name_with_another_birth_date_is_another_person() -> None:
    first, other = mentioned(person()), mentioned(person(birth=(1991, 5, 18)), 5)
    assert matching.match(found_by(("p1", first)), other, posting(offset=5)) == Match(fresh(5), is_new=True)


def test_a_number_finds_its_person_whatever_the_name() -> None:
    first = mentioned(person(number=NUMBER))
    other = mentioned(person("Peeters", "An", birth=None, number=NUMBER), 5)
    assert matching.match(found_by(("p1", first)), other, posting(offset=5)) == Match("p1", is_new=False)


def test_a_number_of_one_and_a_name_of_another_go_to_review() -> None:
    known = found_by(("p1", mentioned(person(number=NUMBER))), ("p2", mentioned(person("Peeters"))))
    both = mentioned(person("Peeters", number=NUMBER), 5)
    outcome = matching.match(known, both, posting(offset=5))
    assert outcome == Match("p1", is_new=False, candidates=("p1", "p2"))


def test_a_provisional_person_is_found_again_by_its_number_without_another_question() -> None:
    """Regression: each mention with a number whose name another person bears made a new provisional person."""
    known = found_by(
        ("p1", mentioned(person("Peeters"))), ("p2", mentioned(person("Peeters", number=NUMBER), 2))
    )
    again = mentioned(person("Peeters", number=NUMBER), 3)
    assert matching.match(known, again, posting(offset=3)) == Match("p2", is_new=False)


def test_an_unknown_number_with_a_known_name_goes_to_review() -> None:
    outcome = matching.match(
        found_by(("p1", mentioned(person()))), mentioned(person(number=NUMBER), 5), posting(offset=5)
    )
    assert outcome == Match(fresh(5), is_new=True, candidates=("p1",))


def test_two_persons_of_one_name_and_birth_date_go_to_review() -> None:
    known = found_by(("p1", mentioned(person())), ("p2", mentioned(person())))
    outcome = matching.match(known, mentioned(person(), 5), posting(offset=5))
    assert outcome == Match(fresh(5), is_new=True, candidates=("p1", "p2"))


def test_an_alias_of_either_name_finds_the_person() -> None:
    aliased = replace(person(), names=(name("Broeck", "Joris", "van den"), name("Abu", "Yusuf")))
    known = found_by(("p1", mentioned(aliased)))
    assert matching.match(
        known, mentioned(person("Abu", "Yusuf", particle=""), 5), posting(offset=5)
    ) == Match("p1", is_new=False)


@pytest.mark.parametrize("kind", [SubjectKind.VEHICLE, SubjectKind.OBJECT, SubjectKind.UNRECOGNISED])
def test_what_is_no_person_makes_no_mention(kind: SubjectKind) -> None:
    assert mention(replace(person(number=NUMBER), kind=kind)) is None
    assert mention(None) is None


def test_an_organisation_is_found_by_its_enterprise_number() -> None:
    organisation = Subject(
        kind=SubjectKind.ORGANISATION,
        data_subject=DataSubject.OTHER,
        names=(name("Non-profit X", ""),),
        sex=Sex.UNKNOWN,
        enterprise_number="0202239951",
    )
    assert mentioned(organisation).number_key is not None
    assert mentioned(organisation).name_keys == ()


def test_a_name_without_letters_is_no_key() -> None:
    assert mention(replace(person(), names=(name("?", "—"),))) is None


def test_the_same_posting_gives_the_same_mention_and_another_a_different_seal() -> None:
    first, again, later = mentioned(person(), 1), mentioned(person(), 1), mentioned(person(), 2)
    assert first == again
    assert later.mention_id != first.mention_id
    assert later.sealed_identity != first.sealed_identity


def test_keys_and_seal_show_nothing_and_depend_on_the_secret() -> None:
    subject = person(number=NUMBER)
    item = mentioned(subject)
    other = matching.mention(subject, posting(), person_key=b"q" * 32, sealing_key=BACKBONE.sealing)
    assert other is not None
    assert not set(other.keys) & set(item.keys)
    for text in (b"Broeck", b"Joris", NUMBER.encode(), b"1991"):
        assert text not in item.sealed_identity
        assert all(text not in key for key in item.keys)


def test_partial_birth_dates_are_sealed_as_they_are() -> None:
    subject = replace(person(number=NUMBER), birth=PartialDate(year=1991, month=0, day=0))
    item = mentioned(subject)
    assert item.name_keys == ()
    plain = AESSIV(BACKBONE.sealing).decrypt(item.sealed_identity, [item.mention_id.bytes])
    assert b"[1991, 0, 0]" in plain
