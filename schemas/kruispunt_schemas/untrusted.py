"""Text that others wrote, made safe for a terminal and for JSON: nothing dangerous passes, and nothing vanishes unseen.

Rules
-----
1. Control characters become their picture (ESC is shown as ␛), the others their number in white brackets: C1
   controls, bidirectional overrides and isolates, zero-width and other format characters, variation selectors,
   surrogates, private use, unassigned code points and fillers that take no ink.
2. A line feed (also CR LF) may stay a line break, where the caller draws a frame around every line; else it is shown.
3. More than `MAX_MARKS` combining marks on one another are shown as codes, for they paint over the lines around.
4. In JSON the same characters become escapes; the value that a script reads is the original.
5. The result is plain text: whoever shows it wraps it in ``rich.text.Text``, never in markup (`shown` does).
6. On a screen a text is cut at `MAX_CHARACTERS` or `MAX_LINES` and says how much more there is (`shown`); so is a list
   (`MAX_ROWS`). JSON has all of it.

Must not: drop a character unsaid, or decide what is true.
"""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Callable
from datetime import date, datetime
from enum import Enum
from functools import lru_cache
from typing import Final
from uuid import UUID

from rich.text import Text

MAX_MARKS: Final = 4
"""Combining marks in a row; Vietnamese and Hebrew texts need three."""

MAX_CHARACTERS: Final = 2_000
"""Characters of one text on a screen."""
MAX_LINES: Final = 40
"""Line breaks that one text may keep on a screen."""
MAX_ROWS: Final = 50
"""Rows of a table, or items of a list, on a screen."""

_UNSAFE: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_MARKS: Final = frozenset({"Mn", "Me"})
_INVISIBLE: Final = frozenset("\u115f\u1160\u2800\u3164\uffa0\u034f\u17b4\u17b5")
"""Letters and symbols that take no ink: Hangul and Braille blanks, the grapheme joiner, Khmer inherent vowels."""


def neutralised(text: str, *, lines: bool = False) -> str:
    """Return text that can do nothing to a terminal. lines: keep line feeds as line breaks."""
    if lines:
        return "\n".join(neutralised(line) for line in text.replace("\r\n", "\n").split("\n"))
    result: list[str] = []
    marks = 0
    for character in text:
        marks = marks + 1 if unicodedata.category(character) in _MARKS else 0
        result.append(_code(character) if marks > MAX_MARKS else _visible(character))
    return "".join(result)


def shown(text: str, style: str = "", *, lines: bool = False) -> Text:
    """Return neutralised text, cut by rule 6, as a rich Text: no markup, emoji code or highlighting is read from it."""
    kept = text[:MAX_CHARACTERS]
    if lines:
        kept = "\n".join(kept.split("\n")[:MAX_LINES])
    more = len(text) - len(kept)
    found = Text(neutralised(kept, lines=lines), style=style)
    return (
        found.append(f" \u2026 and {more:,} more characters: --json has them", style="bold")
        if more
        else found
    )


def more_rows(total: int) -> str | None:
    """Return what is said under a list of which only `MAX_ROWS` are shown, None when all are."""
    return f"and {total - MAX_ROWS:,} more: --json has them" if total > MAX_ROWS else None


def json_text(value: object, *, indent: int | None = 2) -> str:
    """Return a value as JSON in which every unsafe character is an escape."""
    text = json.dumps(value, default=_plain, ensure_ascii=False, indent=indent)
    return "".join(
        character if character == "\n" or _visible(character) == character else _escape(character)
        for character in text
    )


def safe(character: str) -> bool:
    """Tell whether a character may reach a terminal as it is."""
    return _visible(character) == character


@lru_cache(maxsize=4096)
def _visible(character: str) -> str:
    number = ord(character)
    if number < 0x20:
        return chr(0x2400 + number)
    if number == 0x7F:
        return "\u2421"
    if unicodedata.category(character) in _UNSAFE or character in _INVISIBLE or _selects(number):
        return _code(character)
    return character


def _selects(number: int) -> bool:
    """Tell whether a code point is a variation selector: it hides bytes behind an innocent character."""
    return 0xFE00 <= number <= 0xFE0F or 0xE0100 <= number <= 0xE01EF


def _code(character: str) -> str:
    return f"\u27e6U+{ord(character):04X}\u27e7"


def _escape(character: str) -> str:
    return json.dumps(character, ensure_ascii=True)[1:-1] if character != "\x7f" else "\\u007f"


def _plain(item: object) -> object:
    for kind, convert in _CONVERSIONS:
        if isinstance(item, kind):
            return convert(item)
    raise TypeError(type(item).__name__)


_CONVERSIONS: Final[tuple[tuple[type, Callable[..., object]], ...]] = (
    (Enum, lambda item: item.value),
    (UUID, str),
    (bytes, bytes.hex),
    (datetime, lambda item: item.isoformat(timespec="microseconds").replace("+00:00", "Z")),
    (date, date.isoformat),
)
