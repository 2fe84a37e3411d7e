"""The policy as one picture: participants that are alike down, types and sections across, a colour for each way.

Rule: the SVG follows from the bundle and the language alone, byte for byte. Must not: read a file.
"""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from typing import Final

from kruispunt_schemas import schema as schemas
from kruispunt_schemas.jurist.overview import Cell, Way, alike, titled
from kruispunt_schemas.jurist.titles import title
from kruispunt_schemas.needtoknow.bundle import Bundle
from kruispunt_schemas.needtoknow.rules import Language

_COLOURS: Final = {
    Way.ALWAYS: "#0b6e4f",
    Way.TERRITORY: "#3fa37a",
    Way.FOLLOWS: "#f0b429",
    Way.ADDRESSED: "#f7dfa5",
}
_WITHHELD: Final = "#b23a48"
_NOTHING: Final = "#eeeeee"
_SIZE: Final = 12
_GAP: Final = 6
_LEFT: Final = 330
_TOP: Final = 150
_LABEL: Final = 60
"""Characters of a line's title, at most."""


def picture(bundle: Bundle, language: Language) -> str:
    """Return the picture of a bundle as SVG."""
    return "\n".join(_svg(bundle, language)) + "\n"


def _svg(bundle: Bundle, language: Language) -> Iterator[str]:
    columns = _columns()
    lines = [
        (names, cells)
        for names, cells in alike(bundle)
        if any(cell.way is not None for own in cells.values() for cell in own.values())
    ]
    width = columns[-1][2] + _SIZE + 20
    height = _TOP + len(lines) * _SIZE + 50
    yield (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="9">'
    )
    yield f"<title>{escape(title('who', language))}</title>"
    yield f'<rect width="{width}" height="{height}" fill="#ffffff"/>'
    for place, (name, section, x) in enumerate(columns):
        if place == 0 or columns[place - 1][0] != name:
            yield f'<text x="{x}" y="{_TOP - 62}" font-weight="bold" transform="rotate(-30 {x} {_TOP - 62})">{name}</text>'
        middle = x + _SIZE - 3
        yield f'<text x="{middle}" y="{_TOP - 4}" transform="rotate(-90 {middle} {_TOP - 4})">{section}</text>'
    for number, (names, cells) in enumerate(lines):
        y = _TOP + number * _SIZE
        whole = titled(bundle, names)
        label = whole if len(whole) <= _LABEL else f"{whole[: _LABEL - 1]}…"
        yield f'<text x="{_LEFT - 6}" y="{y + _SIZE - 3}" text-anchor="end"><title>{escape(whole)}</title>{escape(label)}</text>'
        for name, section, x in columns:
            colour = _colour(cells[name].get(section))
            yield f'<rect x="{x}" y="{y}" width="{_SIZE - 1}" height="{_SIZE - 1}" fill="{colour}"/>'
    yield from _legend(_TOP + len(lines) * _SIZE + 20, language)
    yield "</svg>"


def _columns() -> list[tuple[str, str, int]]:
    """Return type, section and place of every column, a gap between types."""
    found: list[tuple[str, str, int]] = []
    x = _LEFT
    for name in schemas.SIGNAL_TYPES:
        for section in schemas.load(name).sections:
            if section != "distribution":
                found.append((name, section, x))
                x += _SIZE
        x += _GAP
    return found


def _colour(cell: Cell | None) -> str:
    if cell is None:
        return _NOTHING
    return _WITHHELD if cell.way is None else _COLOURS[cell.way]


def _legend(y: int, language: Language) -> Iterator[str]:
    x = _LEFT
    entries = [(_COLOURS[way], title(way.name.lower(), language)) for way in Way]
    for colour, text in [
        *entries,
        (_WITHHELD, title("withheld", language)),
        (_NOTHING, title("no ground", language)),
    ]:
        yield f'<rect x="{x}" y="{y}" width="{_SIZE - 1}" height="{_SIZE - 1}" fill="{colour}"/>'
        yield f'<text x="{x + _SIZE + 3}" y="{y + _SIZE - 3}">{escape(text)}</text>'
        x += 40 + 6 * len(text)
