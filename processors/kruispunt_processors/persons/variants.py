"""Which writings of a given name, and which names of a place, mean the same: our own reviewed lists.

Rules: words are folded before they are looked up (`names`); a word that no list knows stands for itself.
Must not: guess.
"""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files
from typing import Final

from kruispunt_schemas.places import municipalities


@cache
def _lists(name: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = tomllib.loads((files(__package__) / name).read_text(encoding="utf-8"))
    return found


def _spellings() -> dict[str, str]:
    return {word: line.split()[0] for line in _lists("variants.toml")["spelling"] for word in line.split()}


def _forms() -> dict[str, str]:
    heads = {
        SPELLING.get(word, word): line.split()[0]
        for line in _lists("variants.toml")["form"]
        for word in line.split()
    }
    return {
        word: heads.get(SPELLING.get(word, word), SPELLING.get(word, word)) for word in {*SPELLING, *heads}
    }


SPELLING: Final = _spellings()
"""Of each listed name the one that stands for all its writings."""
FORM: Final = _forms()
"""Of each listed name the one that stands for its forms in every language, short forms too."""


def place_names() -> list[tuple[str, ...]]:
    """Return the names of each place that has several, as written; the first stands for all."""
    own = [tuple(line.split(" | ")) for line in _lists("places.toml")["places"]]
    two = [(item.name, item.name_fr) for item in municipalities().values() if item.name_fr != item.name]
    return [*two, *own]


COUNTRIES: Final = frozenset(_lists("places.toml")["countries"])
"""Words after the name of a place that add nothing to it, folded."""
