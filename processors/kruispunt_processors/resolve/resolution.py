"""New, repeated or late? The pure part of resolve: candidates in order against what is known.

Rules, in this order
--------------------
1. The same signal (originator, id) at another position is a duplicate (SAME_SIGNAL).
2. An original with the content of a signal of the same originator that was current when it was posted is a duplicate
   (SAME_CONTENT); its reference becomes an alias, so that its corrections find the case that was kept. "Current when
   posted" is judged by offsets on the originator's topic, for cases travel on several partitions. What stays open to
   the order of reading: which of two equal postings is kept, and a content that comes back after its correction while
   all three are under way.
3. A version that is not newer than one known of the same reference is stale: it came too late to be decided.
4. Anything else is registered; it supersedes the versions known of its case. But a recall through an alias takes back
   its own versions only: an agency that clears up a double entry keeps the case. The same event from two agencies is
   never dropped: rules 1 and 2 hold within one originator.
5. Mentions, persons and holdings only for unclassified signals: the common database is unclassified.
6. The followers of a signal are the participants that held its person before it was registered, each with the event of
   its first holding: within a batch too, in the order of arrival. An earlier holding of the originator's own is among
   them, for the auditor; it gives the originator no ground (`facts`). A holding stays when its signal is recalled or
   superseded: that the participant knows the person is not undone. Followers of the other candidates of an ambiguous
   mention do not count until an analyst has decided.

`Known` is changed as candidates are resolved, so that a batch may hold a repeat of itself.
Must not: read the database or a clock.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from kruispunt_schemas import identity
from kruispunt_schemas.records.backbone import (
    DuplicateKind,
    HoldingRegistered,
    PersonRegistered,
    RepertoryEvent,
    RepertoryKind,
    Review,
)
from kruispunt_schemas.records.frame import Follower, Header, Lifecycle, Posting

from kruispunt_processors.persons.mentions import Mention
from kruispunt_processors.persons.model import Model
from kruispunt_processors.resolve.identification import KnownMention, Match, match


@dataclass(frozen=True, slots=True)
class Candidate:
    """A signal admitted, as resolve needs it: no content. place: the partition that it was read from."""

    place: tuple[str, int]
    posting: Posting
    header: Header
    bundle: str
    case_key: bytes
    content_fingerprint: bytes | None
    mention: Mention | None


@dataclass(frozen=True, slots=True)
class Registered:
    """A version known of a case."""

    posting: Posting
    signal_id: UUID
    version: int
    case_key: bytes


@dataclass(slots=True)
class Kept:
    """A registered content: ``superseded_at`` is the offset of the posting that replaced it, None while current."""

    posting: Posting
    canonical_case_key: bytes
    superseded_at: int | None = None

    def current_for(self, posting: Posting) -> bool:
        """Tell whether it was current when another signal of the same originator was posted."""
        return self.superseded_at is None or self.superseded_at > posting.offset


@dataclass(slots=True)
class Known:
    """What the database knows that matters to a batch.

    mentions: by blocking key. holdings: by person and participant the event of the first holding. as_of: by person the
    last judgement that touched it. apart: by mention the persons that it was judged not to be.
    """

    signals: dict[tuple[str, UUID], Posting] = field(default_factory=dict)
    contents: dict[tuple[str, bytes], list[Kept]] = field(default_factory=dict)
    aliases: dict[bytes, bytes] = field(default_factory=dict)
    cases: dict[bytes, list[Registered]] = field(default_factory=dict)
    mentions: dict[int, list[KnownMention]] = field(default_factory=dict)
    holdings: dict[str, dict[str, UUID]] = field(default_factory=dict)
    as_of: dict[str, UUID] = field(default_factory=dict)
    apart: dict[UUID, frozenset[str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Resolved:
    """The outcome of a candidate: ``event`` None when it is stale."""

    candidate: Candidate
    canonical_case_key: bytes
    event: RepertoryEvent | None
    review: Review | None = None


def resolve(candidates: Iterable[Candidate], known: Known, now: datetime, model: Model) -> list[Resolved]:
    """Return the outcome of each candidate, in order. model: the weights by which persons are told apart."""
    return [_resolve(candidate, known, now, model) for candidate in candidates]


def _resolve(candidate: Candidate, known: Known, now: datetime, model: Model) -> Resolved:
    header = candidate.header
    canonical = known.aliases.get(candidate.case_key, candidate.case_key)
    # 1.
    kept = known.signals.get((header.originator, header.signal_id))
    if kept is not None:
        return _duplicate(candidate, canonical, DuplicateKind.SAME_SIGNAL, kept, now)
    # 2.
    content = candidate.content_fingerprint
    if header.lifecycle is Lifecycle.ORIGINAL and content is not None:
        same = next(
            (
                item
                for item in known.contents.get((header.originator, content), ())
                if item.current_for(candidate.posting)
            ),
            None,
        )
        if same is not None:
            known.aliases[candidate.case_key] = same.canonical_case_key
            known.signals[(header.originator, header.signal_id)] = same.posting
            return _duplicate(
                candidate, same.canonical_case_key, DuplicateKind.SAME_CONTENT, same.posting, now
            )
    # 3.
    versions = known.cases.setdefault(canonical, [])
    if any(item.case_key == candidate.case_key and item.version >= header.version for item in versions):
        return Resolved(candidate, canonical, None)
    # 4.
    return _registered(candidate, canonical, known, now, model)


def _duplicate(
    candidate: Candidate, canonical: bytes, kind: DuplicateKind, kept: Posting, now: datetime
) -> Resolved:
    return Resolved(candidate, canonical, _event(candidate, canonical, now, duplicate=(kind, kept)))


def _registered(
    candidate: Candidate, canonical: bytes, known: Known, now: datetime, model: Model
) -> Resolved:
    header = candidate.header
    versions = known.cases[canonical]
    aliased_recall = header.lifecycle is Lifecycle.RECALL and canonical != candidate.case_key
    overtaken = [item for item in versions if not aliased_recall or item.case_key == candidate.case_key]
    supersedes = tuple(sorted(item.signal_id for item in overtaken))
    found = _Subject()
    # 5.
    if candidate.mention is not None:
        found = _subject(candidate, candidate.mention, known, now, model)
    event = _event(
        candidate,
        canonical,
        now,
        supersedes=supersedes,
        subject=found,
    )
    known.signals[(header.originator, header.signal_id)] = candidate.posting
    superseded = {item.posting for item in overtaken}
    for item in (item for kept in known.contents.values() for item in kept) if superseded else ():
        if item.posting in superseded and item.superseded_at is None:
            item.superseded_at = candidate.posting.offset
    if candidate.content_fingerprint is not None:
        kept = known.contents.setdefault((header.originator, candidate.content_fingerprint), [])
        kept.append(Kept(candidate.posting, canonical))
    versions.append(Registered(candidate.posting, header.signal_id, header.version, candidate.case_key))
    return Resolved(candidate, canonical, event, found.review)


@dataclass(frozen=True, slots=True)
class _Subject:
    """What a signal founds for the person that it is about."""

    persons: tuple[PersonRegistered, ...] = ()
    holdings: tuple[HoldingRegistered, ...] = ()
    followers: tuple[Follower, ...] = ()
    as_of: UUID | None = None
    review: Review | None = None


def _subject(candidate: Candidate, mention: Mention, known: Known, now: datetime, model: Model) -> _Subject:
    header, posting = candidate.header, candidate.posting
    matched = match(known.mentions, mention, posting, model, known.apart.get(mention.mention_id, frozenset()))
    person = matched.person
    for key in mention.keys:
        known.mentions.setdefault(key.value, []).append(
            KnownMention(mention.mention_id, person.reference, mention.particulars)
        )
    held = HoldingRegistered(
        participant=header.originator,
        reference=person.reference,
        capacity=header.signal_type,
        since=posting.appended_at,
    )
    # 6.
    first = known.holdings.setdefault(person.reference, {})
    followers = tuple(
        Follower(participant=participant, event=event) for participant, event in sorted(first.items())
    )
    first.setdefault(header.originator, identity.event_id(posting))
    review = _review(candidate, matched, now) if matched.candidates else None
    return _Subject((person,), (held,), followers, known.as_of.get(person.reference), review)


def _event(
    candidate: Candidate,
    canonical: bytes,
    now: datetime,
    *,
    duplicate: tuple[DuplicateKind, Posting] | None = None,
    supersedes: tuple[UUID, ...] = (),
    subject: _Subject | None = None,
) -> RepertoryEvent:
    header, found = candidate.header, subject or _Subject()
    return RepertoryEvent(
        event_id=identity.event_id(candidate.posting),
        kind=RepertoryKind.DUPLICATE if duplicate else RepertoryKind.REGISTERED,
        posting=candidate.posting,
        originator=header.originator,
        signal_type=header.signal_type,
        signal_id=header.signal_id,
        version=header.version,
        case_key=candidate.case_key,
        canonical_case_key=canonical,
        content_fingerprint=candidate.content_fingerprint,
        bundle=candidate.bundle,
        registered_at=now,
        duplicate_kind=duplicate[0] if duplicate else None,
        duplicate_of=duplicate[1] if duplicate else None,
        supersedes=supersedes,
        persons=found.persons,
        holdings=found.holdings,
        followers=found.followers,
        as_of=found.as_of,
    )


def first_holding(event: RepertoryEvent, participant: str) -> UUID:
    """Return the event that registered a participant's first holding of the person of this event: an earlier one, or this.

    A rebuild from the topic ``repertory`` asks the same, so it needs no order of events. An event has one person.
    """
    cited = {follower.participant: follower.event for follower in event.followers}
    return cited.get(participant, event.event_id)


def _review(candidate: Candidate, matched: Match, now: datetime) -> Review:
    return Review(
        review_id=identity.review_id(candidate.posting),
        posting=candidate.posting,
        originator=candidate.header.originator,
        signal_id=candidate.header.signal_id,
        question="same-person",
        provisional=matched.person.reference,
        candidates=matched.candidates,
        raised_at=now,
        mention_id=matched.person.mention_id,
        model=matched.person.model,
    )
