"""A bundle: policies, their schema, participants and territories, named by its SHA-256.

Rules
-----
1. The bytes are canonical JSON (sorted keys, no spaces, UTF-8); their SHA-256 is the name that decisions cite.
2. Participants are sorted by id; their index in that order is their place in the bitmaps of a decision.
3. Everything that admission accepts is listed: types with schema fingerprints, keys with their validity, NIS codes.
4. A mistake in the data is refused when the bundle is made, with the row and the field.

Must not: read a file (`authoring` does) or evaluate a policy (`cedar`).
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Mapping
from datetime import date, datetime
from enum import StrEnum
from functools import cached_property
from itertools import pairwise
from typing import Annotated, Self

from pydantic import (
    AwareDatetime,
    BaseModel,
    ConfigDict,
    StringConstraints,
    ValidationError,
    field_validator,
    model_validator,
)

from kruispunt_schemas.failures import PolicyError
from kruispunt_schemas.records.frame import Classification
from kruispunt_schemas.records.sections import Nature, Phenomenon, Purpose

Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{1,62}$")]
Nis = Annotated[str, StringConstraints(pattern=r"^[0-9]{5}$")]
Hex32 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]

ORDINALS = {
    Classification.UNCLASSIFIED: 0,
    Classification.RESTRICTED: 1,
    Classification.CONFIDENTIAL: 2,
    Classification.SECRET: 3,
    Classification.TOP_SECRET: 4,
    Classification.UNRECOGNISED: 5,
}
"""Classification as an ordinal, for clearance needs order; one that is not recognised lies above every clearance."""


class ParticipantKind(StrEnum):
    """What a participant is on the chain; a kind exists where rules tell it apart from the others."""

    THREAT_ANALYSIS = "threat-analysis"
    COMMON_DATABASE = "common-database"
    INTELLIGENCE = "intelligence"
    FEDERAL_POLICE = "federal-police"
    LOCAL_POLICE = "local-police"
    INFORMATION_HUB = "information-hub"
    LOCAL_TASK_FORCE = "local-task-force"
    LOCAL_SAFETY_CELL = "local-safety-cell"
    INFORMATION_OFFICER = "information-officer"
    PROSECUTOR = "prosecutor"
    JUDICIAL_SERVICES = "judicial-services"
    DISTRICT_CENTRE = "district-centre"
    NATIONAL_TASK_FORCE = "national-task-force"
    STRATEGIC_BODY = "strategic-body"
    SECURITY_AUTHORITY = "security-authority"
    CRISIS_CENTRE = "crisis-centre"
    MUNICIPALITY = "municipality"
    PROVINCE_GOVERNOR = "province-governor"
    ADMINISTRATIVE_ENFORCEMENT = "administrative-enforcement"
    CUSTOMS = "customs"
    FOREIGN_AFFAIRS = "foreign-affairs"
    PARTNER_SERVICE = "partner-service"
    IDENTITY_REGISTER = "identity-register"
    REFERENCE_DATABASE = "reference-database"
    GATEWAY = "gateway"
    SECTOR_AUTHORITY = "sector-authority"
    SITE_OPERATOR = "site-operator"
    NUCLEAR_EXPERT = "nuclear-expert"
    EDUCATION_SERVICE = "education-service"
    CARE_SERVICE = "care-service"
    YOUTH_SERVICE = "youth-service"
    VICTIM_CARE = "victim-care"
    OVERSIGHT = "oversight"
    INSPECTORATE = "inspectorate"


class Role(StrEnum):
    """What a service may do that its kind does not say."""

    ENFORCES_LAW = "enforces-law"
    GATEWAY = "gateway"
    HINGE = "hinge"
    HUB = "hub"
    INVESTIGATES = "investigates"
    MAGISTRATE = "magistrate"
    OVERSEES = "oversees"
    PROTECTS_MINORS = "protects-minors"
    PROTECTS_VICTIMS = "protects-victims"
    SHARES_SECRECY = "shares-secrecy"
    VALIDATES_ENTITIES = "validates-entities"
    WORKS_ON_AGGREGATES = "works-on-aggregates"


class Tier(StrEnum):
    """Access to the common database T.E.R.: HIT sees presence only; FEED consults and has the duty to feed."""

    NONE = "none"
    HIT = "hit"
    CONSULT = "consult"
    FEED = "feed"


class Regime(StrEnum):
    """The law of transfers that a participant stands under; international organisations as third countries."""

    DOMESTIC = "domestic"
    EUROPEAN_UNION = "european-union"
    THIRD_COUNTRY = "third-country"


class _Row(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class VerificationKey(_Row):
    """A participant's public key (Ed25519, raw, hex) and when it is valid, by the broker's append time."""

    key_id: str
    public_key: Hex32
    valid_from: AwareDatetime
    valid_until: AwareDatetime | None = None


class Participant(_Row):
    """One participant: what it may publish, receives for the whole country, covers, and may hold.

    Rules: what a row does not say it may not. channel: highest classification that its channel may carry, None as its
    clearance. clusters: phenomena that it is competent for. purposes, natures: what it may use signals for, and the
    information that it may hold. agreements: sources of data for which it has a registered agreement. screened_until:
    last day of its screening, None where there is no valid one.
    """

    id: Name
    name: str
    kind: ParticipantKind
    roles: tuple[Role, ...] = ()
    publishes: tuple[str, ...] = ()
    mandate: tuple[str, ...] = ()
    territory: Name | None = None
    clearance: Classification = Classification.UNCLASSIFIED
    channel: Classification | None = None
    tier: Tier = Tier.NONE
    regime: Regime = Regime.DOMESTIC
    clusters: tuple[Phenomenon, ...] = ()
    purposes: tuple[Purpose, ...] = ()
    natures: tuple[Nature, ...] = ()
    agreements: tuple[str, ...] = ()
    screened_until: date | None = None
    keys: tuple[VerificationKey, ...] = ()

    @field_validator("clearance", "channel")
    @classmethod
    def _known_classification(cls, value: Classification | None) -> Classification | None:
        """Refuse what nobody can be cleared for: its ordinal would lie above every classification."""
        if value is Classification.UNRECOGNISED:
            message = "it is no clearance"
            raise ValueError(message)
        return value

    @field_validator("clusters", "purposes", "natures", "agreements")
    @classmethod
    def _known_once(cls, values: tuple[str, ...]) -> tuple[str, ...]:
        """Refuse a word that stands for every one that is not known, and a word given twice."""
        if "UNRECOGNISED" in values:
            message = "a row says what is known, so not UNRECOGNISED"
            raise ValueError(message)
        _each_once("it has", list(values))
        return values

    @field_validator("roles")
    @classmethod
    def _sorted_once(cls, values: tuple[Role, ...]) -> tuple[Role, ...]:
        _each_once_sorted("role", list(values))
        return values


class Territory(_Row):
    """A set of municipalities, of sites, or of both."""

    id: Name
    name: str
    municipalities: tuple[Nis, ...] = ()
    sites: tuple[Name, ...] = ()


class Group(_Row):
    """Participants that work together from one time until another, the second not included."""

    id: Name
    name: str
    members: tuple[Name, ...]
    valid_from: AwareDatetime
    valid_until: AwareDatetime

    @field_validator("members")
    @classmethod
    def _sorted_once(cls, values: tuple[str, ...]) -> tuple[str, ...]:
        _each_once_sorted("member", list(values))
        return values

    @model_validator(mode="after")
    def _ends_after_it_starts(self) -> Self:
        if self.valid_until <= self.valid_from:
            message = "valid_until is not after valid_from"
            raise ValueError(message)
        return self


class Bundle(_Row):
    """What decides: see the module."""

    policies: str
    policy_schema: str
    types: dict[str, tuple[Hex32, ...]]
    participants: tuple[Participant, ...]
    territories: tuple[Territory, ...]
    municipalities: tuple[Nis, ...]
    groups: tuple[Group, ...] = ()
    restricted_sources: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        _each_once_sorted("participant", [row.id for row in self.participants])
        _each_once_sorted("territory", [territory.id for territory in self.territories])
        _each_once_sorted("group", [group.id for group in self.groups])
        _each_once_sorted("restricted source", list(self.restricted_sources))
        for row in self.participants:
            _each_once(f"participant {row.id} has the key", [key.key_id for key in row.keys])
        known = set(self.municipalities)
        for territory in self.territories:
            if unknown := sorted(set(territory.municipalities) - known):
                message = f"territory {territory.id} names unknown municipalities: {', '.join(unknown[:5])}"
                raise ValueError(message)
            _each_once(f"territory {territory.id} has the site", list(territory.sites))
        areas = {territory.id for territory in self.territories}
        for row in self.participants:
            if row.territory is not None and row.territory not in areas:
                message = f"participant {row.id} names an unknown territory: {row.territory}"
                raise ValueError(message)
            if unknown := sorted({*row.publishes, *row.mandate} - set(self.types)):
                message = f"participant {row.id} names unknown types: {', '.join(unknown)}"
                raise ValueError(message)
            if unknown := sorted(set(row.agreements) - set(self.restricted_sources)):
                message = (
                    f"participant {row.id} has agreements for no restricted source: {', '.join(unknown)}"
                )
                raise ValueError(message)
        names = {row.id for row in self.participants}
        for group in self.groups:
            if unknown := sorted(set(group.members) - names):
                message = f"group {group.id} names unknown members: {', '.join(unknown[:5])}"
                raise ValueError(message)
        return self

    def __eq__(self, other: object) -> bool:
        """Two bundles of one name are one: the name is the hash of the content."""
        return self is other or (isinstance(other, Bundle) and self.name == other.name)

    def __hash__(self) -> int:
        return hash(self.name)

    @cached_property
    def content(self) -> bytes:
        """Return the canonical bytes."""
        data = self.model_dump(mode="json")
        return json.dumps(data, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()

    @cached_property
    def name(self) -> str:
        """Return the SHA-256 of the content, 64 hex digits."""
        return hashlib.sha256(self.content).hexdigest()

    @cached_property
    def by_id(self) -> dict[str, Participant]:
        """Return the participants by id."""
        return {row.id: row for row in self.participants}

    @cached_property
    def index(self) -> dict[str, int]:
        """Return each participant's place in the bitmaps."""
        return {row.id: place for place, row in enumerate(self.participants)}

    @cached_property
    def valid_municipalities(self) -> frozenset[str]:
        """Return the NIS codes that a signal may name."""
        return frozenset(self.municipalities)

    @cached_property
    def group_names(self) -> frozenset[str]:
        """Return the ad-hoc groups that a signal may be for."""
        return frozenset(group.id for group in self.groups)

    def groups_of(self, participant: str) -> frozenset[str]:
        """Return the ad-hoc groups that a participant is a member of, whenever they last."""
        return frozenset(group.id for group in self.groups if participant in group.members)

    @cached_property
    def covering(self) -> dict[str, int]:
        """Return for each NIS code the bitmap of participants whose territory holds it."""
        areas = {territory.id: territory.municipalities for territory in self.territories}
        return self._holders(areas)

    @cached_property
    def sites(self) -> frozenset[str]:
        """Return the sites that a signal may name: those of every territory."""
        return frozenset(site for territory in self.territories for site in territory.sites)

    @cached_property
    def by_site(self) -> dict[str, int]:
        """Return for each site the bitmap of participants whose territory has it."""
        return self._holders({territory.id: territory.sites for territory in self.territories})

    def _holders(self, parts: Mapping[str, tuple[str, ...]]) -> dict[str, int]:
        """Return for each part of a territory the bitmap of participants with that territory."""
        result: dict[str, int] = {}
        for place, row in enumerate(self.participants):
            for part in parts.get(row.territory or "", ()):
                result[part] = result.get(part, 0) | (1 << place)
        return result

    def key_of(self, participant: str, key_id: str, at: datetime) -> bytes | None:
        """Return the public key (raw) of that name if it was valid at a time, else None."""
        row = self.by_id.get(participant)
        for key in row.keys if row else ():
            until = key.valid_until
            if key.key_id == key_id and key.valid_from <= at and (until is None or at < until):
                return bytes.fromhex(key.public_key)
        return None


