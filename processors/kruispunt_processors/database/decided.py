"""The claims of route: the decision record and what each recipient holds, in one transaction.

Rules
-----
1. The stripe of a case is locked before what its recipients hold is read: versions of one case are decided one after
   the other, whichever worker has them.
2. A position claimed before is answered with the decision claimed; it is never decided again.
3. Views replaced or withdrawn by a decision are current no more, in the same transaction.
4. What a decision supersedes is overtaken, in the same transaction: it is never decided afterwards, so that a retry does
   not bring back what was corrected or recalled.

Must not: decide or publish.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from kruispunt_schemas import codec
from kruispunt_schemas import schema as schemas
from kruispunt_schemas.failures import ContractError
from kruispunt_schemas.needtoknow import decisions
from kruispunt_schemas.records.backbone import Decision, OutputKind
from sqlalchemy import and_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from kruispunt_processors.database.arrays import insert_rows, rows_of
from kruispunt_processors.database.connection import transaction
from kruispunt_processors.database.locks import ROUTE, lock, stripe
from kruispunt_processors.database.tables import Position, decision_claim, delivered, overtaken, position
from kruispunt_processors.route.routing import Resolved

Held = Mapping[str, tuple[UUID, ...]]
Decide = Callable[[Resolved, Held], Decision]


@dataclass(frozen=True, slots=True)
class ClaimedDecision:
    """The decision claimed for a position, its Avro bytes, and whether its outputs are known to be delivered."""

    decision: Decision
    payload: bytes
    marked: bool


async def claim_batch(
    engine: AsyncEngine, items: Sequence[Resolved], decide: Decide
) -> dict[Position, ClaimedDecision]:
    """Claim a batch (each position once, in the order of arrival) and return the decision of each position."""
    async with transaction(engine) as connection:
        await lock(connection, ROUTE, {stripe(b"case", item.case_key) for item in items})
        claimed = await _claimed(connection, items)
        fresh = [item for item in items if position(item.posting) not in claimed]
        if fresh:
            overtakes = await _overtaken(connection, fresh)
            held = await _held(connection, fresh)
            made: list[ClaimedDecision] = []
            for item in fresh:
                if (item.header.originator, item.header.signal_id) in overtakes:
                    raise ContractError(
                        "stale-version", "header.version", "a later version was decided already"
                    )
                earlier = _earlier(held, item)
                record = decide(item, earlier)
                overtakes |= {(record.originator, signal) for signal in record.supersedes}
                _hold(held, record)
                made.append(ClaimedDecision(record, codec.encode(record), marked=False))
                claimed[position(item.posting)] = made[-1]
            await _store(connection, made)
    return claimed


async def mark(engine: AsyncEngine, positions: Iterable[Position]) -> None:
    """Mark positions as published."""
    done = sorted(positions)
    if done:
        async with transaction(engine) as connection:
            ours = rows_of("ours", _PLACE, done)
            await connection.execute(
                update(decision_claim)
                .where(
                    decision_claim.c.participant == ours.c.participant,
                    decision_claim.c.offset == ours.c.offset,
                )
                .values(marked=True)
            )


_PLACE: Final = (decision_claim.c.participant, decision_claim.c.offset)

_Holdings = dict[tuple[str, UUID], dict[str, set[UUID]]]
"""(originator, signal id) -> recipient -> output ids of current views."""


async def _claimed(connection: AsyncConnection, items: Sequence[Resolved]) -> dict[Position, ClaimedDecision]:
    ours = rows_of("ours", _PLACE, (position(item.posting) for item in items))
    rows = await connection.execute(
        select(decision_claim).join(
            ours,
            and_(
                decision_claim.c.participant == ours.c.participant,
                decision_claim.c.offset == ours.c.offset,
            ),
        )
    )
    schema = schemas.load("Decision")
    signals = {position(item.posting): item.header.signal_id for item in items}
    found: dict[Position, ClaimedDecision] = {}
    for row in rows:
        where = (row.participant, row.offset)
        record = codec.decode(schema, row.decision, Decision)
        if record.signal_id != signals[where]:
            raise ContractError(
                "position-reused", "passage.posting", "its position was decided for another signal"
            )
        found[where] = ClaimedDecision(record, row.decision, row.marked)
    return found


async def _overtaken(connection: AsyncConnection, items: Sequence[Resolved]) -> set[tuple[str, UUID]]:
    """Return those of the signals that a later version was decided of (rule 4)."""
    columns = (overtaken.c.originator, overtaken.c.signal_id)
    ours = rows_of("ours", columns, ((item.header.originator, item.header.signal_id) for item in items))
    rows = await connection.execute(
        select(*columns).join(
            ours, and_(overtaken.c.originator == ours.c.originator, overtaken.c.signal_id == ours.c.signal_id)
        )
    )
    return {(row.originator, row.signal_id) for row in rows}


async def _held(connection: AsyncConnection, items: Sequence[Resolved]) -> _Holdings:
    held: _Holdings = defaultdict(lambda: defaultdict(set))
    wanted = [(item.header.originator, signal) for item in items for signal in item.resolution.supersedes]
    if wanted:
        ours = rows_of("ours", (delivered.c.originator, delivered.c.signal_id), set(wanted))
        rows = await connection.execute(
            select(delivered)
            .join(
                ours,
                and_(delivered.c.originator == ours.c.originator, delivered.c.signal_id == ours.c.signal_id),
            )
            .where(delivered.c.current.is_(True))
        )
        for row in rows:
            held[(row.originator, row.signal_id)][row.recipient].add(row.output_id)
    return held


def _earlier(held: _Holdings, item: Resolved) -> Held:
    earlier: dict[str, set[UUID]] = defaultdict(set)
    for signal in item.resolution.supersedes:
        for recipient, views in held[(item.header.originator, signal)].items():
            earlier[recipient] |= views
    return {recipient: tuple(sorted(views)) for recipient, views in earlier.items() if views}


def _hold(held: _Holdings, record: Decision) -> None:
    for output in record.outputs:
        for signal in record.supersedes:
            held[(record.originator, signal)][output.recipient] -= set(decisions.replaced(record, output))
        if output.kind is OutputKind.VIEW:
            held[(record.originator, record.signal_id)][output.recipient].add(
                decisions.output_id(record, output)
            )


async def _store(connection: AsyncConnection, made: Sequence[ClaimedDecision]) -> None:
    await insert_rows(
        connection,
        decision_claim,
        [
            {
                "participant": item.decision.posting.participant,
                "offset": item.decision.posting.offset,
                "decision": item.payload,
                "marked": False,
            }
            for item in made
        ],
    )
    records = [item.decision for item in made]
    views = [
        (record, output) for record in records for output in record.outputs if output.kind is OutputKind.VIEW
    ]
    await insert_rows(
        connection,
        delivered,
        [
            {
                "output_id": decisions.output_id(record, output),
                "originator": record.originator,
                "signal_id": record.signal_id,
                "recipient": output.recipient,
                "current": True,
            }
            for record, output in views
        ],
    )
    await insert_rows(
        connection,
        overtaken,
        [
            {"originator": originator, "signal_id": signal}
            for originator, signal in sorted(
                {(record.originator, signal) for record in records for signal in record.supersedes}
            )
        ],
        once=True,
    )
    replaced = [
        identifier
        for record in records
        for output in record.outputs
        for identifier in decisions.replaced(record, output)
    ]
    if replaced:
        await connection.execute(
            update(delivered).where(delivered.c.output_id.in_(replaced)).values(current=False)
        )
