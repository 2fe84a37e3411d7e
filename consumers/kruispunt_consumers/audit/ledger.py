"""The ledger: what each topic says of each posting, small enough to hold for all of them.

Rules
-----
1. A place (participant, offset) names a posting. Content is held as digests; a signal's bytes never stay here.
2. The same record again is harmless and counted; another content for the same place is a conflict (rule A5), unless
   an operator retried the posting: then the last one counts.
3. Equal parts of decisions are held once: a policy has few outcomes.

Must not: judge, except that two contents are two contents.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple, Protocol, TypeVar
from uuid import UUID

from kruispunt_schemas.records.backbone import Decision, DuplicateKind, Stage, Verdict
from kruispunt_schemas.records.frame import Follower, Posting
from kruispunt_schemas.records.postings import ReceiptResult

from kruispunt_consumers.audit.findings import Docket, Rule


class Place(NamedTuple):
    """The name of a posting."""

    participant: str
    offset: int

    def __str__(self) -> str:
        """Return ``participant/offset``."""
        return f"{self.participant}/{self.offset}"


def place_of(posting: Posting) -> Place:
    """Return the name of a posting."""
    return Place(posting.participant, posting.offset)


@dataclass(frozen=True, slots=True)
class Scope:
    """Which postings a replay looks at; everything else is read where it is needed and not judged."""

    participants: frozenset[str] | None = None
    since: datetime | None = None

    def covers(self, participant: str, at: datetime) -> bool:
        """Tell whether a posting is looked at."""
        return (self.participants is None or participant in self.participants) and (
            self.since is None or at >= self.since
        )


class PostedKind(StrEnum):
    """What lies at a place of ``out.*``."""

    SIGNAL = "signal"
    ACCESS = "access"
    UNREADABLE = "unreadable"
    UNKNOWN_SCHEMA = "unknown schema"


@dataclass(frozen=True, slots=True)
class Posted:
    """A posting once it was examined. refused_for: why this audit would refuse it, None when it finds nothing.

    ``header``, ``proof`` and ``signed`` are SHA-256 digests; ``present`` names the sections that are not null.
    """

    kind: PostedKind
    record_type: str | None
    at: datetime
    signal_id: UUID | None = None
    originator: str | None = None
    header: bytes = b""
    proof: bytes = b""
    signed: bytes = b""
    present: frozenset[str] = frozenset()
    refused_for: str | None = None


@dataclass(frozen=True, slots=True)
class Passed:
    """What ``admitted`` or ``resolved`` says; supersedes is None before resolution."""

    posting: Posting
    digest: bytes
    seen_at: datetime
    signed: bytes
    bundle: str
    supersedes: tuple[UUID, ...] | None
    followers: tuple[Follower, ...] = ()


@dataclass(frozen=True, slots=True)
class Refusal:
    """What ``quarantine`` says. value: digest of the bytes held; signed: of the signed bytes in them when readable."""

    posting: Posting
    digest: bytes
    seen_at: datetime
    entry_id: UUID
    stage: Stage
    reason: str
    field: str
    record_type: str | None
    bundle: str | None
    value: bytes
    headers: bytes
    signed: bytes | None


@dataclass(frozen=True, slots=True)
class Registered:
    """What ``repertory`` says; duplicate_of is None for a signal that was kept.

    holdings: participant and person of each that it registers.
    """

    posting: Posting
    digest: bytes
    seen_at: datetime
    event_id: UUID
    originator: str
    signal_type: str
    signal_id: UUID
    version: int
    canonical_case_key: bytes
    bundle: str
    supersedes: tuple[UUID, ...]
    duplicate_kind: DuplicateKind | None
    duplicate_of: Posting | None
    persons: tuple[str, ...]
    holdings: tuple[tuple[str, str], ...]
    followers: tuple[Follower, ...]


@dataclass(frozen=True, slots=True)
class Decided:
    """What ``audit.decisions`` says."""

    posting: Posting
    digest: bytes
    seen_at: datetime
    decision: Decision


@dataclass(frozen=True, slots=True)
class Accessed:
    """What ``audit.access`` says: a receipt (result set) or a consultation."""

    posting: Posting
    digest: bytes
    seen_at: datetime
    record_type: str
    participant: str
    signed: bytes
    bundle: str
    output_id: UUID
    result: ReceiptResult | None


@dataclass(frozen=True, slots=True)
class Told:
    """A status on ``in.<owner>``."""

    posting: Posting
    digest: bytes
    seen_at: datetime
    verdict: Verdict
    reason: str | None


class Entry(Protocol):
    """What every entry says of itself."""

    @property
    def posting(self) -> Posting:
        """The posting it is about, as the record cites it."""

    @property
    def digest(self) -> bytes:
        """SHA-256 of the record's Avro bytes."""

    @property
    def seen_at(self) -> datetime:
        """When the broker took the record."""


