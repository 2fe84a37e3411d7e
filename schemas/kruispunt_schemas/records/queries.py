"""Questions to the common database, their answers, and what oversight is told of them.

Rules: each mirrors the Avro record of its name. Only a query as posted names a subject; nothing that lasts does.
Must not: hold behaviour.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from kruispunt_schemas.records.frame import Commitment, Passage, Posting, Proof
from kruispunt_schemas.records.sections import EntityCategory, EntityStatus, Purpose, Subject


class QueryOutcome(StrEnum):
    """What an answer gives; NOTHING is the same for no hit and for no right."""

    UNRECOGNISED = "UNRECOGNISED"
    NOTHING = "NOTHING"
    HIT = "HIT"
    CARD = "CARD"
    FULL = "FULL"


class QueryConcern(StrEnum):
    """What oversight is told of a query."""

    UNRECOGNISED = "UNRECOGNISED"
    NO_PURPOSE = "NO_PURPOSE"
    PURPOSE_NOT_OWN = "PURPOSE_NOT_OWN"
    NO_FILE = "NO_FILE"
    NO_TIE = "NO_TIE"
    SWEEPING = "SWEEPING"
    SCREENING_LAPSED = "SCREENING_LAPSED"


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryHeader:
    """Who asks about a person, for what purpose and under which file."""

    query_id: UUID
    participant: str
    user: str
    purpose: Purpose | None = None
    file: str | None = None
    asked_at: datetime
    commitments: tuple[Commitment, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """Posting: a question whether the common database knows a person."""

    header: QueryHeader
    subject: Subject | None = None
    proof: Proof
    passage: Passage | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """A participant that holds information about a person."""

    participant: str
    capacity: str
    since: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class AnsweredPerson:
    """A person that a query found, as far as the asker's tier goes."""

    pseudonym: str
    contacts: tuple[str, ...]
    status: EntityStatus | None = None
    categories: tuple[EntityCategory, ...]
    holders: tuple[Holder, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """in.<participant>: the answer to a query."""

    output_id: UUID
    query_id: UUID
    outcome: QueryOutcome
    persons: tuple[AnsweredPerson, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryAnswered:
    """audit.access: what a query was answered; found: references, whatever was answered."""

    event_id: UUID
    query_id: UUID
    posting: Posting
    participant: str
    bundle: str
    tier: str
    outcome: QueryOutcome
    found: tuple[str, ...]
    concerns: tuple[QueryConcern, ...]
    digest: bytes
    answered_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessAlert:
    """in.<oversight body>: a query that oversight should look at."""

    output_id: UUID
    recipient: str
    query_id: UUID
    participant: str
    user: str
    concerns: tuple[QueryConcern, ...]
    raised_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class EntityRegistered:
    """An entity of the common database as a signal states it."""

    reference: str
    status: EntityStatus
    categories: tuple[EntityCategory, ...]
    review_due_on: date | None = None
