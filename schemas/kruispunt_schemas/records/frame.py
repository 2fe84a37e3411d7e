"""The frame of a signal: header, proof, and what the backbone adds on the way (the passage).

Rules: each mirrors the Avro record of its name field by field; times are aware UTC datetimes in microseconds.
Must not: hold behaviour.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID


class Classification(StrEnum):
    """Law of 11 December 1998, lowest to highest; UNRECOGNISED withholds."""

    UNRECOGNISED = "UNRECOGNISED"
    UNCLASSIFIED = "UNCLASSIFIED"
    RESTRICTED = "RESTRICTED"
    CONFIDENTIAL = "CONFIDENTIAL"
    SECRET = "SECRET"
    TOP_SECRET = "TOP_SECRET"


@dataclass(frozen=True, slots=True, kw_only=True)
class Commitment:
    """What one section commits to, present or absent."""

    section: str
    digest: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Withheld:
    """A section that the policy withholds, whether or not the signal has it."""

    section: str
    rules: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """Why this recipient holds this view."""

    output_id: UUID
    recipient: str
    decision_id: UUID
    grounds: tuple[str, ...]
    withheld: tuple[Withheld, ...]
    replaces: tuple[UUID, ...]
    persons: tuple[str, ...]
    corroborates: tuple[UUID, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Posting:
    """Where a record was posted: its identity on the backbone."""

    participant: str
    offset: int
    appended_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Follower:
    """A participant that held a person already, and the repertory event of its first holding of that person."""

    participant: str
    event: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class SignalName:
    """A signal by its name."""

    originator: str
    signal_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolution:
    """What resolution found out; followers as in the repertory event."""

    persons: tuple[str, ...]
    supersedes: tuple[UUID, ...]
    registered_as: UUID
    followers: tuple[Follower, ...] = ()
    corroborates: tuple[SignalName, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Passage:
    """What the backbone adds on the way; unsigned, null on out.<participant>."""

    posting: Posting | None = None
    bundle: str | None = None
    case_key: bytes | None = None
    resolution: Resolution | None = None
    delivery: Delivery | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """The originator's signature over the header's bytes."""

    key_id: str
    signature: bytes


class Lifecycle(StrEnum):
    """What a version does to the earlier ones."""

    UNRECOGNISED = "UNRECOGNISED"
    ORIGINAL = "ORIGINAL"
    CORRECTION = "CORRECTION"
    RECALL = "RECALL"


class Handling(StrEnum):
    """Markings that are no classification: TLP 2.0, Europol handling codes, third-party rule."""

    UNRECOGNISED = "UNRECOGNISED"
    THIRD_PARTY_RULE = "THIRD_PARTY_RULE"
    DIFFUSION_RESTREINTE = "DIFFUSION_RESTREINTE"
    EUROPOL_H0 = "EUROPOL_H0"
    EUROPOL_H1 = "EUROPOL_H1"
    EUROPOL_H2 = "EUROPOL_H2"
    EUROPOL_H3 = "EUROPOL_H3"
    TLP_CLEAR = "TLP_CLEAR"
    TLP_GREEN = "TLP_GREEN"
    TLP_AMBER = "TLP_AMBER"
    TLP_AMBER_STRICT = "TLP_AMBER_STRICT"
    TLP_RED = "TLP_RED"


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """What every recipient sees and the originator signs: no content."""

    signal_id: UUID
    signal_type: str
    schema_fingerprint: bytes
    originator: str
    version: int
    replaces: UUID | None = None
    lifecycle: Lifecycle
    observed_at: datetime
    published_at: datetime
    classification: Classification
    handling: tuple[Handling, ...]
    commitments: tuple[Commitment, ...]
