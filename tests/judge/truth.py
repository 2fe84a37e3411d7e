"""Truths: what is really the case with each of a row of generated signals, before any of it becomes bytes.

Rules
-----
1. One seed gives one row, and each signal follows from the seed and its number alone: any of them can be made again.
2. A signal is about one of a limited number of matters: what it states, some places, and a circle of services, of which
   some are bound to it, others each time. As on the real road, much returns.
3. Not only what admission lets through: a guard behind the door is tried too (no consensus, an unclear nature).
4. Almost half of the matters have nothing to hold back but one thing, so that each guard is met alone; whom a marking is
   about is bound to the signal more often, so that it is met both ways.

Must not: know a rule of the policy.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import Any, Final

from tests.judge.seen import World

Truth = dict[str, Any]

CLASSIFICATIONS: Final = (
    "UNCLASSIFIED",
    "RESTRICTED",
    "CONFIDENTIAL",
    "SECRET",
    "TOP_SECRET",
    "UNRECOGNISED",
)
MARKINGS: Final = (
    "UNRECOGNISED",
    "THIRD_PARTY_RULE",
    "DIFFUSION_RESTREINTE",
    "EUROPOL_H0",
    "EUROPOL_H1",
    "EUROPOL_H2",
    "EUROPOL_H3",
    "TLP_CLEAR",
    "TLP_GREEN",
    "TLP_AMBER",
    "TLP_AMBER_STRICT",
    "TLP_RED",
)
NATURES: Final = ("ADMINISTRATIVE", "JUDICIAL", "INTELLIGENCE", "UNRECOGNISED")
PURPOSES: Final = (
    "PREVENTION",
    "INVESTIGATION",
    "INTELLIGENCE",
    "SECURITY_VERIFICATION",
    "PROTECTION",
    "ENFORCEMENT",
    "CARE",
    "CRISIS",
)
PHENOMENA: Final = (
    "RADICALISATION_EXTREMISM_TERRORISM",
    "HUMAN_SMUGGLING_TRAFFICKING",
    "DRUGS",
    "SOCIAL_FISCAL_FRAUD",
    "CYBERCRIME_CYBERSECURITY",
    "VIOLENT_CRIME_INTEGRITY_DISCRIMINATION",
    "ORGANISED_PROPERTY_CRIME_ILLEGAL_GOODS",
    "ENVIRONMENT",
    "ROAD_SAFETY",
    "NUISANCE_PUBLIC_ORDER",
)
SOURCES: Final = (None, "ANPR", " pnr", "SHOP-CAMERAS")
SUBJECTS: Final = ("SUSPECT", "CONVICTED", "VICTIM", "WITNESS", "OTHER", "UNRECOGNISED")
MEASURES: Final = ("PROACTIVE", "PREVENTIVE", "REPRESSIVE", "REINTEGRATION")
IN_THE_DATABASE: Final = ("EntityChange", "RadicalisationCase", "ThreatEvaluation")
"""Types about whoever may be followed in the common database, or verified."""
DAYS: Final = (
    date(2025, 6, 30),
    date(2025, 7, 1),
    date(2026, 2, 28),
    date(2026, 4, 30),
    date(2026, 12, 10),
    date(2026, 12, 11),
)
"""Days on which something ends or begins: a screening, a month, a group."""
GONE: Final = "service-that-is-gone"
"""A name that no bundle has."""


class Truths:
    """The truths of one seed among the participants of a world. publishers: who publishes each type."""

    def __init__(
        self, world: World, publishers: Mapping[str, Sequence[str]], seed: int, *, matters: int
    ) -> None:
        self._world = world
        self._publishers = publishers
        self._seed = seed
        self._everybody = sorted(world.kinds)
        self._by_kind: dict[str, list[str]] = {}
        for name in self._everybody:
            self._by_kind.setdefault(world.kinds[name], []).append(name)
        self._places = sorted(world.in_municipality)
        self._sites = sorted(world.at_site)
        self.matters = [self._matter(Random(f"{seed} matter {number}"), number) for number in range(matters)]

    def truth(self, number: int) -> Truth:
        """Return the truth of a signal; it is about the matter of its number modulo their count."""
        random = Random(f"{self._seed} signal {number}")
        matter = self.matters[number % len(self.matters)]
        sent_at = datetime.combine(random.choice(DAYS), datetime.min.time(), UTC)
        found: Truth = {
            **matter,
            "number": number,
            "originator": random.choice(self._publishers_of(matter)),
            "version": 1 if matter["lifecycle"] == "ORIGINAL" else 2,
            "appended_at": (sent_at + timedelta(seconds=random.randrange(86_400))).isoformat(),
            "municipality": random.choice(matter["places"]) if random.random() < 0.85 else None,
            "site": random.choice(matter["sites"]) if matter["sites"] and random.random() < 0.3 else None,
            "subject": _subject(random, matter, sent_at.date()),
        }
        near = sorted(
            self._world.in_municipality.get(found["municipality"], set())
            | self._world.at_site.get(found["site"], set())
        )
        close = [near, matter["circle"]]
        often = 0.8 if matter["verified"] else 0.3
        found["followers"] = _some(random, close, 3, often=often) if matter["subject"] else []
        found["distribution"] = self._distribution(random, matter, close)
        found["holding"] = (
            [] if matter["lifecycle"] == "ORIGINAL" else _some(random, close, 6, gone=0.1, often=0.9)
        )
        return found

    def _matter(self, random: Random, number: int) -> Truth:
        types = sorted(self._world.sections)
        kind = types[number % len(types)]
        sections = self._world.sections[kind]
        recalled = random.random() < 0.06
        has = {name for name in sections if not recalled and random.random() < 0.92}
        plain = random.random() < 0.45
        verified = kind in IN_THE_DATABASE and random.random() < 0.4
        wanted = random.sample(PURPOSES, random.choices((0, 1, 2, 3), (4, 26, 40, 30))[0])
        markings = random.choices((0, 1) if plain else (0, 1, 2), (60, 40) if plain else (40, 40, 20))[0]
        return {
            "type": kind,
            "lifecycle": "RECALL" if recalled else random.choices(("ORIGINAL", "CORRECTION"), (85, 15))[0],
            "classification": CLASSIFICATIONS[0]
            if plain
            else random.choices(CLASSIFICATIONS, (40, 28, 14, 9, 5, 4))[0],
            "handling": sorted(random.sample(MARKINGS, markings)),
            "nature": random.choices(NATURES, (60, 25, 15, 0) if plain else (40, 30, 22, 8))[0],
            "purposes": sorted(
                {*wanted, *(PURPOSES[:2] if plain else ()), *(PURPOSES[3:4] if verified else ())}
            ),
            "phenomenon": random.choices(PHENOMENA, (12, *[1] * 9))[0],
            "data_source": random.choices(SOURCES, (80, 8, 6, 6))[0],
            "subject": random.choices(SUBJECTS, (50, 12, 12, 12, 12, 2))[0] if "subject" in has else None,
            "age": random.choices(("adult", "minor", "around"), (70, 15, 15))[0],
            "situation": "situation" in has,
            "assessment": "assessment" in has,
            "sources": "sources" in has,
            "measures": random.sample(MEASURES, random.randrange(1, 4)) if "measures" in has else None,
            "consensus": random.random() < 0.8 if kind == "FeedbackSheet" and "situation" in has else None,
            "told": random.random() < 0.75,
            "embargo": not plain and random.random() < 0.15,
            "secrecy": random.random() < 0.1,
            "sender": random.randrange(1_000),
            "verified": verified,
            "places": random.sample(self._places, 3),
            "sites": random.sample(self._sites, min(2, len(self._sites))),
            "circle": self._circle(random, verified=verified),
        }

    def _circle(self, random: Random, *, verified: bool) -> list[str]:
        """Return services of a matter: of any kind, of any sort of row, and who sees hits where there are any."""
        kinds, sorts = sorted(self._by_kind), [sorted(names) for names in self._world.members.values()]
        found = {random.choice(self._by_kind[random.choice(kinds)]) for _ in range(5)}
        found |= {random.choice(random.choice(sorts)) for _ in range(4)}
        hits = (name for name in self._everybody if self._world.service_of[name].tier == "hit")
        return sorted({*found, *(hits if verified else ())})

    def _publishers_of(self, matter: Truth) -> list[str]:
        """Return who may have sent it: all of one kind, for the kind of the sender is part of the matter."""
        able = self._publishers.get(matter["type"]) or self._everybody
        kinds = sorted({self._world.kinds[name] for name in able})
        kind = kinds[matter["sender"] % len(kinds)]
        return [name for name in able if self._world.kinds[name] == kind]

    def _distribution(self, random: Random, matter: Truth, close: list[list[str]]) -> Truth | None:
        if not matter["told"]:
            return None
        markings = set(matter["handling"])
        asks_names = 0.8 if markings & {"EUROPOL_H3", "TLP_RED", "TLP_AMBER_STRICT", "TLP_AMBER"} else 0.35
        asks_consent = 0.8 if markings & {"THIRD_PARTY_RULE", "EUROPOL_H1", "EUROPOL_H2"} else 0.08
        groups = [group["id"] for group in self._world.groups]
        meant = 0.6 if matter["type"] == "IncidentLogEntry" else 0.1
        named = _some(random, close, 3, gone=0.02, often=asks_names)
        return {
            "named": named,
            "excluded": _some(random, close, 2, often=0.15),
            "consented": _some(random, [*close, named], 3, often=asks_consent),
            "groups": random.sample(groups, 1) if groups and random.random() < meant else [],
            "embargo": matter["embargo"],
            "embargo_agreed": matter["embargo"],
            "professional_secrecy": matter["secrecy"],
        }


def publishers_of(content: bytes) -> dict[str, list[str]]:
    """Return who publishes each type, by a bundle."""
    found: dict[str, list[str]] = {}
    for row in json.loads(content)["participants"]:
        for kind in row["publishes"]:
            found.setdefault(kind, []).append(row["id"])
    return found


def _some(
    random: Random, close: Sequence[Sequence[str]], most: int, *, gone: float = 0.0, often: float = 0.3
) -> list[str]:
    """Return some of those who are close in one way or another, sorted; at times a name that nobody has."""
    if random.random() >= often:
        return []
    found = {GONE} if random.random() < gone else set()
    known = [names for names in close if names]
    return sorted(found | {random.choice(random.choice(known)) for _ in range(random.randint(1, most))})


def _subject(random: Random, matter: Truth, day: date) -> Truth | None:
    if matter["subject"] is None:
        return None
    return {"data_subject": matter["subject"], "birth": _birth(random, matter["age"], day)}


def _birth(random: Random, age: str, day: date) -> list[int] | None:
    """Return year, month and day of birth, 0 where unknown. around: eighteen years ago, give or take days or a year."""
    if age == "around":
        days = random.choice((0, 1, -1, random.randrange(-31, 32), random.randrange(-366, 367)))
        born = date(day.year - 18, day.month, day.day) + timedelta(days=days)
    else:
        years = random.randrange(20, 70) if age == "adult" else random.randrange(9, 16)
        born = date(day.year - years, random.randrange(1, 13), random.randrange(1, 29))
    known = random.choices(("all", "month", "year", "no year", "nothing"), (60, 15, 15, 3, 7))[0]
    return {
        "all": [born.year, born.month, born.day],
        "month": [born.year, born.month, 0],
        "year": [born.year, 0, 0],
        "no year": [0, born.month, born.day],
        "nothing": None,
    }[known]