def _each_once(what: str, names: list[str]) -> None:
    if repeated := sorted(name for name, count in Counter(names).items() if count > 1):
        message = f"{what} {', '.join(repeated)} twice"
        raise ValueError(message)


def _each_once_sorted(what: str, names: list[str]) -> None:
    _each_once(f"there is the {what}", names)
    if displaced := next((later for first, later in pairwise(names) if later < first), None):
        message = f"{what} {displaced} is out of order: they are sorted"
        raise ValueError(message)


def load(content: bytes, expected: str | None = None) -> Bundle:
    """Return the bundle of these bytes; raise PolicyError when they are damaged or not the expected ones."""
    actual = hashlib.sha256(content).hexdigest()
    if expected is not None and actual != expected:
        raise PolicyError(f"bundle {expected[:12]} has other bytes than its name says")
    try:
        bundle = Bundle.model_validate_json(content)
    except ValidationError as error:
        raise PolicyError("; ".join(describe(error))) from None
    if bundle.content != content:
        raise PolicyError(f"bundle {actual[:12]} is not in canonical form")
    return bundle


def describe(error: ValidationError) -> list[str]:
    """Return what a validation error says, field by field, without the values."""
    return [
        f"{'.'.join(str(part) for part in item['loc']) or 'bundle'}: {item['msg']}"
        for item in error.errors(include_input=False, include_url=False)
    ]


__all__ = [
    "ORDINALS",
    "Bundle",
    "Group",
    "Participant",
    "ParticipantKind",
    "Regime",
    "Role",
    "Territory",
    "Tier",
    "VerificationKey",
    "describe",
    "load",
]
