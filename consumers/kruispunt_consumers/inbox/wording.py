"""Codes in words for an analyst: grounds, guards, sections, enumerations, outcomes.

Rules: a code without words here is shown as it is, for a bundle may bring new ones. Must not: format or colour.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

GROUNDS: Final[Mapping[str, str]] = {
    "ground-territory": "it happened in your territory",
    "ground-territory-police": "it happened in your police territory",
    "ground-territory-information-officer": "a feedback sheet from your territory, for its information officer",
    "ground-livc-extract": "extract for the safety cell of your territory",
    "ground-national-mandate": "you receive this type for the whole country",
    "ground-named": "the originator named you",
    "ground-subject-followed": "you follow this subject already",
}

GUARDS: Final[Mapping[str, str]] = {
    "guard-clearance": "classified above your clearance",
    "guard-unclassified-only": "your kind of participant receives unclassified parts only",
    "guard-excluded": "the originator excluded you",
    "guard-own-signal": "it is your own signal",
    "guard-recall": "the signal was recalled",
    "guard-distribution": "the distribution list is released to nobody",
    "guard-third-party": "third-party rule: the originator's consent is needed",
    "guard-embargo": "under embargo",
    "guard-handling": "the handling code forbids it",
    "guard-professional-secrecy": "covered by professional secrecy",
    "guard-purpose": "not for your purpose",
}

NO_GROUND: Final = "no ground gives it to you"

ASSESSMENTS: Final = frozenset({"assessment"})
"""Sections that hold opinions, shown apart from facts."""

TITLES: Final[Mapping[str, str]] = {
    "context": "Context",
    "subject": "Subject",
    "situation": "Situation: facts",
    "assessment": "Assessment: opinion of the originator",
    "sources": "Sources: 4x4 evaluation",
    "measures": "Measures",
    "contact": "Contact",
    "distribution": "Distribution",
}

SOURCE_RELIABILITY: Final[Mapping[str, str]] = {
    "A": "no doubt about the source",
    "B": "source mostly reliable",
    "C": "source mostly unreliable",
    "X": "source cannot be assessed",
}

INFORMATION_RELIABILITY: Final[Mapping[str, str]] = {
    "ONE": "1, not in doubt",
    "TWO": "2, known to the source itself",
    "THREE": "3, corroborated",
    "FOUR": "4, neither known nor corroborated",
}

THREAT_LEVELS: Final[Mapping[int, str]] = {1: "low", 2: "medium", 3: "serious", 4: "very serious"}
"""Royal decree of 28 November 2006, article 11."""

_ACRONYMS: Final = frozenset({"FTF", "HTF", "HP", "PVE", "PCT", "TLP"})


def ground(code: str) -> str:
    """Return a ground in words."""
    return GROUNDS.get(code, code)


def rules(codes: Iterable[str]) -> str:
    """Return why a section is withheld, in words."""
    return "; ".join(GUARDS.get(code, code) for code in codes) or NO_GROUND


def title(section: str) -> str:
    """Return the title of a section."""
    return TITLES.get(section, label(section))


def label(name: str) -> str:
    """Return a field's name as a label."""
    return name.replace("_", " ").capitalize()


def enumerated(value: str) -> str:
    """Return an enumeration's symbol in words."""
    if value in _ACRONYMS or not value.isupper():
        return value
    first, *rest = value.split("_")
    if first in _ACRONYMS:
        return " ".join((first, *rest))
    return " ".join((first, *rest)).lower()
