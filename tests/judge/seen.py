"""What the judge sees: services as a bundle's public document lists them, a signal as its maker knows it.

Rules
-----
1. A bundle is canonical JSON; rows with the same content, but for id, name, keys and territory, are one `Service`.
2. A signal is known from the truth that it was made from, never from its bytes.
3. `Tie` is what binds one participant to one signal; whoever has none is bound by its row alone.
4. Days are days of the broker's time, in UTC.

Must not: import anything of the backbone's.
"""

from __future__ import annotations

import calendar
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import Enum
from typing import Any

LADDER = ("UNCLASSIFIED", "RESTRICTED", "CONFIDENTIAL", "SECRET", "TOP_SECRET")
"""Classifications, lowest first (law of 11 December 1998); what is not among them stands above all."""
ADULT_AT = 18
FRAME = ("header", "proof", "passage")
"""Fields of a signal type that are no sections."""


class Tie(Enum):
    """What binds a participant to a signal."""

    TERRITORY = "in_territory"
    NAMED = "is_named"
    EXCLUDED = "is_excluded"
    CONSENTED = "has_consent"
    GROUP = "in_active_group"
    FOLLOWS = "follows_subject"
    SENDER = "is_originator"


Ties = frozenset[Tie]


@dataclass(frozen=True)
class Service:
    """What a participant is. everywhere: it has no territory. screened_until: last day, None for never."""

    kind: str
    roles: frozenset[str]
    mandate: frozenset[str]
    everywhere: bool
    clearance: int
    channel: int
    tier: str
    regime: str
    clusters: frozenset[str]
    purposes: frozenset[str]
    natures: frozenset[str]
    agreements: frozenset[str]
    screened_until: date | None

    def has_role(self, *roles: str) -> bool:
        """Tell whether it has one of these roles."""
        return not self.roles.isdisjoint(roles)


@dataclass(frozen=True)
class Signal:
    """What a signal says. source: of its data, where that needs an agreement. consented: all members who took part."""

    type: str
    sections: tuple[str, ...]
    recalled: bool
    classification: int
    markings: frozenset[str]
    sender_kind: str
    day: date
    nature: str
    purposes: frozenset[str]
    phenomenon: str
    source: str
    about: str
    minor: bool
    measures: frozenset[str]
    embargo: bool
    secrecy: bool
    consented: bool


class World:
    """Everybody and everywhere, as a bundle has it; sections: of each type of signal."""

    def __init__(self, content: bytes, sections: Mapping[str, tuple[str, ...]]) -> None:
        document = json.loads(content)
        self.sections = sections
        self.kinds: dict[str, str] = {row["id"]: row["kind"] for row in document["participants"]}
        self.service_of: dict[str, Service] = {row["id"]: _service(row) for row in document["participants"]}
        self.members: dict[Service, set[str]] = {}
        for name, service in self.service_of.items():
            self.members.setdefault(service, set()).add(name)
        self.restricted: frozenset[str] = frozenset(document["restricted_sources"])
        self.groups: list[dict[str, Any]] = document["groups"]
        self.in_municipality, self.at_site = _competent(document)

    def signal(self, truth: Mapping[str, Any]) -> Signal:
        """Return what a signal says, from its truth."""
        day = datetime.fromisoformat(truth["appended_at"]).date()
        subject, told = truth["subject"], truth["distribution"] or {}
        return Signal(
            type=truth["type"],
            sections=self.sections[truth["type"]],
            recalled=truth["lifecycle"] == "RECALL",
            classification=_rung(truth["classification"]),
            markings=frozenset(truth["handling"]),
            sender_kind=self.kinds.get(truth["originator"], ""),
            day=day,
            nature=truth["nature"],
            purposes=frozenset(truth["purposes"]),
            phenomenon=truth["phenomenon"],
            source=_source(truth["data_source"], self.restricted),
            about=subject["data_subject"] if subject else "NONE",
            minor=bool(subject) and may_be_minor(subject["birth"], day),
            measures=frozenset(truth["measures"] or ()),
            embargo=told.get("embargo", False),
            secrecy=told.get("professional_secrecy", False),
            consented=truth["consensus"] is not False,
        )

    def bound(self, truth: Mapping[str, Any]) -> dict[Tie, frozenset[str]]:
        """Return the participants that each tie binds to a signal."""
        told = truth["distribution"] or {}
        at = datetime.fromisoformat(truth["appended_at"])
        near = self.in_municipality.get(truth["municipality"], set()) | self.at_site.get(truth["site"], set())
        together = {
            member
            for group in self.groups
            if group["id"] in told.get("groups", ())
            and _time(group["valid_from"]) <= at < _time(group["valid_until"])
            for member in group["members"]
        }
        found: dict[Tie, Iterable[str]] = {
            Tie.TERRITORY: near,
            Tie.NAMED: told.get("named", ()),
            Tie.EXCLUDED: told.get("excluded", ()),
            Tie.CONSENTED: told.get("consented", ()),
            Tie.GROUP: together,
            Tie.FOLLOWS: (name for name in truth["followers"] if name != truth["originator"]),
            Tie.SENDER: (truth["originator"],),
        }
        return {tie: frozenset(name for name in names if name in self.kinds) for tie, names in found.items()}


