from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kruispunt_producers.adapters import Refusal, Row, adapting
from kruispunt_schemas.disclosure import Draft

from tests.producers.signals import draft


def read(values: dict[str, object], reader: Callable[[Row], object]) -> object:
    """Return what a reader returns, or the refusal that it ends an adapter with."""
    found: list[object] = []

    @adapting
    def adapter(row: Row) -> Draft:
        found.append(reader(row))
        return draft()

    made = adapter(Row(values))
    return made if isinstance(made, Refusal) else found[0]


@pytest.mark.parametrize(
    ("value", "reader", "expected"),
    [
        ("  De Smet ", lambda row: row.text("c"), "De Smet"),
        ("", lambda row: row.text("c"), Refusal("missing", "c")),
        (None, lambda row: row.optional("c"), None),
        (7, lambda row: row.text("c"), Refusal("text", "c")),
        ("a\x00b", lambda row: row.text("c"), Refusal("text", "c")),
        ("a\ud800", lambda row: row.text("c"), Refusal("text", "c")),
        ("a| b ||", lambda row: row.many("c", "|"), ("a", "b")),
        ("12", lambda row: row.number("c"), 12),
        ("1²", lambda row: row.number("c"), Refusal("number", "c")),
        (True, lambda row: row.number("c"), Refusal("text", "c")),
        ("X", lambda row: row.code("c", {"A": 1}), Refusal("code", "c")),
        ("A,B", lambda row: row.codes("c", ",", {"A": 1, "B": 2}), (1, 2)),
        ("29/02/2024", lambda row: row.day("c"), date(2024, 2, 29)),
        ("29/02/2023", lambda row: row.day("c"), Refusal("date", "c")),
        ("2024-02-29", lambda row: row.day("c"), Refusal("date", "c")),
        ("", lambda row: row.day("c"), Refusal("missing", "c")),
        (date(2024, 2, 29), lambda row: row.optional_day("c"), date(2024, 2, 29)),
        ("2024-02-29T10:00:00+01:00", lambda row: row.moment("c"), datetime(2024, 2, 29, 9, tzinfo=UTC)),
        ("2024-02-29T10:00:00", lambda row: row.moment("c"), Refusal("date", "c")),
        ("0001-01-01T00:00:00+01:00", lambda row: row.moment("c"), Refusal("date", "c")),
        ("23:59", lambda row: row.clock("c"), time(23, 59)),
        ("24:00", lambda row: row.clock("c"), Refusal("date", "c")),
    ],
)
def test_readers(value: object, reader: Callable[[Row], object], expected: object) -> None:
    assert read({"c": value}, reader) == expected


@given(
    st.one_of(st.text(), st.integers(), st.booleans(), st.none(), st.dates(), st.datetimes(), st.binary()),
    st.sampled_from(
        ["text", "optional", "number", "day", "optional_day", "moment", "clock"],
    ),
)
def test_no_value_raises(value: object, reader: str) -> None:
    read({"c": value}, lambda row: getattr(row, reader)("c"))
