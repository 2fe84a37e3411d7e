"""The claims of resolve: everything that its outputs depend on, in one transaction, before the first send.

Rules
-----
1. Locks on stripes are taken in a statement of their own, sorted, before anything is read: two workers that resolve
   the same new person at once would otherwise split it in two. An alias's case is locked once it is known.
2. A position claimed before is answered with what was claimed: a retry never decides again.
3. What is claimed and not marked is published again; marking comes after delivery.
4. A version is not claimed while an earlier one of its case, from another partition, is still being published (a
   correction of an alias travels on another partition than its case): else route would see them in the wrong order. It
   waits, but not for one that was set aside in quarantine. Nor are two such versions ever claimed together: what was
   claimed is published again in whatever order it is read again.

Must not: decide (`resolution` does) or publish.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from kruispunt_schemas import codec
from kruispunt_schemas import schema as schemas
from kruispunt_schemas.failures import AwaitedError, ContractError
from kruispunt_schemas.records.backbone import RepertoryEvent, RepertoryKind, Review
from kruispunt_schemas.records.frame import Posting
from sqlalchemy import (
    ARRAY,
    Column,
    ColumnElement,
    LargeBinary,
    Row,
    TableValuedAlias,
    and_,
    any_,
    cast,
    func,
    select,
    text,
    union,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from kruispunt_processors.database.arrays import insert_rows, rows_of
from kruispunt_processors.database.connection import transaction
from kruispunt_processors.database.tables import claim, holding, mention, mention_key, person
from kruispunt_processors.resolve.resolution import Candidate, Kept, Known, Registered, Resolved, resolve

STRIPES: Final = 1024
_RESOLVE_LOCKS: Final = 1
STALE: Final = "STALE"

Position = tuple[str, int]
"""Participant and offset on its topic."""
Partition = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Claimed:
    """What is claimed for a position: ``event`` None when the version came too late."""

    position: Position
    event: RepertoryEvent | None
    review: Review | None
    marked: bool


async def claim_batch(
    engine: AsyncEngine, candidates: Sequence[Candidate], now: datetime
) -> dict[Position, Claimed]:
    """Claim a batch (each position once, in the order of arrival) and return what is claimed for each position."""
    async with transaction(engine) as connection:
        await _lock(connection, _stripes(candidates))
        claimed = await _claimed(connection, candidates)
        fresh = [candidate for candidate in candidates if position(candidate.posting) not in claimed]
        if fresh:
            known = await _known(connection, fresh, _own(candidates))
            outcomes = resolve(fresh, known, now)
            _refuse_together(outcomes)
            await _store(connection, outcomes)
            for item in outcomes:
                where = position(item.candidate.posting)
                claimed[where] = Claimed(where, item.event, item.review, marked=False)
    return claimed


async def mark(engine: AsyncEngine, positions: Iterable[Position]) -> None:
    """Mark positions as published."""
    done = sorted(positions)
    if done:
        async with transaction(engine) as connection:
            ours = rows_of("ours", _PLACE, done)
            await connection.execute(
                update(claim)
                .where(claim.c.participant == ours.c.participant, claim.c.offset == ours.c.offset)
                .values(marked=True)
            )


async def set_aside(engine: AsyncEngine, where: Position) -> None:
    """Note that a claimed position went to quarantine: later versions of its case no longer wait for it.

    It stays unmarked, so that a retry publishes what was claimed.
    """
    async with transaction(engine) as connection:
        await connection.execute(
            update(claim)
            .where(claim.c.participant == where[0], claim.c.offset == where[1])
            .values(set_aside=True)
        )


def position(posting: Posting) -> Position:
    """Return the key of a posting's row."""
    return posting.participant, posting.offset


async def lock_stripes(connection: AsyncConnection, kind: int, stripes: Iterable[int]) -> None:
    """Take the advisory locks of these stripes until the end of the transaction, in ascending order."""
    await connection.execute(
        text("select pg_advisory_xact_lock(:kind, stripe) from unnest(cast(:stripes as int[])) as stripe"),
        {"kind": kind, "stripes": sorted(set(stripes))},
    )


