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
from datetime import datetime
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
    """What a participant is on the chain."""

    THREAT_ANALYSIS = "threat-analysis"
    INTELLIGENCE = "intelligence"
    FEDERAL_POLICE = "federal-police"
    LOCAL_POLICE = "local-police"
    LOCAL_TASK_FORCE = "local-task-force"
    LOCAL_SAFETY_CELL = "local-safety-cell"
    INFORMATION_OFFICER = "information-officer"
    PROSECUTOR = "prosecutor"
    DISTRICT_CENTRE = "district-centre"
    PARTNER_SERVICE = "partner-service"
    CRISIS_CENTRE = "crisis-centre"
    NATIONAL_TASK_FORCE = "national-task-force"
    OVERSIGHT = "oversight"


class _Row(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class VerificationKey(_Row):
    """A participant's public key (Ed25519, raw, hex) and when it is valid, by the broker's append time."""

    key_id: str
    public_key: Hex32
    valid_from: AwareDatetime
    valid_until: AwareDatetime | None = None


class Participant(_Row):
    """One participant: what it may publish, receives for the whole country, covers, and may hold."""

    id: Name
    name: str
    kind: ParticipantKind
    publishes: tuple[str, ...] = ()
    mandate: tuple[str, ...] = ()
    territory: Name | None = None
    clearance: Classification = Classification.UNCLASSIFIED
    keys: tuple[VerificationKey, ...] = ()

    @field_validator("clearance")
    @classmethod
    def _known_clearance(cls, value: Classification) -> Classification:
        """Refuse a clearance that nobody can have: its ordinal would lie above every classification."""
        if value is Classification.UNRECOGNISED:
            message = "it is no clearance"
            raise ValueError(message)
        return value


class Territory(_Row):
    """A set of municipalities."""

    id: Name
    name: str
    municipalities: tuple[Nis, ...]


class Bundle(_Row):
    """What decides: see the module."""

    policies: str
    policy_schema: str
    types: dict[str, tuple[Hex32, ...]]
    participants: tuple[Participant, ...]
    territories: tuple[Territory, ...]
    municipalities: tuple[Nis, ...]

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        _each_once_sorted("participant", [row.id for row in self.participants])
        _each_once_sorted("territory", [territory.id for territory in self.territories])
        for row in self.participants:
            _each_once(f"participant {row.id} has the key", [key.key_id for key in row.keys])
        known = set(self.municipalities)
        for territory in self.territories:
            if unknown := sorted(set(territory.municipalities) - known):
                message = f"territory {territory.id} names unknown municipalities: {', '.join(unknown[:5])}"
                raise ValueError(message)
        areas = {territory.id for territory in self.territories}
        for row in self.participants:
            if row.territory is not None and row.territory not in areas:
                message = f"participant {row.id} names an unknown territory: {row.territory}"
                raise ValueError(message)
            if unknown := sorted({*row.publishes, *row.mandate} - set(self.types)):
                message = f"participant {row.id} names unknown types: {', '.join(unknown)}"
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
    def covering(self) -> dict[str, int]:
        """Return for each NIS code the bitmap of participants whose territory holds it."""
        areas = {territory.id: territory.municipalities for territory in self.territories}
        result: dict[str, int] = {}
        for place, row in enumerate(self.participants):
            for nis in areas.get(row.territory or "", ()):
                result[nis] = result.get(nis, 0) | (1 << place)
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
        message = f"{what} {displaced} is out of order: they are sorted by id"
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
    "Participant",
    "ParticipantKind",
    "Territory",
    "VerificationKey",
    "describe",
    "load",
]
