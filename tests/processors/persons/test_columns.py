from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kruispunt_processors.persons.columns import DEFAULTS, Columns, parse_columns, placing
from kruispunt_schemas.failures import ConfigurationError


def test_without_a_map_the_columns_go_by_their_usual_names_in_any_case() -> None:
    found = placing(Columns(), ["ID", "Surname", " First_Name ", "dossier", "geboortedatum"], "a.csv")
    assert found.fields == {"id": 0, "family": 1, "given": 2, "birth": 4}


def test_a_whole_date_goes_before_its_parts() -> None:
    found = placing(Columns(), ["id", "family", "birth_year", "birth"], "a.csv")
    assert found.fields == {"id": 0, "family": 1, "birth": 3}


@pytest.mark.parametrize(
    ("header", "told"),
    [
        (["id", "family", "Family"], "the column family stands there twice"),
        (["id", "family", "", " "], "the column (no name) stands there twice"),
        (["family", "given"], "no column is the id; it has family, given. Call it id"),
        (["id", "sex"], "no column is one of family, given, national_number, enterprise_number"),
    ],
)
def test_a_header_that_says_too_little(header: list[str], told: str) -> None:
    with pytest.raises(ConfigurationError) as failure:
        placing(Columns(), header, "a.csv")
    assert str(failure.value).startswith("a.csv: ")
    assert told in str(failure.value)


MAP = """
id = "no"
family = "nom"
birth = "ddn"
birth_format = "DD/MM/YYYY"
[extra]
street = "rue"
[b]
family = "naam"
[b.extra]
street = "straat"
"""


def test_a_map_says_all_of_it_and_what_differs_in_b() -> None:
    a, b = (parse_columns(MAP, part, {"street"}) for part in ("a", "b"))
    assert (a.named, a.extra) == ((("birth", "ddn"), ("family", "nom"), ("id", "no")), (("street", "rue"),))
    assert (b.named, b.extra) == (
        (("birth", "ddn"), ("family", "naam"), ("id", "no")),
        (("street", "straat"),),
    )
    found = placing(a, ["Nom", "NO", "ddn", "rue", "given"], "a.csv")
    assert (found.fields, found.extra) == ({"family": 0, "id": 1, "birth": 2}, {"street": 3})
    assert found.date.fullmatch("1/12/1980") is not None


def test_a_column_of_the_map_that_is_missing_is_named_with_what_there_is() -> None:
    with pytest.raises(
        ConfigurationError, match=r"a\.csv: the map takes birth from the column ddn.*it has no, nom"
    ):
        placing(parse_columns(MAP, "a", {"street"}), ["no", "nom"], "a.csv")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("id = ", "not TOML"),
        ('famly = "x"', "the map names famly: a row has the fields id, kind, family"),
        ("id = 3", "id is no name of a column"),
        ("b = 3", "[b] is no table"),
        ("[extra]\nshoe = 's'", "extra field shoe: this model compares no more"),
        ("birth = 'b'\nbirth_year = 'y'", "give one or the other"),
    ],
)
def test_a_map_that_is_none(text: str, told: str) -> None:
    with pytest.raises(ConfigurationError) as failure:
        parse_columns(text, "a", frozenset())
    assert told in str(failure.value)


@pytest.mark.parametrize("pattern", ["DD/MM", "YYYY-MM-MM", "%Y-%m-%d", ""])
def test_a_form_of_a_date_that_is_none(pattern: str) -> None:
    with pytest.raises(ConfigurationError, match="birth_format"):
        placing(Columns(birth_format=pattern), ["id", "family"], "a.csv")


@given(st.lists(st.sampled_from(sorted(name for taken in DEFAULTS.values() for name in taken)), unique=True))
def test_each_column_is_taken_for_one_field_at_most(header: list[str]) -> None:
    try:
        found = placing(Columns(), header, "a.csv")
    except ConfigurationError:
        return
    assert len({*found.fields.values()}) == len(found.fields)
    assert all(header[place] in DEFAULTS[field] for field, place in found.fields.items())