def stripe(*parts: bytes) -> int:
    """Return the stripe that a key falls on."""
    return int.from_bytes(hashlib.sha256(b"\x00".join(parts)).digest()[:4], "big") % STRIPES


def _stripes(candidates: Iterable[Candidate]) -> set[int]:
    found: set[int] = set()
    for item in candidates:
        originator = item.header.originator.encode()
        found.add(stripe(b"signal", originator, item.header.signal_id.bytes))
        found.add(stripe(b"case", item.case_key))
        if item.content_fingerprint is not None:
            found.add(stripe(b"content", item.content_fingerprint))
        if item.mention is not None:
            found.update(stripe(b"person", key) for key in item.mention.keys)
    return found


async def _lock(connection: AsyncConnection, stripes: set[int]) -> None:
    await lock_stripes(connection, _RESOLVE_LOCKS, stripes)


async def _claimed(connection: AsyncConnection, candidates: Sequence[Candidate]) -> dict[Position, Claimed]:
    """Return what is claimed; raise ContractError when a position was claimed for another signal."""
    wanted = {position(item.posting): item.header.signal_id for item in candidates}
    ours = rows_of("ours", _PLACE, wanted)
    rows = await connection.execute(
        select(
            claim.c.participant,
            claim.c.offset,
            claim.c.signal_id,
            claim.c.event,
            claim.c.review,
            claim.c.marked,
        ).join(ours, _same(ours, _PLACE))
    )
    found: dict[Position, Claimed] = {}
    for row in rows:
        where = (row.participant, row.offset)
        if row.signal_id != wanted[where]:
            raise ContractError(
                "position-reused", "passage.posting", "its position was claimed for another signal"
            )
        found[where] = _read(row)
    return found


def _read(row: Row[*tuple[Any, ...]]) -> Claimed:
    event = (
        None if row.event is None else codec.decode(schemas.load("RepertoryEvent"), row.event, RepertoryEvent)
    )
    review = None if row.review is None else codec.decode(schemas.load("Review"), row.review, Review)
    return Claimed((row.participant, row.offset), event, review, row.marked)


_VERSION_COLUMNS: Final = (
    claim.c.participant,
    claim.c.offset,
    claim.c.appended_at,
    claim.c.originator,
    claim.c.signal_id,
    claim.c.version,
    claim.c.case_key,
    claim.c.canonical_case_key,
    claim.c.content_fingerprint,
    claim.c.superseded_at,
    claim.c.marked,
    claim.c.set_aside,
)
"""What a version says of itself; its event stays where it is, for a long history would be read whole."""


_PLACE: Final = (claim.c.participant, claim.c.offset)
_SIGNAL: Final = (claim.c.originator, claim.c.signal_id)
_CONTENT: Final = (claim.c.originator, claim.c.content_fingerprint)


def _same(ours: TableValuedAlias, columns: Sequence[Column[Any]]) -> ColumnElement[bool]:
    return and_(*(column == ours.c[column.name] for column in columns))


def _own(candidates: Sequence[Candidate]) -> set[Position]:
    """Return the positions that this batch publishes itself, in order: none where it comes from several partitions."""
    one_place = len({item.place for item in candidates}) == 1
    return {position(item.posting) for item in candidates} if one_place else set()


def _refuse_together(outcomes: Sequence[Resolved]) -> None:
    """Raise AwaitedError when a version supersedes one that this batch has from another partition (rule 4)."""
    places: dict[tuple[str, UUID], Partition] = {}
    for item in outcomes:
        header, place = item.candidate.header, item.candidate.place
        for signal in item.event.supersedes if item.event is not None else ():
            if places.get((header.originator, signal), place) != place:
                raise AwaitedError(
                    "an earlier version of a case is in the same batch, from another partition"
                )
        places[(header.originator, header.signal_id)] = place


