"""The claims of resolve: everything that its outputs depend on, in one transaction, before the first send.

Rules
-----
1. Locks on stripes are taken in a statement of their own, sorted, before anything is read: two workers that resolve
   the same new person at once would otherwise split it in two.
2. A position claimed before is answered with what was claimed: a retry never decides again.
3. What is claimed and not marked is published again; marking comes after delivery.
4. A version is not claimed while an earlier one of its case, from another partition, is still being published (a
   correction of an alias travels on another partition than its case): else route would see them in the wrong order. It
   waits, but not for one that was set aside in quarantine. Nor are two such versions ever claimed together: what was
   claimed is published again in whatever order it is read again.

Must not: decide (`resolution` does), read the past (`known`) or publish.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from kruispunt_schemas import codec
from kruispunt_schemas import schema as schemas
from kruispunt_schemas.failures import AwaitedError, ContractError
from kruispunt_schemas.records.backbone import RepertoryEvent, RepertoryKind, Review
from kruispunt_schemas.topics import Partition
from sqlalchemy import (
    Row,
    and_,
    select,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from kruispunt_processors.database import directory
from kruispunt_processors.database.arrays import insert_rows, rows_of
from kruispunt_processors.database.connection import transaction
from kruispunt_processors.database.directory import KeysInForce
from kruispunt_processors.database.known import known_to
from kruispunt_processors.database.locks import RESOLVE, STRIPES, lock, stripe
from kruispunt_processors.database.tables import Position, claim, holding, position
from kruispunt_processors.persons import model
from kruispunt_processors.persons.mentions import Keyring
from kruispunt_processors.resolve.resolution import Candidate, Resolved, first_holding, resolve

STALE: Final = "STALE"


@dataclass(frozen=True, slots=True)
class Claimed:
    """What is claimed for a position: ``event`` None when the version came too late."""

    position: Position
    event: RepertoryEvent | None
    review: Review | None
    marked: bool


async def claim_batch(
    engine: AsyncEngine, candidates: Sequence[Candidate], now: datetime, keyring: Keyring
) -> dict[Position, Claimed]:
    """Claim a batch (each position once, in the order of arrival) and return what is claimed for each position.

    keyring: of the mentions; raise RenewedError when other keys are in force.
    """
    async with transaction(engine) as connection:
        await lock(connection, RESOLVE, _stripes(candidates))
        claimed = await _claimed(connection, candidates)
        fresh = [candidate for candidate in candidates if position(candidate.posting) not in claimed]
        if fresh:
            known = await known_to(connection, fresh, _own(candidates), keyring)
            outcomes = resolve(fresh, known, now, model.load())
            _refuse_together(outcomes)
            await _store(connection, outcomes)
            for item in outcomes:
                where = position(item.candidate.posting)
                claimed[where] = Claimed(where, item.event, item.review, marked=False)
    return claimed


async def keys_in_force(engine: AsyncEngine) -> KeysInForce:
    """Return which keys of persons are in force."""
    async with transaction(engine) as connection:
        return await directory.keys_in_force(connection)


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


def _stripes(candidates: Iterable[Candidate]) -> set[int]:
    found: set[int] = set()
    for item in candidates:
        originator = item.header.originator.encode()
        found.add(stripe(b"signal", originator, item.header.signal_id.bytes))
        found.add(stripe(b"case", item.case_key))
        if item.content_fingerprint is not None:
            found.add(stripe(b"content", item.content_fingerprint))
        if item.mention is not None:
            found.update(key.value % STRIPES for key in item.mention.looks_under)
    return found


_PLACE: Final = (claim.c.participant, claim.c.offset)


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
        ).join(ours, and_(*(column == ours.c[column.name] for column in _PLACE)))
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


async def _store(connection: AsyncConnection, outcomes: Sequence[Resolved]) -> None:
    await insert_rows(connection, claim, [_row(item) for item in outcomes])
    events = [item.event for item in outcomes if item.event is not None]
    await _supersede(connection, events)
    await directory.store(connection, events)
    await insert_rows(
        connection,
        holding,
        [
            {
                "participant": row.participant,
                "reference": row.reference,
                "capacity": row.capacity,
                "since": row.since,
                "event": first_holding(event, row.participant),
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
