"""Texts as somebody typed, read, heard or transcribed them: one slip at a time, by ``tables/misspelling.toml``.

Every function returns another text, or the same where its slip has no place to happen. Must not: know a person.
"""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from random import Random
from typing import Any

from anyascii import anyascii


@cache
def pairs(name: str) -> tuple[tuple[str, str], ...]:
    """Return what is taken for what. name: ``ocr``, ``heard`` or ``turkish``."""
    return tuple((old, new) for old, new in _table()[name])


def slip(random: Random, text: str) -> str:
    """Return a text with one letter left out, doubled or foreign, replaced by a neighbour on the keyboard, or swapped."""
    if len(text) < 2:
        return text
    place = random.randrange(len(text))
    kind = random.random()
    # The four kinds of Damerau (1964), taken to be equally frequent.
    if kind < 0.25:
        return text[:place] + text[place + 1 :]
    if kind < 0.5:
        return text[:place] + _neighbour(random, text[place]) + text[place + 1 :]
    if kind < 0.75:
        extra = text[place] if random.random() < 0.5 else _neighbour(random, text[place])
        return text[:place] + extra + text[place:]
    place = random.randrange(len(text) - 1)
    return text[:place] + text[place + 1] + text[place] + text[place + 2 :]


def replaced(random: Random, text: str, table: Sequence[tuple[str, str]]) -> str:
    """Return a text with one place replaced as a row of the table has it; capitals at the place are kept."""
    lower = text.lower()
    if len(lower) != len(text):
        return text
    fitting = [(old, new) for old, new in table if old.lower() in lower]
    if not fitting:
        return text
    old, new = random.choice(fitting)
    places = [start for start in range(len(text)) if lower.startswith(old.lower(), start)]
    start = random.choice(places)
    if text[start].isupper():
        new = new[:1].upper() + new[1:]
    return text[:start] + new + text[start + len(old) :]


def without_diacritics(text: str) -> str:
    """Return a text in plain letters, as a system that knows no others has it."""
    return anyascii(text)


def _neighbour(random: Random, letter: str) -> str:
    lower = anyascii(letter).lower()
    rows = _table()["keyboard"]
    for number, row in enumerate(rows):
        place = row.find(lower) if lower else -1
        if place < 0:
            continue
        near = [row[other] for other in (place - 1, place + 1) if 0 <= other < len(row)]
        if number + 1 < len(rows):
            near += rows[number + 1][place : place + 1]
        return str(random.choice(near))
    return random.choice("aeinrst")


@cache
def _table() -> dict[str, Any]:
    text = (files(__package__) / "tables" / "misspelling.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)
