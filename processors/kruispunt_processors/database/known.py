"""What resolve must know of the past to judge a batch: read under its locks, in the transaction that claims.

Rules
-----
1. Of a version only what it says of itself is read, not its event: a long history would be read whole.
2. A version of a case that is claimed and not published yet is waited for, unless this batch publishes it first or it was
   set aside in quarantine.
3. A reference belongs to another case when it is an alias already, or becomes one in this very batch; that case is locked
   once it is known.
4. Two mentions of one person need not have a key in common (the number here, the name there), so the locks on keys do
   not order them: the persons found are locked too, before their holdings are read. So of two signals about one person
   one always sees what the other registered, which is what the audit's chain of followers rests on.
5. Whom a mention counts as is read before those locks; where a judgement came in between, the batch is tried again.

Must not: write, or decide (`resolution` does).
"""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from typing import Any, Final
from uuid import UUID

from kruispunt_schemas import codec
from kruispunt_schemas import schema as schemas
from kruispunt_schemas.failures import AwaitedError, UnavailableError
from kruispunt_schemas.records.backbone import RepertoryEvent, RepertoryKind
from kruispunt_schemas.records.frame import Posting
from sqlalchemy import (
    Column,
    ColumnElement,
    TableValuedAlias,
    and_,
    select,
    union,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from kruispunt_processors.database import directory
from kruispunt_processors.database.arrays import rows_of
from kruispunt_processors.database.directory import Found
from kruispunt_processors.database.locks import HELD, RESOLVE, lock, stripe
from kruispunt_processors.database.tables import Position, claim, holding, person, position
from kruispunt_processors.persons.mentions import Keyring
from kruispunt_processors.resolve.resolution import Candidate, Kept, Known, Registered

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


_SIGNAL: Final = (claim.c.originator, claim.c.signal_id)
_CONTENT: Final = (claim.c.originator, claim.c.content_fingerprint)


def _same(ours: TableValuedAlias, columns: Sequence[Column[Any]]) -> ColumnElement[bool]:
    return and_(*(column == ours.c[column.name] for column in columns))


async def known_to(
    connection: AsyncConnection, fresh: Sequence[Candidate], own: AbstractSet[Position], keyring: Keyring
) -> Known:
    """Return what the database knows that matters to these candidates; raise AwaitedError by rule 2.

    Raise RenewedError when their mentions were made with other keys than those in force.

    own: positions whose versions this batch publishes itself, in order.
    """
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
        if unfinished and row.canonical_case_key in cases and position(posting) not in own:
            raise AwaitedError("an earlier version of a case is being published")
        version = Registered(posting, row.signal_id, row.version, row.case_key)
        known.cases.setdefault(row.canonical_case_key, []).append(version)
    await _known_repeats(connection, known, signals)
    keys = {key.value for item in fresh if item.mention is not None for key in item.mention.looks_under}
    if keys:
        await directory.check_keys(connection, keyring)
        found = await directory.find(connection, keyring, keys)
        known.mentions = found.mentions
        await _known_holdings(connection, known, found)
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
        await lock(connection, RESOLVE, {stripe(b"case", key) for key in related})
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


async def _known_holdings(connection: AsyncConnection, known: Known, found: Found) -> None:
    """Add by whom the persons found are held; they are locked."""
    persons = sorted(found.as_of)
    if not persons:
        return
    await lock(connection, HELD, {stripe(b"held", reference.encode()) for reference in persons})
    ours = rows_of("found", (person.c.reference,), ((reference,) for reference in persons))
    rows = await connection.execute(
        select(person.c.reference, person.c.as_of, holding.c.participant, holding.c.event)
        .join(ours, _same(ours, (person.c.reference,)))
        .outerjoin(holding, holding.c.reference == person.c.reference)
        .distinct()
    )
    for row in rows:
        if row.as_of != found.as_of[row.reference]:
            raise UnavailableError("a person was judged just now: whom its mentions count as is read again")
        if row.as_of is not None:
            known.as_of[row.reference] = row.as_of
        if row.event is not None:
            known.holdings.setdefault(row.reference, {})[row.participant] = row.event