async def _known(
    connection: AsyncConnection, fresh: Sequence[Candidate], batch: AbstractSet[Position]
) -> Known:
    known = Known()
    signals = [(item.header.originator, item.header.signal_id) for item in fresh]
    contents = [
        (item.header.originator, item.content_fingerprint)
        for item in fresh
        if item.content_fingerprint is not None
    ]
    cases = {item.case_key for item in fresh} | await _related_cases(connection, known, fresh, contents)
    by_signal = rows_of("signals", _SIGNAL, signals)
    by_content = rows_of("contents", _CONTENT, contents)
    by_case = rows_of("cases", (claim.c.canonical_case_key,), ((key,) for key in cases))
    registered = claim.c.verdict == RepertoryKind.REGISTERED.value
    rows = await connection.execute(
        union(
            select(*_VERSION_COLUMNS).join(by_signal, _same(by_signal, _SIGNAL)).where(registered),
            select(*_VERSION_COLUMNS).join(by_content, _same(by_content, _CONTENT)).where(registered),
            select(*_VERSION_COLUMNS)
            .join(by_case, _same(by_case, (claim.c.canonical_case_key,)))
            .where(registered),
        )
    )
    for row in rows:
        posting = Posting(participant=row.participant, offset=row.offset, appended_at=row.appended_at)
        known.signals[(row.originator, row.signal_id)] = posting
        if row.content_fingerprint is not None:
            known.contents.setdefault((row.originator, row.content_fingerprint), []).append(
                Kept(posting, row.canonical_case_key, row.superseded_at)
            )
        unfinished = not row.marked and not row.set_aside
        if unfinished and row.canonical_case_key in cases and position(posting) not in batch:
            raise AwaitedError("an earlier version of a case is being published")
        version = Registered(posting, row.signal_id, row.version, row.case_key)
        known.cases.setdefault(row.canonical_case_key, []).append(version)
    await _known_repeats(connection, known, signals)
    await _known_persons(connection, known, fresh)
    return known


async def _related_cases(
    connection: AsyncConnection,
    known: Known,
    fresh: Sequence[Candidate],
    contents: Sequence[tuple[str, bytes]],
) -> set[bytes]:
    """Return the cases that the candidates belong to under another key, known aliases noted; they are locked.

    A reference belongs to another case when it is an alias already, or becomes one in this very batch because its
    content is known: both need every version of that case, for a correction may follow in the same batch.
    """
    own = {item.case_key for item in fresh}
    by_case = rows_of("cases", (claim.c.case_key,), ((key,) for key in own))
    by_content = rows_of("contents", _CONTENT, contents)
    columns = (claim.c.case_key, claim.c.canonical_case_key, claim.c.appended_at)
    rows = await connection.execute(
        union(
            select(*columns).join(by_case, _same(by_case, (claim.c.case_key,))),
            select(*columns).join(by_content, _same(by_content, _CONTENT)),
        ).order_by("appended_at")
    )
    related: set[bytes] = set()
    for row in rows:
        related.add(row.canonical_case_key)
        if row.case_key in own and row.case_key != row.canonical_case_key:
            known.aliases.setdefault(row.case_key, row.canonical_case_key)
    related -= own
    if related:
        await _lock(connection, {stripe(b"case", key) for key in related})
    return related


async def _known_repeats(
    connection: AsyncConnection, known: Known, signals: Sequence[tuple[str, UUID]]
) -> None:
    """Add the signals that were dropped for their content: the repeat of one is the same signal again."""
    ours = rows_of("ours", _SIGNAL, signals)
    rows = await connection.execute(
        select(claim.c.originator, claim.c.signal_id, claim.c.event)
        .join(ours, _same(ours, _SIGNAL))
        .where(claim.c.verdict == RepertoryKind.DUPLICATE.value)
    )
    for row in rows:
        event = codec.decode(schemas.load("RepertoryEvent"), row.event, RepertoryEvent)
        if event.duplicate_of is not None:
            known.signals.setdefault((row.originator, row.signal_id), event.duplicate_of)


