"""The rules of a policy as a person reads them: what each is, what law it rests on, and its sentence in four languages.

Rules
-----
1. The policy file is the one home of a rule and of its words: ``@id``, ``@law``, ``@confidence`` and a sentence under
   ``@nl``, ``@fr``, ``@de`` and ``@en``. An id starts with ``ground-`` for a permit and ``guard-`` for a forbid.
2. `Confidence` says how sure we are of the law: read in a source, believed, or unsure; unsure is never shown as law.
3. What no rule permits is refused by `NO_GROUND`, which is no rule and has its sentences here.

Must not: evaluate anything (`cedar`).
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from importlib.resources import files
from typing import Any, Final

import cedarpy

from kruispunt_schemas.failures import PolicyError

NO_GROUND: Final = "no-ground"
"""Stands where no rule permits a section."""
ERROR: Final = "evaluation-error"
"""Stands where a rule could not be evaluated, which withholds."""


class Language(StrEnum):
    """The languages of a sentence."""

    NL = "nl"
    FR = "fr"
    DE = "de"
    EN = "en"


class Confidence(StrEnum):
    """How sure we are of the legal reference of a rule."""

    READ = "read"
    BELIEVED = "believed"
    UNSURE = "unsure"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One rule: ``permits`` is true for a ground. sections: those that it speaks of, sorted; None for all."""

    id: str
    permits: bool
    law: str
    confidence: Confidence
    sentences: Mapping[Language, str]
    sections: tuple[str, ...] | None


SENTENCES: Final[Mapping[str, Mapping[Language, str]]] = {
    NO_GROUND: {
        Language.NL: "Geen enkele regel geeft deze dienst recht op dit onderdeel.",
        Language.FR: "Aucune règle ne donne à ce service droit à cette partie.",
        Language.DE: "Keine Regel gibt diesem Dienst Anspruch auf diesen Teil.",
        Language.EN: "No rule entitles this service to this section.",
    },
    ERROR: {
        Language.NL: "Een regel kon niet worden toegepast; bij twijfel wordt niets vrijgegeven.",
        Language.FR: "Une règle n'a pas pu être appliquée ; dans le doute, rien n'est communiqué.",
        Language.DE: "Eine Regel konnte nicht angewandt werden; im Zweifel wird nichts freigegeben.",
        Language.EN: "A rule could not be applied; in doubt nothing is released.",
    },
}


@cache
def rules(policies: str) -> Mapping[str, Rule]:
    """Return the rules of a policy text by id, in its order; raise PolicyError with every mistake (rule 1)."""
    try:
        parsed = json.loads(cedarpy.policies_to_json_str(policies))["staticPolicies"]
    except ValueError as error:
        raise PolicyError(f"the policies cannot be parsed: {error}") from None
    found = [
        (str(rule.get("annotations", {}).get("id") or ""), rule)
        for _, rule in sorted(parsed.items(), key=lambda item: _order(item[0]))
    ]
    names = Counter(name for name, _ in found)
    mistakes = ["a policy has no @id"] if names[""] else []
    if repeated := sorted(name for name, count in names.items() if name and count > 1):
        mistakes.append(f"several policies have the same @id: {', '.join(repeated)}")
    mistakes += [mistake for name, rule in found if name for mistake in _mistakes(name, rule)]
    if mistakes:
        raise PolicyError("; ".join(mistakes))
    return {name: _rule(name, rule) for name, rule in found}


@cache
def installed() -> str:
    """Return the policies that this release brings: whoever holds no bundle finds the sentences there."""
    return (files("kruispunt_schemas") / "policy" / "need_to_know.cedar").read_text(encoding="utf-8")


def sentence(policies: str, name: str, language: Language) -> str:
    """Return what a rule, or its absence, says in a language; the name itself when the policies do not have it."""
    if name in SENTENCES:
        return SENTENCES[name][language]
    rule = rules(policies).get(name)
    return rule.sentences[language] if rule is not None else name


def _order(name: str) -> tuple[int, str]:
    """Cedar calls the policies of a text policy0, policy1, ..."""
    digits = name.removeprefix("policy")
    return (int(digits) if digits.isdigit() else 0, name)


def _mistakes(name: str, rule: Mapping[str, Any]) -> Iterator[str]:
    words = rule["annotations"]
    if not name.startswith("ground-" if rule["effect"] == "permit" else "guard-"):
        yield f"{name}: a permit is called ground-..., a forbid guard-..."
    for key in ("law", *Language):
        if not words.get(key):
            yield f"{name}: @{key} is missing"
    if words.get("confidence") not in set(Confidence):
        yield f"{name}: @confidence is one of {', '.join(Confidence)}"


def _rule(name: str, rule: Mapping[str, Any]) -> Rule:
    words = rule["annotations"]
    return Rule(
        id=name,
        permits=rule["effect"] == "permit",
        law=words["law"],
        confidence=Confidence(words["confidence"]),
        sentences={language: words[language] for language in Language},
        sections=_sections(rule["action"]),
    )


def _sections(action: Mapping[str, Any]) -> tuple[str, ...] | None:
    if action["op"] == "All":
        return None
    entities = action["entities"] if "entities" in action else [action["entity"]]
    return tuple(sorted(entity["id"] for entity in entities))
