"""Who would receive a draft signal, asked before it is sent.

Rules
-----
1. It follows from the signal and the bundle alone: followers are never consulted, so the answer shows nothing of what
   others hold. Who receives only because it follows the subject is not in it.
2. Participants with an equal outcome stand together; those without a ground are counted, not named.

Must not: ask a database, or read a file.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from pydantic import ValidationError

from kruispunt_schemas.failures import PolicyError
from kruispunt_schemas.jurist.case import SignalTable
from kruispunt_schemas.jurist.resolving import facts_of, sections_of
from kruispunt_schemas.needtoknow import bitmaps
from kruispunt_schemas.needtoknow.bundle import Bundle, describe
from kruispunt_schemas.needtoknow.cedar import PolicyEngine
from kruispunt_schemas.needtoknow.decisions import decide, members_by_group
from kruispunt_schemas.records.backbone import SectionOutcome


@dataclass(frozen=True, slots=True)
class Foreseen:
    """Participants with an equal outcome: what they would receive, and by which rules not the rest."""

    participants: tuple[str, ...]
    released: Mapping[str, tuple[str, ...]]
    withheld: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Preview:
    """Who would receive what; groundless: how many participants no rule gives anything."""

    signal: SignalTable
    sections: tuple[str, ...]
    foreseen: tuple[Foreseen, ...]
    groundless: int


def preview(signal: SignalTable, bundle: Bundle, engine: PolicyEngine) -> Preview:
    """Return who would receive a signal; raise PolicyError for a name that the bundle does not have."""
    alone = signal.model_copy(update={"followers": ()})
    said, sections = facts_of(alone, bundle), sections_of(signal)
    foreseen, groundless = [], 0
    for members, group in members_by_group(bundle, decide(bundle, engine, said, sections)):
        if not group.sections:
            groundless += members.bit_count()
            continue
        names = tuple(bitmaps.members_of(bundle, members))
        foreseen.append(
            Foreseen(names, _by(group.sections, released=True), _by(group.sections, released=False))
        )
    foreseen.sort(key=lambda item: (-len(item.released), item.participants))
    return Preview(alone, sections, tuple(foreseen), groundless)


def _by(outcomes: tuple[SectionOutcome, ...], *, released: bool) -> dict[str, tuple[str, ...]]:
    return {
        name: item.grounds if released else item.guards
        for item in outcomes
        if item.released is released
        for name in item.sections
    }


def read(text: str, name: str) -> SignalTable:
    """Return the signal of a file's text: a case's signal table as TOML or JSON, or a draft signal as JSON.

    name: the file's, for its ending and for errors. Raise PolicyError with file and field.
    """
    try:
        document: Any = json.loads(text) if name.endswith(".json") else tomllib.loads(text)
    except ValueError as error:
        raise PolicyError(f"{name}: {error}") from None
    if not isinstance(document, dict):
        raise PolicyError(f"{name}: not a table of a signal")
    cases = document.get("case")
    if isinstance(cases, list):
        if len(cases) != 1:
            raise PolicyError(f"{name}: it has {len(cases)} cases; preview takes one signal")
        document = cases[0]
    table = document.get("signal", document)
    if "sections" in table:
        table = _drafted(table)
    try:
        return SignalTable.model_validate(table)
    except ValidationError as error:
        raise PolicyError("\n".join(f"{name}: {line}" for line in dict.fromkeys(describe(error)))) from None


_CONTEXT: Final = ("phenomenon", "municipality", "site", "nature", "purposes", "data_source")
_DISTRIBUTION: Final = (
    "named",
    "excluded",
    "consented",
    "groups",
    "embargo",
    "professional_secrecy",
)
_HEADER: Final = ("lifecycle", "classification", "handling")


def _drafted(draft: Mapping[str, Any]) -> dict[str, Any]:
    """Return the signal table of a draft, which has its parts in sections, as the records of the contract have them."""
    sections = draft["sections"]
    context, told = sections.get("context") or {}, sections.get("distribution") or {}
    found = {
        "type": draft.get("signal_type", draft.get("type")),
        "from": draft.get("originator", draft.get("from")),
        **{key: draft[key] for key in _HEADER if key in draft},
        **{key: context[key] for key in _CONTEXT if key in context},
        **{key: told[key] for key in _DISTRIBUTION if key in told},
        "measures": [item["kind"] for item in (sections.get("measures") or {}).get("measures", ())],
        "consensus": (sections.get("situation") or {}).get("consensus", True),
    }
    subject = sections.get("subject")
    found["subject"] = (
        {key: subject[key] for key in ("data_subject", "birth") if subject.get(key) is not None}
        if subject
        else "none"
    )
    return {key: value for key, value in found.items() if value is not None}
