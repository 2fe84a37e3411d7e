"""What the database knows of one person and of one mention, for somebody who asks.

Rules
-----
1. A person is asked for by any reference that was ever issued for it, or the first eight characters or more of one; what is
   told is of the person that it leads to, under all its references.
2. What was there before a mention: those registered earlier. Of one batch the order is not recorded: what was registered at
   the same instant is told apart.
3. Identities stay sealed here; whoever has the keys opens them.

Must not: write.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from kruispunt_schemas import codec
from kruispunt_schemas import schema as schemas
from kruispunt_schemas.failures import ConfigurationError
from kruispunt_schemas.records.backbone import MatchKind, RepertoryEvent
from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection

from kruispunt_processors.persons.recomputation import Recorded

MILLION: Final = 1_000_000
MOST_EARLIER: Final = 1_000
"""Mentions that share a key and are looked at, the one compared with first."""
_START: Final = re.compile(r"[0-9a-f-]{8,36}")


class UnknownError(ConfigurationError):
    """Nothing, or more than one, has this reference or id; the text says what to do."""


@dataclass(frozen=True, slots=True)
class Holder:
    """Who holds a person, in what capacity (a type of signal), and since when."""

    participant: str
    capacity: str
    since: datetime


@dataclass(frozen=True, slots=True)
class StoredMention:
    """A mention as it is stored. out: position of its signal. assigned: the reference that the resolver gave it."""

    mention_id: UUID
    out: str
    capacity: str
    since: datetime
    assigned: str
    match: MatchKind
    posterior: float
    model: str
    sealed: bytes


@dataclass(frozen=True, slots=True)
class Person:
    """A person. aliases: its other references. judged_by: the last judgement that touched it."""

    reference: str
    aliases: tuple[str, ...]
    since: datetime
    judged_by: UUID | None
    holders: tuple[Holder, ...]
    mentions: tuple[StoredMention, ...]


@dataclass(frozen=True, slots=True)
class SealedEarlier:
    """A mention that was there before another; its particulars are sealed."""

    mention_id: UUID
    counts_as: str
    assigned: str
    judged: bool
    same_batch: bool
    sealed: bytes


@dataclass(frozen=True, slots=True)
class Decided:
    """A mention with what was decided of it, and those that were there before it and share a key."""

    mention: StoredMention
    counts_as: str
    recorded: Recorded
    earlier: tuple[SealedEarlier, ...]


async def person(connection: AsyncConnection, wanted: str) -> Person:
    """Return a person by a reference or the start of one; raise UnknownError."""
    found = (await connection.execute(_REFERENCE, _range(wanted))).all()
    canonical = {row.canonical for row in found}
    if len(canonical) != 1:
        raise _unknown("person has the reference", wanted, sorted(row.reference for row in found))
    (reference,) = canonical
    persons = (await connection.execute(_PERSON, {"canonical": reference})).all()
    own = next(row for row in persons if row.reference == reference)
    held = await connection.execute(_HOLDERS, {"canonical": reference})
    mentions = await connection.execute(_MENTIONS, {"canonical": reference})
    return Person(
        reference,
        tuple(row.reference for row in persons if row.reference != reference),
        min(row.since for row in persons),
        own.as_of,
        tuple(Holder(row.participant, row.capacity, row.since) for row in held),
        tuple(_stored(row) for row in mentions),
    )


async def decided(connection: AsyncConnection, wanted: str) -> Decided:
    """Return a mention by its id or the start of one, and what was decided of it; raise UnknownError."""
    found = (await connection.execute(_MENTION, _range(wanted))).all()
    if len(found) != 1:
        raise _unknown("mention has the id", wanted, sorted(str(row.mention_id) for row in found))
    row = found[0]
    event = codec.decode(schemas.load("RepertoryEvent"), row.claimed, RepertoryEvent)
    of = next(each for each in event.persons if each.mention_id == row.mention_id)
    recorded = Recorded(
        of.reference,
        of.match,
        of.model,
        of.posterior / MILLION,
        of.found_by,
        of.guards,
        of.compared_with,
        of.runner_up,
    )
    earlier = await connection.execute(
        _EARLIER,
        {
            "mention_id": row.mention_id,
            "registered_at": row.registered_at,
            "compared_with": of.compared_with,
            "most": MOST_EARLIER,
        },
    )
    return Decided(
        _stored(row),
        row.reference,
        recorded,
        tuple(
            SealedEarlier(
                each.mention_id,
                each.reference,
                each.assigned,
                each.as_of is not None,
                each.same_batch,
                each.sealed_identity,
            )
            for each in earlier
        ),
    )


async def sample(connection: AsyncConnection, count: int) -> list[tuple[UUID, bytes]]:
    """Return so many mentions, sealed: the first by id, which is a hash, so as good as any."""
    rows = await connection.execute(_SAMPLE, {"count": count})
    return [(row.mention_id, row.sealed_identity) for row in rows]


def _stored(row: Row[*tuple[Any, ...]]) -> StoredMention:
    return StoredMention(
        row.mention_id,
        f"{row.participant}/{row.offset}",
        row.capacity,
        row.since,
        row.assigned,
        MatchKind(row.match),
        row.posterior / MILLION,
        row.model,
        row.sealed_identity,
    )


def _range(wanted: str) -> dict[str, str]:
    """Return the first and the last UUID that begin so; raise UnknownError."""
    wanted = wanted.strip().lower()
    digits = wanted.replace("-", "")
    if _START.fullmatch(wanted) is None or len(digits) > 32:
        raise UnknownError("give a UUID, or at least the first eight characters of one")
    return {"low": str(UUID(digits.ljust(32, "0"))), "high": str(UUID(digits.ljust(32, "f")))}


def _unknown(what: str, wanted: str, found: list[str]) -> UnknownError:
    if found:
        return UnknownError(f"more than one {what} {wanted}...: {', '.join(found[:5])}")
    return UnknownError(
        f"no {what} {wanted}: `kruispunt persons explain` takes the id of a mention, `persons show` a reference; "
        "both stand in the topic `repertory`"
    )


_REFERENCE: Final = text(
    "select reference, canonical from person where reference between :low and :high order by reference limit 6"
)
_PERSON: Final = text(
    "select reference, since, as_of from person where canonical = :canonical order by reference"
)
_HOLDERS: Final = text("""
    select holding.participant, holding.capacity, min(holding.since) as since
    from holding join person on person.reference = holding.reference
    where person.canonical = :canonical
    group by holding.participant, holding.capacity order by holding.participant, holding.capacity
