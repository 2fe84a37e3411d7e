"""What analysts of the common database judge of persons, and what follows from it.

Rules: each mirrors the Avro record of its name. A judgement says who and why in codes: free text would put content on a
lasting topic. Must not: hold behaviour.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from kruispunt_schemas.records.frame import Follower, Passage, Posting, Proof, Resolution


class JudgementKind(StrEnum):
    """What an analyst of the common database says of persons."""

    UNRECOGNISED = "UNRECOGNISED"
    SAME = "SAME"
    DIFFERENT = "DIFFERENT"
    UNSURE = "UNSURE"
    SPLIT = "SPLIT"
    UNDO = "UNDO"


class JudgementReason(StrEnum):
    """Why, as a code."""

    UNRECOGNISED = "UNRECOGNISED"
    SAME_NUMBER = "SAME_NUMBER"
    SAME_DOCUMENT = "SAME_DOCUMENT"
    SAME_BIOMETRY = "SAME_BIOMETRY"
    CONFIRMED_BY_SOURCE = "CONFIRMED_BY_SOURCE"
    DIFFERENT_NUMBER = "DIFFERENT_NUMBER"
    DIFFERENT_DOCUMENT = "DIFFERENT_DOCUMENT"
    DIFFERENT_BIOMETRY = "DIFFERENT_BIOMETRY"
    TWIN_OR_RELATIVE = "TWIN_OR_RELATIVE"
    NAMESAKE = "NAMESAKE"
    TOO_LITTLE_KNOWN = "TOO_LITTLE_KNOWN"
    MISTAKEN_JUDGEMENT = "MISTAKEN_JUDGEMENT"


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgementHeader:
    """What an analyst decides of persons: who, why, and under which file."""

    judgement_id: UUID
    participant: str
    user: str
    kind: JudgementKind
    review_id: UUID | None = None
    persons: tuple[str, ...]
    mentions: tuple[UUID, ...]
    undoes: UUID | None = None
    reason: JudgementReason
    file: str
    judged_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """Posting: a judgement of an analyst."""

    header: JudgementHeader
    proof: Proof
    passage: Passage | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """A mention that is another person's from now on."""

    mention_id: UUID
    before: str
    after: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonState:
    """A person that a judgement touched, as it is from now on; order: its holders, in the order of registration."""

    reference: str
    aliases: tuple[str, ...]
    order: tuple[Follower, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RevisedSignal:
    """A current signal whose persons or followers changed; known: how many of its person's holders stand before it."""

    posting: Posting
    signal_id: UUID
    case_key: bytes
    bundle: str
    registered_as: UUID
    person: str
    known: int


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgementApplied:
    """repertory: what a judgement did; the common database is rebuilt from it."""

    event_id: UUID
    judgement_id: UUID
    posting: Posting
    participant: str
    kind: JudgementKind
    review_id: UUID | None = None
    references: tuple[str, ...]
    mentions: tuple[UUID, ...]
    undoes: UUID | None = None
    refused_for: str | None = None
    moves: tuple[Move, ...]
    persons: tuple[PersonState, ...]
    revised: tuple[RevisedSignal, ...]
    applied_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Revision:
    """resolved: a signal resolved before is about another person, or known to others, because of a judgement."""

    revision_id: UUID
    judgement_id: UUID
    posting: Posting
    originator: str
    signal_id: UUID
    case_key: bytes
    bundle: str
    resolution: Resolution
    revised_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class PseudonymChange:
    """in.<participant>: other pseudonyms for the persons of a view that this recipient holds."""

    output_id: UUID
    recipient: str
    decision_id: UUID
    originator: str
    view: UUID
    persons: tuple[str, ...]
    changed_at: datetime
