"""Codes in words for an analyst: grounds, guards, sections, enumerations, outcomes.

Rules: a rule is said in its own sentence, as the policy of this release has it. A code without words is shown as it is, for
a bundle may bring new ones. Must not: format or colour.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from kruispunt_schemas.needtoknow.rules import NO_GROUND, Language, installed, sentence

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


_ORDER: Final = (Language.NL, Language.FR, Language.DE, Language.EN)
_SAID: Final[Mapping[str, tuple[str, str, str, str]]] = {
    "again": (
        "Opnieuw beslist: een analist heeft beoordeeld wie deze persoon is.",
        "Décidé à nouveau : un analyste a jugé qui est cette personne.",
        "Erneut entschieden: Ein Analyst hat beurteilt, wer diese Person ist.",
        "Decided again: an analyst has judged who this person is.",
    ),
    "renamed": (
        "Een analist heeft beoordeeld wie deze persoon is; hij heet voortaan anders.",
        "Un analyste a jugé qui est cette personne ; son pseudonyme est désormais un autre.",
        "Ein Analyst hat beurteilt, wer diese Person ist; sie heißt fortan anders.",
        "An analyst has judged who this person is; the pseudonym is another from now on.",
    ),
    "taken": (
        "Opnieuw beslist: dit is vervangen door",
        "Décidé à nouveau : ceci est remplacé par",
        "Erneut entschieden: dies ist ersetzt durch",
        "Decided again: this is replaced by",
    ),
    "same event": (
        "Gaat over dezelfde gebeurtenis als",
        "Concerne le même événement que",
        "Betrifft dasselbe Ereignis wie",
        "Tells of the same event as",
    ),
}
"""What happened to an output, by language in the order of `_ORDER`."""


def said(what: str, language: Language = Language.EN) -> str:
    """Return what happened to an output, in plain words; raise KeyError for what there are no words for."""
    return _SAID[what][_ORDER.index(language)]


def ground(code: str, language: Language = Language.EN) -> str:
    """Return what a ground says."""
    return sentence(installed(), code, language)


def rules(codes: Iterable[str], language: Language = Language.EN) -> str:
    """Return why a section is withheld: what its guards say, or that no rule entitles to it."""
    return " ".join(sentence(installed(), code, language) for code in tuple(codes) or (NO_GROUND,))


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