def sections_of(schema: bytes) -> tuple[str, ...]:
    """Return the sections of a type of signal from its Avro schema, sorted."""
    fields = (field["name"] for field in json.loads(schema)["fields"])
    return tuple(sorted(name for name in fields if name not in FRAME))


def may_be_minor(birth: tuple[int, int, int] | list[int] | None, day: date) -> bool:
    """Tell whether somebody may be under 18 on a day; birth: year, month and day, 0 where unknown.

    The latest day that fits is taken. Who was born on 29 February comes of age on 1 March. Nothing follows without a year.
    """
    if birth is None or birth[0] == 0:
        return False
    year, month, number = birth
    month, number = (month, number) if month else (12, 0)
    number = number or calendar.monthrange(year, month)[1]
    if (month, number) == (2, 29) and not calendar.isleap(year + ADULT_AT):
        month, number = 3, 1
    return day < date(year + ADULT_AT, month, number)


def _service(row: Mapping[str, Any]) -> Service:
    return Service(
        kind=row["kind"],
        roles=frozenset(row["roles"]),
        mandate=frozenset(row["mandate"]),
        everywhere=row["territory"] is None,
        clearance=_rung(row["clearance"]),
        channel=_rung(row["channel"] or row["clearance"]),
        tier=row["tier"],
        regime=row["regime"],
        clusters=frozenset(row["clusters"]),
        purposes=frozenset(row["purposes"]),
        natures=frozenset(row["natures"]),
        agreements=frozenset(row["agreements"]),
        screened_until=date.fromisoformat(row["screened_until"]) if row["screened_until"] else None,
    )


def _competent(document: Mapping[str, Any]) -> tuple[dict[str, set[str]], dict[str, set[str]]]:
    """Return who has each municipality, and each site, in its territory."""
    municipalities: dict[str, set[str]] = {}
    sites: dict[str, set[str]] = {}
    areas = {area["id"]: area for area in document["territories"]}
    for row in document["participants"]:
        area = areas.get(row["territory"], {"municipalities": (), "sites": ()})
        for nis in area["municipalities"]:
            municipalities.setdefault(nis, set()).add(row["id"])
        for site in area["sites"]:
            sites.setdefault(site, set()).add(row["id"])
    return municipalities, sites


def _rung(classification: str) -> int:
    return LADDER.index(classification) if classification in LADDER else len(LADDER)


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _source(said: str | None, restricted: frozenset[str]) -> str:
    """Return the source that needs an agreement, however it is spelled; none where no agreement is needed."""
    name = (said or "").strip().upper()
    return name if name in restricted else ""
