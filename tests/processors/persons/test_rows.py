from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kruispunt_processors.persons.columns import DATE, Columns, placing
from kruispunt_processors.persons.normalisation import NO_BIRTH, Kind, Particulars
from kruispunt_processors.persons.rows import Fault, Row, read_row
from kruispunt_schemas.invariants import MAX_NAME

HEADER = ("id", "kind", "family", "particle", "other_family", "given", "birth", "birth_place", "sex", "national_number", "enterprise_number")  # fmt: skip
NUMBER = "80010200075"
"""Of 2 January 1980, with serial 000."""


def read(birth_format: str = DATE, header: tuple[str, ...] = HEADER, /, **texts: str) -> Row | Fault:
    cells = {"id": "1", **texts}
    return read_row(
        placing(Columns(birth_format=birth_format), header, "a.csv"),
        7,
        [cells.get(name, "") for name in header],
    )


def particulars(birth_format: str = DATE, header: tuple[str, ...] = HEADER, /, **texts: str) -> Particulars:
    found = read(birth_format, header, **texts)
    assert isinstance(found, Row), found
    return found.particulars


def test_a_row_is_folded_as_the_subject_of_a_signal() -> None:
    found = particulars(family="El Amrani", given="Yassine", birth="1984-03-02", birth_place="Liège", sex="h")
    assert found == particulars(
        family="EL  AMRÁNI", given="yassine", birth="1984-03-02", birth_place="liege", sex="M"
    )
    assert (found.kind, found.birth, found.sex) == (Kind.PERSON, (1984, 3, 2), "M")


@pytest.mark.parametrize(
    ("pattern", "text", "birth"),
    [
        (DATE, "1984-03-02", (1984, 3, 2)),
        (DATE, "1984-00-00", (1984, 0, 0)),
        (DATE, "0000-03-02", (0, 3, 2)),
        (DATE, "", NO_BIRTH),
        ("DD/MM/YYYY", "2/3/1984", (1984, 3, 2)),
        ("YYYYMMDD", "19840302", (1984, 3, 2)),
        ("YYYY", "1984", (1984, 0, 0)),
        ("DD.MM.YYYY", "29.02.0000", (0, 2, 29)),
    ],
)
def test_a_date_of_birth(pattern: str, text: str, birth: tuple[int, int, int]) -> None:
    assert particulars(pattern, family="x", birth=text).birth == birth


def test_a_date_of_birth_in_parts() -> None:
    header = ("id", "family", "birth_year", "birth_month", "birth_day")
    assert particulars(DATE, header, family="x", birth_year="1984", birth_month="3").birth == (1984, 3, 0)
    fault = read(DATE, header, family="x", birth_year="84x")
    assert fault == Fault(7, "birth_year", "not of the form that is expected")


def test_another_family_name_is_a_name_beside_the_first() -> None:
    assert len(particulars(family="Maes", given="An", other_family="Wouters").names) == 2
    assert particulars(given="", other_family="Wouters") == particulars(family="Wouters")


def test_numbers_lose_their_separators() -> None:
    assert particulars(national_number="80.01.02-000.75").number == NUMBER
    found = particulars(family="Bakkerij", enterprise_number="BE 1900.000.068")
    assert (found.kind, found.number) == (Kind.ORGANISATION, "1900000068")
    assert particulars(family="Bakkerij", kind="O").kind is Kind.ORGANISATION


def test_wrong_check_digits_are_no_fault_for_the_resolver_weighs_them() -> None:
    assert not particulars(national_number="80010200076").number_valid


@pytest.mark.parametrize(
    ("field", "texts"),
    [
        ("id", {"id": " "}),
        ("id", {"id": "x" * 201}),
        ("family", {"family": "x" * (MAX_NAME + 1)}),
        ("birth", {"birth": "02-03-1984"}),
        ("birth", {"birth": "1984-02-30"}),
        ("birth", {"birth": "1849-01-01"}),
        ("sex", {"sex": "2"}),
        ("kind", {"kind": "vehicle"}),
        ("national_number", {"national_number": "1234567"}),
        ("national_number", {"national_number": "8001020004\u0664"}),
        ("enterprise_number", {"enterprise_number": "12"}),
        ("row", {"family": "", "given": ""}),
    ],
)
def test_a_row_that_cannot_be_read_says_which_field_and_not_what_it_says(
    field: str, texts: dict[str, str]
) -> None:
    found = read(**{"family": "Peeters", "given": "An", **texts})
    assert isinstance(found, Fault)
    assert (found.line, found.field) == (7, field)
    assert not any(text in found.reason for text in texts.values() if len(text) > 1)


def test_a_row_with_too_few_cells() -> None:
    places = placing(Columns(), ["id", "family"], "a.csv")
    assert read_row(places, 3, ["1"]) == Fault(3, "row", "1 cells where 2 are expected")


def test_further_texts_are_folded_and_sorted_and_empty_ones_left_out() -> None:
    columns = Columns((("family", "f"), ("id", "i")), (("street", "s"), ("box", "b"), ("area", "a")))
    row = read_row(
        placing(columns, ["i", "f", "s", "b", "a"], "a.csv"), 2, ["1", "x", "Rue Neuve; 3", " | ", "Öst"]
    )
    assert isinstance(row, Row)
    assert row.particulars.extra == (("area", "ost"), ("street", "rue neuve 3"))
    assert Particulars.from_bytes(row.particulars.to_bytes()) == row.particulars


@given(st.lists(st.text(max_size=30), min_size=len(HEADER), max_size=len(HEADER)))
def test_whatever_the_cells_hold_a_row_is_read_or_faulted(cells: list[str]) -> None:
    found = read_row(placing(Columns(), HEADER, "a.csv"), 2, cells)
    if isinstance(found, Row):
        assert Particulars.from_bytes(found.particulars.to_bytes()) == found.particulars
    else:
        assert found.field in {*HEADER, "row"}


@given(
    st.dates(date(1850, 1, 1), date(2100, 1, 1)),
    st.sampled_from([DATE, "DD/MM/YYYY", "YYYYMMDD", "MM.DD.YYYY"]),
)
def test_a_date_is_read_back_as_it_was_written(day: date, pattern: str) -> None:
    text = pattern.replace("YYYY", f"{day:%Y}").replace("MM", f"{day:%m}").replace("DD", f"{day:%d}")
    assert particulars(pattern, family="x", birth=text).birth == (day.year, day.month, day.day)
