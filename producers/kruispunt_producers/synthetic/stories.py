"""What made-up records say: short statements in the languages of the services, assembled at random.

Rules: no place or person is named in a text; each record's first statement bears a number of its own, so that two
records never say the same by accident. Data, and one function to draw from it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Final


@dataclass(frozen=True, slots=True)
class Phrases:
    """The sentences of one language."""

    facts: tuple[str, ...]
    opinions: tuple[str, ...]
    indicators: tuple[str, ...]
    measures: tuple[str, ...]
    advice: tuple[str, ...]
    note: str


DUTCH: Final = Phrases(
    facts=(
        "bezocht driemaal een bijeenkomst van een gekende kring",
        "deelde gewelddadige propaganda op een openbaar profiel",
        "werd gecontroleerd in gezelschap van een gekende ronselaar",
        "vroeg naar reismogelijkheden richting conflictgebied",
        "liet zich lovend uit over een aanslag tegenover collega's",
        "verbrak het contact met familie en werk",
        "ontving een geldsom van een onbekende rekening",
        "verscheen niet op de afspraak met de maatschappelijk werker",
    ),
    opinions=(
        "De betrokkene lijkt ontvankelijk voor begeleiding.",
        "De evolutie is ongunstig en vraagt opvolging van nabij.",
        "Er is geen aanwijzing van een concrete dreiging.",
        "De uitspraken worden als ernstig ingeschat.",
    ),
    indicators=("gedragswijziging", "isolement", "propaganda", "reisplannen", "gewelddadige taal"),
    measures=("gesprek met de wijkinspecteur", "begeleiding door een mentor", "opvolging van sociale media"),
    advice=("verder opvolgen in de cel", "begeleiding verderzetten", "dossier afsluiten na zes maanden"),
    note="nota",
)
FRENCH: Final = Phrases(
    facts=(
        "a fréquenté à trois reprises un cercle connu",
        "a diffusé de la propagande violente sur un profil public",
        "a été contrôlé en compagnie d'un recruteur connu",
        "s'est renseigné sur un départ vers une zone de conflit",
        "a tenu des propos élogieux sur un attentat",
        "a rompu le contact avec sa famille",
        "a reçu une somme d'un compte inconnu",
    ),
    opinions=(
        "L'intéressé semble réceptif à un accompagnement.",
        "L'évolution est défavorable et demande un suivi rapproché.",
        "Aucun indice d'une menace concrète à ce stade.",
    ),
    indicators=(
        "changement de comportement",
        "isolement",
        "propagande",
        "projet de départ",
        "langage violent",
    ),
    measures=("observation", "audition", "contrôle du domicile"),
    advice=("poursuivre le suivi",),
    note="note",
)
INTENTIONS: Final = (
    "geen concrete intenties gekend",
    "uitgesproken bereidheid tot geweld",
    "wens om te vertrekken",
)
CAPACITIES: Final = ("geen bijzondere vaardigheden", "ervaring met vuurwapens", "toegang tot een netwerk")
ANTECEDENTS: Final = ("geen antecedenten", "veroordeling voor slagen en verwondingen", "eerdere uitreis")
PSYCHOLOGICAL: Final = ("geen problemen gekend", "in behandeling", "impulsief")
PROBLEM_POINTS: Final = ("geen dagbesteding", "invloed van een kennis", "schulden", "huisvesting")


def some(random: Random, choices: Sequence[str], most: int) -> tuple[str, ...]:
    """Return one to ``most`` different choices."""
    return tuple(random.sample(choices, random.randint(1, min(most, len(choices)))))


def statements(random: Random, phrases: Phrases, number: int) -> tuple[str, ...]:
    """Return the facts of a record; the first bears its number."""
    first, *rest = some(random, phrases.facts, 3)
    return (f"{first} ({phrases.note} {number:06})", *rest)
