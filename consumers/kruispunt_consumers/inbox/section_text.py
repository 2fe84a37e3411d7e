"""A section as lines of a terminal: labels, values and bullets, every text neutralised.

Rules
-----
1. A field that is not given is left out; ``salt`` is never shown.
2. Names, dates, facts, measures and 4x4 evaluations are written the way an analyst reads them; any other record field
   by field, so that a new type of section needs nothing here.

Must not: decide what is shown: it gets released sections only.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from datetime import datetime
from enum import Enum
from typing import Final

from kruispunt_schemas.places import municipalities
from kruispunt_schemas.records.sections import Evaluation4x4, Fact, Measure, PartialDate, PersonName, Section
from kruispunt_schemas.untrusted import MAX_ROWS, more_rows, neutralised, shown
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from kruispunt_consumers.inbox import wording

LABEL: Final = "dim"
_LABEL_WIDTH: Final = 22
_PLACES: Final = frozenset({"municipality", "birth_place"})


def section_body(section: Section) -> RenderableType:
    """Return a section as labelled lines."""
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style=LABEL, width=_LABEL_WIDTH)
    grid.add_column(overflow="fold")
    for name, value in _given(section):
        if isinstance(value, tuple):
            bullets = [_bullet(_one_line(name, item)) for item in value[:MAX_ROWS]]
            if (rest := more_rows(len(value))) is not None:
                bullets.append(_bullet(Text(rest, style="bold")))
            grid.add_row(wording.label(name), Group(*bullets))
        else:
            grid.add_row(wording.label(name), _one_line(name, value))
    return grid if grid.row_count else Text("empty", style=LABEL)


def scalar(name: str, value: object) -> Text:
    """Return one value of a field as text."""
    text: Text
    match value:
        case bool():
            text = Text("yes" if value else "no")
        case Enum():
            text = shown(wording.enumerated(str(value.value)))
        case str() if name in _PLACES and value in municipalities():
            text = Text(f"{municipalities()[value].name} ({value})")
        case int() if name == "level":
            text = Text(f"{value}, {wording.THREAT_LEVELS.get(value, 'unknown')}")
        case datetime():
            text = Text(moment(value))
        case _:
            text = shown(str(value), lines=True)
    return text


def moment(at: datetime) -> str:
    """Return a time as an analyst reads it: UTC, to the second."""
    return at.strftime("%Y-%m-%d %H:%M:%S UTC")


def _one_line(name: str, value: object) -> Text:
    text: Text
    match value:
        case PersonName():
            parts = (value.given, value.particle, value.family)
            text = shown(" ".join(part for part in parts if part), style="bold")
        case PartialDate():
            text = Text(_partial(value))
        case Fact():
            text = _with_notes(value.statement, *_when_and_where(value))
        case Measure():
            text = _with_notes(value.description, wording.enumerated(value.kind.value), *_period(value))
        case Evaluation4x4():
            source, information = value.source.value, value.information.value
            text = _with_notes(
                value.statement,
                f"{source}: {wording.SOURCE_RELIABILITY.get(source, 'unknown')}",
                wording.INFORMATION_RELIABILITY.get(information, "unknown"),
            )
        case _ if is_dataclass(value):
            text = Text("; ").join(
                Text.assemble((f"{wording.label(key)}: ", LABEL), scalar(key, item))
                for key, item in _given(value)
            )
        case _:
            text = scalar(name, value)
    return text


def _given(record: object) -> Iterator[tuple[str, object]]:
    if is_dataclass(record):
        for field in fields(record):
            value: object = getattr(record, field.name)
            if field.name != "salt" and value not in (None, (), ""):
                yield field.name, value


def _period(measure: Measure) -> Iterator[str]:
    if measure.from_on is not None:
        yield f"from {measure.from_on}"
    if measure.until_on is not None:
        yield f"until {measure.until_on}"


def _when_and_where(fact: Fact) -> Iterator[str]:
    if fact.observed_on is not None:
        yield fact.observed_on.isoformat()
    if fact.municipality is not None:
        yield scalar("municipality", fact.municipality).plain


def _partial(value: PartialDate) -> str:
    year = f"{value.year:04d}" if value.year else "????"
    month = f"{value.month:02d}" if value.month else "??"
    day = f"{value.day:02d}" if value.day else "??"
    return f"{year}-{month}-{day}"


def _with_notes(statement: str, *notes: str) -> Text:
    text = shown(statement, lines=True)
    given = " · ".join(neutralised(note) for note in notes if note)
    return text.append(f"  [{given}]", style=LABEL) if given else text


def _bullet(content: Text) -> Table:
    row = Table.grid(padding=(0, 1))
    row.add_row(Text("•", style=LABEL), content)
    return row


__all__ = ["LABEL", "moment", "scalar", "section_body"]
