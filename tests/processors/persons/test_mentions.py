from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kruispunt_processors.persons.mentions import Keyring, Mention
from kruispunt_processors.persons.normalisation import particulars
from kruispunt_processors.persons.sealing import SealError
from kruispunt_schemas.failures import UnavailableError
from kruispunt_schemas.keys import PersonKeys
from kruispunt_schemas.records.sections import PersonName, Subject, SubjectKind

from tests.drafts import BACKBONE, national_number, person, posting

KEYS = replace(BACKBONE, persons={**BACKBONE.persons, 2: PersonKeys(blocking=b"2" * 32, sealing=b"2" * 64)})
FIRST, SECOND, BOTH = Keyring(KEYS, 1), Keyring(KEYS, 2), Keyring(KEYS, 2, (1,))
NUMBER = national_number("910517000")


def mention(keyring: Keyring, subject: Subject, offset: int = 0) -> Mention:
    found = keyring.mention(subject, posting(offset=offset))
    assert found is not None
    return found


def test_what_is_opened_is_what_the_subject_says_and_what_was_written_lies_behind() -> None:
    subject = replace(person("Brœck", "Jöris", number=NUMBER), birth_place="Sint-Niklaas")
    found = mention(FIRST, subject)
    assert FIRST.open(found.mention_id, found.sealed_identity) == found.particulars == particulars(subject)
    written = FIRST.as_written(found.mention_id, found.sealed_identity)
    assert (written.names, written.birth_place) == (subject.names, "Sint-Niklaas")


@settings(deadline=None, max_examples=60)
@given(names=st.lists(st.tuples(st.text(max_size=9), st.text(max_size=9)), min_size=1, max_size=4))
def test_any_name_is_opened_again(names: list[tuple[str, str]]) -> None:
    written = tuple(PersonName(family=family, particle="", given=given) for family, given in names)
    subject = replace(person(number=NUMBER), names=written)
    found = mention(FIRST, subject)
    assert FIRST.open(found.mention_id, found.sealed_identity) == found.particulars
    assert FIRST.as_written(found.mention_id, found.sealed_identity).names == written


@pytest.mark.parametrize("kind", [SubjectKind.VEHICLE, SubjectKind.OBJECT, SubjectKind.UNRECOGNISED])
def test_what_is_no_person_makes_no_mention(kind: SubjectKind) -> None:
    assert FIRST.mention(replace(person(number=NUMBER), kind=kind), posting()) is None
    assert FIRST.mention(None, posting()) is None


def test_the_same_posting_gives_the_same_mention_and_another_one_another_seal() -> None:
    first, again, later = (
        mention(FIRST, person(), 1),
        mention(FIRST, person(), 1),
        mention(FIRST, person(), 2),
    )
    assert first == again
    assert (later.keys, later.particulars) == (first.keys, first.particulars)
    assert later.sealed_identity != first.sealed_identity
    with pytest.raises(SealError):
        FIRST.open(later.mention_id, first.sealed_identity)


def test_keys_and_seal_show_nothing() -> None:
    found = mention(FIRST, person(number=NUMBER))
    for plain in (b"Broeck", b"broeck", b"joris", NUMBER.encode(), b"1991"):
        assert plain not in found.sealed_identity


def test_while_keys_are_retired_one_looks_under_both_and_is_found_under_the_new_ones() -> None:
    old, new, both = mention(FIRST, person()), mention(SECOND, person()), mention(BOTH, person())
    assert not set(old.keys) & set(new.keys)
    assert (both.keys, both.former, both.sealed_identity) == (new.keys, old.keys, new.sealed_identity)
    assert both.looks_under == new.keys + old.keys
    assert SECOND.open(old.mention_id, old.sealed_identity) == old.particulars


def test_what_an_older_key_sealed_is_renewed_to_what_the_new_one_makes() -> None:
    old, new = mention(FIRST, person()), mention(SECOND, person())
    found = SECOND.renewed(old.mention_id, old.sealed_identity)
    assert (found.keys, found.sealed_identity) == (new.keys, new.sealed_identity)
    assert SECOND.renewed(new.mention_id, new.sealed_identity) == found


def test_keys_that_are_not_here_are_named() -> None:
    with pytest.raises(UnavailableError, match="id 3 are in force and not here"):
        Keyring(KEYS, 3)
    with pytest.raises(UnavailableError, match="id 0 are in force"):
        Keyring(KEYS, 1, (0,))
    assert Keyring.newest(KEYS).key_id == 2