E = TypeVar("E", bound=Entry)
H = TypeVar("H", bound=Hashable)


@dataclass(slots=True)
class Ledger:
    """Entries by place; see the module."""

    docket: Docket
    refusals: dict[Place, Refusal] = field(default_factory=dict)
    admitted: dict[Place, Passed] = field(default_factory=dict)
    resolved: dict[Place, Passed] = field(default_factory=dict)
    registered: dict[Place, Registered] = field(default_factory=dict)
    decided: dict[Place, Decided] = field(default_factory=dict)
    accessed: dict[Place, Accessed] = field(default_factory=dict)
    told: dict[Place, Told] = field(default_factory=dict)
    posted: dict[Place, Posted] = field(default_factory=dict)
    retried: set[Place] = field(default_factory=set)
    versions: dict[tuple[str, UUID], list[Place]] = field(default_factory=dict)
    repeats: int = 0
    _interned: dict[Hashable, Hashable] = field(default_factory=dict)

    def enter(self, entries: dict[Place, E], entry: E, topic: str) -> None:
        """Enter what a topic says of a posting (rule A5)."""
        place = place_of(entry.posting)
        before = entries.get(place)
        if before is None:
            entries[place] = entry
            self.docket.passed(Rule.RECORDS_SOUND)
            return
        if before.digest == entry.digest:
            self.repeats += 1
        elif place in self.retried:
            if entry.seen_at >= before.seen_at:
                entries[place] = entry
        else:
            self.docket.fail(Rule.RECORDS_SOUND, place, f"{topic} holds two different records of it")

    def register(self, entry: Registered) -> None:
        """Enter a repertory event; a follower that many events cite becomes one object."""
        self.enter(self.registered, replace(entry, followers=self._held_once(entry.followers)), "repertory")

    def resolve(self, entry: Passed) -> None:
        """Enter what was resolved; followers as in `register`."""
        self.enter(self.resolved, replace(entry, followers=self._held_once(entry.followers)), "resolved")

    def followers(self, place: Place) -> tuple[Follower, ...]:
        """Return the followers that the repertory event of a posting cites.

        While the event is not there (rule A4 says so), what was resolved stands in for it.
        """
        said = self.registered.get(place) or self.resolved.get(place)
        return () if said is None else said.followers

    def _held_once(self, followers: tuple[Follower, ...]) -> tuple[Follower, ...]:
        return tuple(self.interned(follower) for follower in followers)

    def decide(self, entry: Decided) -> None:
        """Enter a decision; equal groups of different decisions become one object."""
        decision = entry.decision
        small = replace(
            decision,
            evidence=self.interned(decision.evidence),
            groups=tuple(replace(group, sections=self.interned(group.sections)) for group in decision.groups),
        )
        place = place_of(entry.posting)
        if place not in self.decided:
            self.versions.setdefault((decision.originator, decision.signal_id), []).append(place)
        self.enter(self.decided, replace(entry, decision=small), "audit.decisions")

    def superseded(self, decision: Decision) -> list[Decision]:
        """Return the decisions on the versions that a decision says it supersedes."""
        return [
            self.decided[place].decision
            for signal_id in decision.supersedes
            for place in self.versions.get((decision.originator, signal_id), ())
        ]

    def interned(self, value: H) -> H:
        """Return the one object that is held for equal values."""
        return self._interned.setdefault(value, value)  # type: ignore[return-value]

    def places(self) -> Iterable[Place]:
        """Return every posting that any backbone record speaks of."""
        topics: tuple[dict[Place, object], ...] = (
            self.refusals,  # type: ignore[assignment]
            self.admitted,
            self.resolved,
            self.registered,
            self.decided,
            self.accessed,
        )
        return {place for entries in topics for place in entries}
