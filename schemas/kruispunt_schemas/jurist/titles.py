"""The few words that the jurist's page, tables and previews need beside those of rules and facts, in four languages.

Must not: hold a sentence of a rule, which stands in the policy.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from kruispunt_schemas.needtoknow.rules import Language

_ORDER: Final = (Language.NL, Language.FR, Language.DE, Language.EN)
_TITLES: Final[Mapping[str, tuple[str, str, str, str]]] = {
    "page": (
        "Wie moet het weten: het beleid",
        "Qui a besoin d'en connaître : la politique",
        "Wer es wissen muss: die Richtlinie",
        "Need to know: the policy",
    ),
    "grounds": ("Gronden", "Fondements", "Gründe", "Grounds"),
    "guards": ("Weigeringen", "Refus", "Verweigerungen", "Guards"),
    "who": ("Wie wat kan krijgen", "Qui peut recevoir quoi", "Wer was erhalten kann", "Who may get what"),
    "recipients": ("bestemmelingen", "destinataires", "Empfänger", "recipients"),
    "rule": ("regel", "règle", "Regel", "rule"),
    "law": ("wet", "droit", "Recht", "law"),
    "sentence": ("zin", "phrase", "Satz", "sentence"),
    "sections": ("onderdelen", "parties", "Teile", "sections"),
    "every": ("alle", "toutes", "alle", "all"),
    "read": ("gelezen", "lu", "gelesen", "read"),
    "believed": ("vermoed", "présumé", "vermutet", "believed"),
    "unsure": ("onzeker", "incertain", "unsicher", "unsure"),
    "always": ("altijd", "toujours", "immer", "always"),
    "territory": ("op eigen grondgebied", "sur son territoire", "im eigenen Gebiet", "on its territory"),
    "follows": (
        "als het de betrokkene volgt",
        "s'il suit la personne",
        "wenn es die Person verfolgt",
        "when it follows the subject",
    ),
    "addressed": (
        "als de afzender het zegt",
        "si l'expéditeur le dit",
        "wenn der Absender es sagt",
        "on the originator's word",
    ),
    "withheld": (
        "een grond, maar steeds geweigerd",
        "un fondement, mais toujours refusé",
        "ein Grund, aber stets verweigert",
        "a ground, but always withheld",
    ),
    "again": (
        "opnieuw beslist na oordeel",
        "décidé à nouveau après le jugement",
        "erneut entschieden nach dem Urteil",
        "decided again after judgement",
    ),
    "kept": ("houdt wat het had", "garde ce qu'il avait", "behält, was er hatte", "keeps what it had"),
    "nothing": ("niets", "rien", "nichts", "nothing"),
    "no ground": ("geen grond", "aucun fondement", "kein Grund", "no ground"),
    "signal alone": (
        "Enkel op grond van dit bericht: wie de betrokkene al volgt, is niet geraadpleegd.",
        "Sur la base de ce seul message : ceux qui suivent déjà la personne n'ont pas été consultés.",
        "Allein aufgrund dieser Meldung: Wer die Person bereits verfolgt, wurde nicht befragt.",
        "From this signal alone: who follows the subject already was not consulted.",
    ),
    "released": ("vrijgegeven", "communiqué", "freigegeben", "released"),
    "refused": ("geweigerd", "refusé", "verweigert", "withheld"),
    "received": (
        "Dit werd vrijgegeven.",
        "Ceci a été communiqué.",
        "Dies wurde freigegeben.",
        "This was released.",
    ),
    "would": (
        "Het was vrijgegeven als:",
        "Cela aurait été communiqué si :",
        "Es wäre freigegeben worden, wenn:",
        "It would have been released if:",
    ),
    "without": (
        "of onder een beleid zonder:",
        "ou sous une politique sans :",
        "oder unter einer Richtlinie ohne:",
        "or under a policy without:",
    ),
    "no change": (
        "Geen wijziging van drie feiten of minder had dit veranderd.",
        "Aucune modification de trois faits ou moins n'y aurait rien changé.",
        "Keine Änderung von drei Fakten oder weniger hätte daran etwas geändert.",
        "No change of three facts or fewer would have altered this.",
    ),
}


def title(name: str, language: Language) -> str:
    """Return a title; raise KeyError for one that there is not."""
    return _TITLES[name][_ORDER.index(language)]
