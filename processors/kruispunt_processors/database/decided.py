"""The claims of route: the decision record and what each recipient holds, in one transaction.

Rules
-----
1. The stripe of a case is locked before what its recipients hold is read: versions of one case, and the rounds of one
   version, are decided one after the other, whichever worker has them.
2. What was claimed before for a position, first or for a judgement, is answered with the decision claimed; it is never
   decided again.
3. Views replaced or withdrawn by a decision are current no more, in the same transaction.
4. What a decision supersedes is overtaken, in the same transaction: it is never decided afterwards, so that a retry does
   not bring back what was corrected or recalled.
5. A judgement is decided of a version that was decided, is no recall and is not overtaken, and for which no judgement
   further on the partition was decided: that one already knew of it. Anything else is refused.

Must not: decide or publish, or spell a row (`decision_rows`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol
from uuid import UUID

from kruispunt_schemas import codec
from kruispunt_schemas.failures import ContractError
from kruispunt_schemas.records.backbone import Decision
from kruispunt_schemas.records.frame import Lifecycle
from sqlalchemy import and_, select, update
from sqlalchemy.ext.asyncio import AsyncEngine

from kruispunt_processors.database import decision_rows
from kruispunt_processors.database.arrays import rows_of
from kruispunt_processors.database.connection import transaction
from kruispunt_processors.database.decision_rows import Claim, Holdings
from kruispunt_processors.database.locks import ROUTE, lock, stripe
from kruispunt_processors.database.tables import (
    FIRST,
    DecisionKey,
    Position,
    decision_claim,
    position,
)
from kruispunt_processors.route.again import Earlier, Revised
from kruispunt_processors.route.routing import Place, Resolved

Held = Mapping[str, tuple[UUID, ...]]
"""Output ids of current views, by recipient."""

Item = Resolved | Revised


class Deciding(Protocol):
    """What makes decisions of what the claim knows; no server is asked."""

    def first(self, item: Resolved, held: Held, rounds: tuple[UUID, ...]) -> Decision:
        """Return the first decision of a version. rounds: the judgements in whose rounds views held were given."""
        ...

    def again(self, item: Revised, earlier: Earlier) -> Decision:
        """Return the decision again that a judgement asks for."""
        ...


@dataclass(frozen=True, slots=True)
class ClaimedDecision:
    """The decision claimed, its Avro bytes, and whether its outputs are known to be delivered.

    earlier: of a decision again, those before it.
    """

    decision: Decision
    payload: bytes
    marked: bool
    earlier: Earlier = Earlier()  # noqa: RUF009 - frozen


def key_of(item: Item) -> DecisionKey:
    """Return the key of what is decided of a signal or revision."""
    return (*position(item.posting), item.judgement or FIRST)


async def claim_batch(
    engine: AsyncEngine, items: Sequence[Item], deciding: Deciding
) -> dict[DecisionKey, ClaimedDecision]:
    """Claim a batch (each key once, in the order of arrival) and return the decision of each key."""
    async with transaction(engine) as connection:
        await lock(connection, ROUTE, {stripe(b"case", item.case_key) for item in items})
        past = await decision_rows.past_of(connection, (position(item.posting) for item in items))
        _refuse_reused(past, items)
        fresh = [item for item in items if _place_in(past, item) is None]
        if fresh:
            overtakes = await decision_rows.overtaken_of(
                connection, ((item.originator, item.signal_id) for item in fresh)
            )
            holdings = Holdings()
            await holdings.read(connection, (item for item in fresh if isinstance(item, Resolved)))
            made: list[Claim] = []
            for item in fresh:
                if (item.originator, item.signal_id) in overtakes:
                    raise ContractError(
                        "stale-version", "header.version", "a later version was decided already"
                    )
                claims = past.setdefault(position(item.posting), [])
                record = _decide(item, claims, holdings, deciding)
                made.append(Claim(record, codec.encode(record), item.persons, item.place, marked=False))
                claims.append(made[-1])
                overtakes |= {(record.originator, signal) for signal in record.supersedes}
                holdings.note(record)
            await decision_rows.store(connection, made)
    return {key_of(item): _claimed(past, item) for item in items}


async def mark(engine: AsyncEngine, keys: Iterable[DecisionKey]) -> None:
    """Mark decisions as published."""
    done = sorted(keys)
    if done:
        async with transaction(engine) as connection:
            ours = rows_of("ours", _KEY, done)
            await connection.execute(
                update(decision_claim)
                .where(*(column == ours.c[column.name] for column in _KEY))
                .values(marked=True)
            )


async def places(engine: AsyncEngine, positions: Iterable[Position]) -> dict[Position, Place]:
    """Return where the signals of these positions lay when they were first decided, as far as it was noted."""
    async with transaction(engine) as connection:
        ours = rows_of("ours", decision_rows.POSITION, set(positions))
        columns = (decision_claim.c.lay_on, decision_claim.c.lay_in, decision_claim.c.lay_at)
        rows = await connection.execute(
            select(*decision_rows.POSITION, *columns)
            .join(ours, and_(*(column == ours.c[column.name] for column in decision_rows.POSITION)))
            .where(decision_claim.c.judgement == FIRST, decision_claim.c.lay_on.is_not(None))
        )
        return {(row.participant, row.offset): (row.lay_on, row.lay_in, row.lay_at) for row in rows}


_KEY: Final = (*decision_rows.POSITION, decision_claim.c.judgement)


def _refuse_reused(past: Mapping[Position, Sequence[Claim]], items: Iterable[Item]) -> None:
    for item in items:
        claims = past.get(position(item.posting))
        if claims and claims[0].decision.signal_id != item.signal_id:
            raise ContractError(
                "position-reused", "passage.posting", "its position was decided for another signal"
            )


def _place_in(past: Mapping[Position, Sequence[Claim]], item: Item) -> int | None:
    """Return which of the decisions of its position is that of an item, None when it was not decided."""
    claims = past.get(position(item.posting), ())
    return next(
        (place for place, claim in enumerate(claims) if claim.decision.judgement_id == item.judgement), None
    )


def _claimed(past: Mapping[Position, Sequence[Claim]], item: Item) -> ClaimedDecision:
    place = _place_in(past, item)
    assert place is not None  # noqa: S101 - it was claimed before or is now
    claims = past[position(item.posting)]
    found = claims[place]
    return ClaimedDecision(found.decision, found.payload, found.marked, _earlier(claims[:place]))


def _earlier(claims: Sequence[Claim]) -> Earlier:
    return Earlier(tuple(claim.decision for claim in claims), claims[-1].persons) if claims else Earlier()


def _decide(item: Item, claims: Sequence[Claim], holdings: Holdings, deciding: Deciding) -> Decision:
    if isinstance(item, Resolved):
        held, rounds = holdings.of(item)
        return deciding.first(item, held, rounds)
    _refuse_round(item, claims)
    return deciding.again(item, _earlier(claims))


def _refuse_round(item: Revised, claims: Sequence[Claim]) -> None:
    """Raise ContractError by rule 5."""
    if not claims:
        raise ContractError("not-decided", "posting", "its signal was not decided: retry that first")
    first, last = claims[0].decision, claims[-1]
    if (item.originator, item.case_key, item.revision.bundle) != (
        first.originator,
        first.case_key,
        first.bundle,
    ):
        raise ContractError("value", "revision", "originator, case or bundle is not the first decision's")
    if first.lifecycle is Lifecycle.RECALL:
        raise ContractError("stale-version", "posting", "a recall stands, whoever it is about")
    if last.decision.judgement_id is not None and last.place is not None and item.place < last.place:
        raise ContractError("stale-version", "judgement_id", "a later judgement was decided already")
