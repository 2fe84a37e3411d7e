"""What the backbone writes: statuses, quarantine, repertory events, reviews, decisions, bundles.

Rules: references, commitments and decisions only; the one record with a signal's bytes is the quarantine entry.
Must not: hold behaviour.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from kruispunt_schemas.records.frame import Follower, Lifecycle, Posting, SignalName
from kruispunt_schemas.records.queries import EntityRegistered


@dataclass(frozen=True, slots=True, kw_only=True)
class BundleActivation:
    """audit.bundles: from when a bundle decides."""

    bundle: str
    in_force_from: datetime
    announced_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class BundleContent:
    """audit.bundles: policies, participants and territories, named by their SHA-256."""

    bundle: str
    content: bytes


class OutputKind(StrEnum):
    """What a recipient is sent; OWED: a view whose content has expired, to be asked of the source."""

    UNRECOGNISED = "UNRECOGNISED"
    VIEW = "VIEW"
    WITHDRAWAL = "WITHDRAWAL"
    PSEUDONYMS = "PSEUDONYMS"
    OWED = "OWED"


@dataclass(frozen=True, slots=True, kw_only=True)
class DecidedOutput:
    """What was sent to one recipient; its id follows from the rest.

    replaces: places among the views that there can be (`needtoknow.decisions`, rule 6).
    """

    recipient: str
    kind: OutputKind
    digest: bytes
    replaces: tuple[int, ...]


class EvidenceSource(StrEnum):
    """Kind of evidence."""

    UNRECOGNISED = "UNRECOGNISED"
    HEADER = "HEADER"
    SECTION = "SECTION"
    BUNDLE = "BUNDLE"
    REPERTORY = "REPERTORY"


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """Where facts can be found again."""

    source: EvidenceSource
    reference: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StatedFact:
    """A fact that the signal states: an enum, a set of enums with blanks between, or True."""

    fact: str
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FactHolders:
    """The participants of whom a fact holds because of what the signal says, as `bitmaps.pack` writes them."""

    fact: str
    members: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class SectionOutcome:
    """What the policy says of sections, the same of each of them."""

    sections: tuple[str, ...]
    released: bool
    grounds: tuple[str, ...]
    guards: tuple[str, ...]
    errors: int


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupOutcome:
    """Participants with the same outcome; a section of which no rule speaks is left out."""

    members: bytes | None = None
    size: int
    sections: tuple[SectionOutcome, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """audit.decisions: one for each signal version, refusals included, and one for each judgement that touches it.

    rounds: of a decision again the judgements of those before it, oldest first; of a first decision those in whose rounds a
    view that it replaces or withdraws was given, sorted.
    """

    decision_id: UUID
    posting: Posting
    originator: str
    signal_type: str
    signal_id: UUID
    version: int
    lifecycle: Lifecycle
    case_key: bytes
    bundle: str
    decided_at: datetime
    supersedes: tuple[UUID, ...]
    sections: tuple[str, ...]
    classification: int
    stated: tuple[StatedFact, ...]
    holders: tuple[FactHolders, ...]
    evidence: tuple[Evidence, ...]
    groups: tuple[GroupOutcome, ...]
    outputs: tuple[DecidedOutput, ...]
    judgement_id: UUID | None = None
    rounds: tuple[UUID, ...] = ()


class DuplicateKind(StrEnum):
    """Why a signal is a repeat."""

    UNRECOGNISED = "UNRECOGNISED"
    SAME_SIGNAL = "SAME_SIGNAL"
    SAME_CONTENT = "SAME_CONTENT"


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldingRegistered:
    """A participant holds information about a person."""

    participant: str
    reference: str
    capacity: str
    since: datetime


class MatchKind(StrEnum):
    """How a mention found its person."""

    UNRECOGNISED = "UNRECOGNISED"
    LINKED = "LINKED"
    NEW = "NEW"
    PROVISIONAL = "PROVISIONAL"


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonRegistered:
    """A person's first mention or a further one, and how it was found.

    posterior: in millionths. compared_with: the mention of that person that is most like it.
    """

    reference: str
    mention_id: UUID
    keys: tuple[bytes, ...]
    sealed_identity: bytes
    match: MatchKind = MatchKind.UNRECOGNISED
    model: str = ""
    posterior: int = 0
    found_by: tuple[str, ...] = ()
    compared_with: UUID | None = None
    runner_up: str | None = None
    guards: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RawHeader:
    """One Kafka header."""

    name: str
    value: bytes


class Stage(StrEnum):
    """A stage of the road."""

    UNRECOGNISED = "UNRECOGNISED"
    ADMIT = "ADMIT"
    RESOLVE = "RESOLVE"
    ROUTE = "ROUTE"
    ANSWER = "ANSWER"


@dataclass(frozen=True, slots=True, kw_only=True)
class QuarantineEntry:
    """quarantine: what a stage refused, with its bytes and a reason that names the field."""

    entry_id: UUID
    stage: Stage
    posting: Posting
    record_type: str | None = None
    signal_id: UUID | None = None
    reason: str
    field: str
    detail: str
    bundle: str | None = None
    value: bytes
    headers: tuple[RawHeader, ...]


class RepertoryKind(StrEnum):
    """What a repertory event records."""

    UNRECOGNISED = "UNRECOGNISED"
    REGISTERED = "REGISTERED"
    DUPLICATE = "DUPLICATE"


@dataclass(frozen=True, slots=True, kw_only=True)
class RepertoryEvent:
    """repertory: references and keyed hashes, never content; the common database is rebuilt from it.

    followers: who held a person of this signal before, sorted by participant; an earlier holding of the originator's
    own stands among them, the one that this event registers does not. as_of: the last judgement that touched the person
    before; followers are counted from its state.
    """

    event_id: UUID
    kind: RepertoryKind
    posting: Posting
    originator: str
    signal_type: str
    signal_id: UUID
    version: int
    case_key: bytes
    canonical_case_key: bytes
    content_fingerprint: bytes | None = None
    bundle: str
    registered_at: datetime
    duplicate_kind: DuplicateKind | None = None
    duplicate_of: Posting | None = None
    supersedes: tuple[UUID, ...]
    persons: tuple[PersonRegistered, ...]
    holdings: tuple[HoldingRegistered, ...]
    followers: tuple[Follower, ...] = ()
    as_of: UUID | None = None
    event_key: bytes | None = None
    corroborates: tuple[SignalName, ...] = ()
    entities: tuple[EntityRegistered, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Review:
    """reviews: a question for an analyst; the stream does not wait for the answer."""

    review_id: UUID
    posting: Posting
    originator: str
    signal_id: UUID
    question: str
    provisional: str
    candidates: tuple[str, ...]
    raised_at: datetime
    mention_id: UUID | None = None
    model: str = ""


class Verdict(StrEnum):
    """What admission told the owner of the topic."""

    UNRECOGNISED = "UNRECOGNISED"
    ACCEPTED = "ACCEPTED"
    REFUSED = "REFUSED"


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """in.<participant>: what admission did with a posting; depends on that posting alone."""

    output_id: UUID
    posting: Posting
    record_type: str | None = None
    signal_id: UUID | None = None
    verdict: Verdict
    reason: str | None = None
    field: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Withdrawal:
    """in.<participant>: views that this recipient must withdraw; no content."""

    output_id: UUID
    recipient: str
    decision_id: UUID
    originator: str
    withdraws: tuple[UUID, ...]
    withdrawn_at: datetime