async def _known_persons(connection: AsyncConnection, known: Known, fresh: Sequence[Candidate]) -> None:
    keys = {key for item in fresh if item.mention is not None for key in item.mention.keys}
    if not keys:
        return
    rows = await connection.execute(
        select(mention_key.c.key, mention_key.c.reference)
        # One array, for a statement has 32,767 parameters at most and a hostile signal many names.
        .where(mention_key.c.key == any_(cast(sorted(keys), ARRAY(LargeBinary))))
        .distinct()
    )
    for row in rows:
        known.persons[row.key] = known.persons.get(row.key, frozenset()) | {row.reference}


async def _store(connection: AsyncConnection, outcomes: Sequence[Resolved]) -> None:
    await insert_rows(connection, claim, [_row(item) for item in outcomes])
    events = [item.event for item in outcomes if item.event is not None]
    await _supersede(connection, events)
    persons = [row for event in events for row in event.persons]
    since = {row.reference: event.posting.appended_at for event in reversed(events) for row in event.persons}
    await insert_rows(
        connection,
        person,
        [{"reference": reference, "since": at} for reference, at in sorted(since.items())],
        once=True,
    )
    await insert_rows(
        connection,
        mention,
        [
            {"mention_id": row.mention_id, "reference": row.reference, "sealed_identity": row.sealed_identity}
            for row in persons
        ],
    )
    await insert_rows(
        connection,
        mention_key,
        [
            {"key": key, "mention_id": row.mention_id, "reference": row.reference}
            for row in persons
            for key in row.keys
        ],
    )
    await insert_rows(
        connection,
        holding,
        [
            {
                "participant": row.participant,
                "reference": row.reference,
                "capacity": row.capacity,
                "since": row.since,
            }
            for event in events
            for row in event.holdings
        ],
        once=True,
    )


async def _supersede(connection: AsyncConnection, events: Sequence[RepertoryEvent]) -> None:
    """Note at which offset the versions that these events supersede were replaced; the first to do so counts."""
    first: dict[tuple[str, UUID], int] = {}
    for event in events:
        for signal in event.supersedes:
            first.setdefault((event.originator, signal), event.posting.offset)
    if not first:
        return
    columns = (claim.c.originator, claim.c.signal_id, claim.c.offset)
    later = rows_of("later", columns, ((*signal, offset) for signal, offset in first.items()))
    await connection.execute(
        update(claim)
        .where(
            claim.c.originator == later.c.originator,
            claim.c.signal_id == later.c.signal_id,
            claim.c.verdict == RepertoryKind.REGISTERED.value,
            claim.c.superseded_at.is_(None),
        )
        .values(superseded_at=later.c.offset)
    )


def _row(item: Resolved) -> dict[str, object]:
    header, posting = item.candidate.header, item.candidate.posting
    return {
        "participant": posting.participant,
        "offset": posting.offset,
        "appended_at": posting.appended_at,
        "originator": header.originator,
        "signal_id": header.signal_id,
        "version": header.version,
        "verdict": item.event.kind.value if item.event else STALE,
        "case_key": item.candidate.case_key,
        "canonical_case_key": item.canonical_case_key,
        "content_fingerprint": item.candidate.content_fingerprint,
        "superseded_at": None,
        "event": codec.encode(item.event) if item.event else None,
        "review": codec.encode(item.review) if item.review else None,
        "marked": False,
        "set_aside": False,
    }


async def unmarked(engine: AsyncEngine) -> int:
    """Return how many claims are not marked yet."""
    async with transaction(engine) as connection:
        found = await connection.execute(
            select(func.count()).select_from(claim).where(claim.c.marked.is_(False))
        )
        return int(found.scalar_one())
