"""The second judge: who may see which section of a signal, from its truth, in plain Python.

Rules
-----
1. A section is released when a ground opens it and no guard holds it back; one that no ground opens is not listed.
2. Participants of one service with the same ties to the signal are judged once.
3. A recall goes, without sections, to whoever holds an earlier view. Any other version goes to whoever gets a section of
   it; who holds an earlier view and gets none is told to withdraw it.

Must not: import anything of the backbone's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tests.judge.grounds import GROUNDS
from tests.judge.guards import GUARDS
from tests.judge.seen import Service, Signal, Tie, Ties, World


@dataclass(frozen=True)
class Ruling:
    """What is ruled of one section."""

    section: str
    released: bool
    grounds: tuple[str, ...]
    guards: tuple[str, ...]


@dataclass(frozen=True)
class Verdict:
    """What a decision has to say. stated, bound: as a decision records facts. rulings: of those with any ground."""

    classification: int
    stated: dict[str, str]
    bound: dict[str, frozenset[str]]
    rulings: dict[str, tuple[Ruling, ...]]
    views: frozenset[str]
    withdrawals: frozenset[str]


def judge(world: World, truth: Mapping[str, Any]) -> Verdict:
    """Return the verdict on one signal."""
    signal, bound = world.signal(truth), world.bound(truth)
    ties: dict[str, set[Tie]] = {}
    for tie, names in bound.items():
        for name in names:
            ties.setdefault(name, set()).add(tie)
    rulings: dict[str, tuple[Ruling, ...]] = {}
    for service, members in world.members.items():
        if loose := members - ties.keys():
            _add(rulings, loose, rule(signal, service, frozenset()))
    alike: dict[tuple[Service, Ties], set[str]] = {}
    for name, own in ties.items():
        alike.setdefault((world.service_of[name], frozenset(own)), set()).add(name)
    for (service, shared), members in alike.items():
        _add(rulings, members, rule(signal, service, shared))
    receiving = {name for name, found in rulings.items() if any(item.released for item in found)}
    holding = set(truth["holding"])
    return Verdict(
        classification=signal.classification,
        stated=stated(signal),
        bound={tie.value: names for tie, names in bound.items() if names},
        rulings=rulings,
        views=frozenset(holding & world.kinds.keys() if signal.recalled else receiving),
        withdrawals=frozenset(holding - world.kinds.keys() if signal.recalled else holding - receiving),
    )


def rule(signal: Signal, service: Service, ties: Ties) -> tuple[Ruling, ...]:
    """Return the rulings on the sections that any ground opens, sorted by section (rule 1)."""
    open_by = {name: opened for name, (holds, opened) in GROUNDS.items() if holds(signal, service, ties)}
    if not open_by:
        return ()
    held_by = {name: held for name, (holds, held) in GUARDS.items() if holds(signal, service, ties)}
    found: list[Ruling] = []
    for section in sorted(signal.sections):
        grounds = tuple(sorted(name for name, opened in open_by.items() if section in opened))
        if grounds:
            guards = sorted(name for name, held in held_by.items() if held is None or section in held)
            found.append(Ruling(section, not guards, grounds, tuple(guards)))
    return tuple(found)


def stated(signal: Signal) -> dict[str, str]:
    """Return what a signal states as a decision records it: words, sets of words, or True; nothing where it is as usual."""
    words = {
        "data_source": signal.source,
        "data_subject": "" if signal.about == "NONE" else signal.about,
        "markings": " ".join(sorted(signal.markings)),
        "measure_kinds": " ".join(sorted(signal.measures)),
        "nature": "" if signal.nature == "UNRECOGNISED" else signal.nature,
        "phenomenon": signal.phenomenon,
        "purposes": " ".join(sorted(signal.purposes)),
    }
    flags = {
        "is_minor": signal.minor,
        "lacks_consensus": not signal.consented,
        "under_embargo": signal.embargo,
        "under_secrecy": signal.secrecy,
    }
    found = {fact: text for fact, text in words.items() if text}
    return found | {fact: "True" for fact, holds in flags.items() if holds}


def _add(rulings: dict[str, tuple[Ruling, ...]], members: set[str], found: tuple[Ruling, ...]) -> None:
    if found:
        rulings.update(dict.fromkeys(members, found))
