"""Sections that several legacy sources write alike. All pure; columns are named by the caller.

Must not: fill in what the source does not say.
"""

from __future__ import annotations

from datetime import date

from kruispunt_schemas.records.sections import (
    Distribution,
    Evaluation4x4,
    Fact,
    Measure,
    MeasureKind,
    Measures,
    PartialDate,
    Sources,
)

from kruispunt_producers.adapters.row import DATE, Row
from kruispunt_producers.adapters.vocabulary import INFORMATION, SOURCE

SEPARATOR = "|"


def facts(row: Row, column: str, observed_on: date, municipality: str | None) -> tuple[Fact, ...]:
    """Return the facts of one column, separated by bars, all of one day and place."""
    return tuple(
        Fact(statement=statement, observed_on=observed_on, municipality=municipality)
        for statement in row.many(column, SEPARATOR)
    )


def national_number(row: Row, column: str) -> str | None:
    """Return the digits of a national number, whatever stands between them."""
    written = row.optional(column)
    return None if written is None else "".join(item for item in written if item.isdecimal()) or None


def partial_date(row: Row, column: str, separator: str) -> PartialDate | None:
    """Return a date of birth written day, month, year; zeros stand for what is unknown."""
    written = row.optional(column)
    if written is None:
        return None
    parts = written.split(separator)
    if len(parts) != 3 or not all(part.isascii() and part.isdigit() and len(part) <= 4 for part in parts):
        raise row.refuse(DATE, column)
    day, month, year = (int(part) for part in parts)
    if day > 31 or month > 12:
        raise row.refuse(DATE, column)
    return PartialDate(year=year, month=month, day=day)


def distribution(row: Row, named: str, excluded: str) -> Distribution | None:
    """Return whom the source names and excludes, separated by commas; None when nobody."""
    chosen = tuple(sorted(set(row.many(named, ","))))
    barred = tuple(sorted(set(row.many(excluded, ","))))
    return Distribution(named=chosen, excluded=barred) if chosen or barred else None


def measures(kind: MeasureKind, descriptions: tuple[str, ...]) -> Measures | None:
    """Return measures of one kind, None when there are none."""
    if not descriptions:
        return None
    return Measures(measures=tuple(Measure(kind=kind, description=each) for each in descriptions))


def sources(row: Row, source: str, information: str, statement: str) -> Sources:
    """Return the 4x4 evaluation of a record as a whole, its two codes in two columns."""
    return Sources(
        evaluations=(
            Evaluation4x4(
                statement=statement,
                source=row.code(source, SOURCE),
                information=row.code(information, INFORMATION),
            ),
        )
    )
