"""Facts in the words of a person, in four languages: ``policy/facts.toml`` is their one home.

Must not: know a rule.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Final

from kruispunt_schemas.needtoknow.bundle import ORDINALS
from kruispunt_schemas.needtoknow.rules import Language

_YES_NO: Final[Mapping[Language, tuple[str, str]]] = {
    Language.NL: ("ja", "neen"),
    Language.FR: ("oui", "non"),
    Language.DE: ("ja", "nein"),
    Language.EN: ("yes", "no"),
}
ORDERED: Final = ("classification", "clearance", "channel")
"""Facts that are ordinals."""
_LEVELS: Final = {ordinal: level.value for level, ordinal in ORDINALS.items()}


def called(fact: str, language: Language) -> str:
    """Return what a fact is called; its name where it has no words."""
    return _words().get(fact, {}).get(language.value, fact)


def shown(fact: str, value: object, language: Language) -> str:
    """Return a value of a fact: yes or no, a classification, or its own word."""
    if isinstance(value, bool):
        yes, no = _YES_NO[language]
        return yes if value else no
    if fact in ORDERED and isinstance(value, int):
        return _LEVELS.get(value, str(value))
    if isinstance(value, tuple | list):
        return ", ".join(str(item) for item in value) or "-"
    return str(value) or "-"


@cache
def _words() -> Mapping[str, Mapping[str, str]]:
    return tomllib.loads((files("kruispunt_schemas") / "policy" / "facts.toml").read_text(encoding="utf-8"))