""")
_COLUMNS: Final = """mention.mention_id, mention.participant, mention."offset", mention.capacity, mention.since,
    mention.reference, mention.assigned, mention.match, mention.posterior, mention.model, mention.sealed_identity,
    mention.registered_at, mention.event"""
_MENTIONS: Final = text(f"""
    select {_COLUMNS} from mention join person on person.reference = mention.reference
    where person.canonical = :canonical order by mention.registered_at, mention.event
""")  # noqa: S608 - constants only
_MENTION: Final = text(f"""
    select {_COLUMNS}, claim.event as claimed
    from mention join claim on claim.participant = mention.participant and claim."offset" = mention."offset"
    where mention.mention_id between cast(:low as uuid) and cast(:high as uuid) limit 6
""")  # noqa: S608
_EARLIER: Final = text("""
    select mention.mention_id, person.canonical as reference, mention.assigned, mention.sealed_identity, person.as_of,
        mention.registered_at = :registered_at as same_batch
    from mention join person on person.reference = mention.reference
    where mention.mention_id = cast(:compared_with as uuid) or (
        mention.registered_at <= :registered_at and mention.mention_id in (
            select other.mention_id from mention_key as own join mention_key as other on other.key = own.key
            where own.mention_id = :mention_id and other.mention_id <> :mention_id
        )
    )
    order by mention.mention_id = cast(:compared_with as uuid) desc nulls last, mention.mention_id limit :most
""")
_SAMPLE: Final = text("select mention_id, sealed_identity from mention order by mention_id limit :count")
