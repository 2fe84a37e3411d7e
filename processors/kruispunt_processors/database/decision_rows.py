"""Rows of route: what was decided of a posting so far, what recipients hold, and what is overtaken.

Rules
-----
1. The rounds of a version are numbered by their records.
2. What a batch decides is kept in `Holdings` as it goes, so that a later version in the same batch knows of it.

Must not: refuse or decide (`decided` does).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

from kruispunt_schemas import codec
from kruispunt_schemas import schema as schemas
from kruispunt_schemas.needtoknow import again, decisions
from kruispunt_schemas.records.backbone import Decision, OutputKind
from sqlalchemy import Row, and_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from kruispunt_processors.database.arrays import insert_rows, rows_of
from kruispunt_processors.database.tables import (
    FIRST,
    Position,
    decision_claim,
    delivered,
    overtaken,
    position,
)
from kruispunt_processors.route.routing import Place, Resolved

Version = tuple[str, UUID]
"""Originator and signal id."""


@dataclass(frozen=True, slots=True)
class Claim:
    """One decision claimed: the record, its Avro bytes, the persons it tells of, and where the record behind it lay."""

    decision: Decision
    payload: bytes
    persons: tuple[str, ...] | None
    place: Place | None
    marked: bool


POSITION: Final = (decision_claim.c.participant, decision_claim.c.offset)


async def past_of(connection: AsyncConnection, positions: Iterable[Position]) -> dict[Position, list[Claim]]:
    """Return what was claimed of each position, in the order of the rounds."""
    ours = rows_of("ours", POSITION, set(positions))
    rows = await connection.execute(
        select(decision_claim).join(ours, and_(*(column == ours.c[column.name] for column in POSITION)))
    )
    found: dict[Position, list[Claim]] = defaultdict(list)
    for row in rows:
        found[row.participant, row.offset].append(_claim(row))
    for claims in found.values():
        claims.sort(key=lambda item: again.number(item.decision))
    return found


def _claim(row: Row[*tuple[Any, ...]]) -> Claim:
    return Claim(
        decision=codec.decode(schemas.load("Decision"), row.decision, Decision),
        payload=row.decision,
        persons=None if row.persons is None else tuple(row.persons.split()),
        place=None if row.lay_on is None else (row.lay_on, row.lay_in, row.lay_at),
        marked=row.marked,
    )


@dataclass(frozen=True, slots=True)
class Holdings:
    """The current views of versions: by version and recipient the output id, with the judgement that gave it."""

    views: dict[Version, dict[str, dict[UUID, UUID]]] = field(
        default_factory=lambda: defaultdict(lambda: defaultdict(dict))
    )

    async def read(self, connection: AsyncConnection, items: Iterable[Resolved]) -> None:
        """Read the views of what these signals supersede."""
        wanted = {(item.originator, signal) for item in items for signal in item.resolution.supersedes}
        if not wanted:
            return
        ours = rows_of("ours", (delivered.c.originator, delivered.c.signal_id), wanted)
        rows = await connection.execute(
            select(delivered)
            .join(
                ours,
                and_(delivered.c.originator == ours.c.originator, delivered.c.signal_id == ours.c.signal_id),
            )
            .where(delivered.c.current.is_(True))
        )
        for row in rows:
            self.views[row.originator, row.signal_id][row.recipient][row.output_id] = row.judgement

    def of(self, item: Resolved) -> tuple[dict[str, tuple[UUID, ...]], tuple[UUID, ...]]:
        """Return the views of what a signal supersedes, by recipient, and the judgements that gave any, sorted."""
        held: dict[str, dict[UUID, UUID]] = defaultdict(dict)
        for signal in item.resolution.supersedes:
            for recipient, views in self.views[item.originator, signal].items():
                held[recipient] |= views
        judgements = {judgement for views in held.values() for judgement in views.values()} - {FIRST}
        return (
            {recipient: tuple(sorted(views)) for recipient, views in held.items() if views},
            tuple(sorted(judgements)),
        )

    def note(self, record: Decision) -> None:
        """Note what a decision of this batch gives and takes."""
        for output in record.outputs:
            gone = decisions.replaced(record, output)
            for signal in (*record.supersedes, record.signal_id):
                held = self.views[record.originator, signal][output.recipient]
                for identifier in gone:
                    held.pop(identifier, None)
            if output.kind is OutputKind.VIEW:
                held = self.views[record.originator, record.signal_id][output.recipient]
                held[decisions.output_id(record, output)] = record.judgement_id or FIRST


async def overtaken_of(connection: AsyncConnection, versions: Iterable[Version]) -> set[Version]:
    """Return those of the versions that a later one was decided of."""
    columns = (overtaken.c.originator, overtaken.c.signal_id)
    ours = rows_of("ours", columns, set(versions))
    rows = await connection.execute(
        select(*columns).join(
            ours, and_(overtaken.c.originator == ours.c.originator, overtaken.c.signal_id == ours.c.signal_id)
        )
    )
    return {(row.originator, row.signal_id) for row in rows}


async def store(connection: AsyncConnection, made: Sequence[Claim]) -> None:
    """Write what was decided: the claims, the views given, those taken, and what is overtaken."""
    await insert_rows(connection, decision_claim, [_values(item) for item in made])
    records = [item.decision for item in made]
    await insert_rows(
        connection,
        delivered,
        [
            {
                "output_id": decisions.output_id(record, output),
                "originator": record.originator,
                "signal_id": record.signal_id,
                "recipient": output.recipient,
                "judgement": record.judgement_id or FIRST,
                "current": True,
            }
            for record in records
            for output in record.outputs
            if output.kind is OutputKind.VIEW
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


def _values(item: Claim) -> dict[str, object]:
    participant, offset = position(item.decision.posting)
    lay_on, lay_in, lay_at = item.place or (None, None, None)
    return {
        "participant": participant,
        "offset": offset,
        "judgement": item.decision.judgement_id or FIRST,
        "decision": item.payload,
        "persons": None if item.persons is None else " ".join(item.persons),
        "lay_on": lay_on,
        "lay_in": lay_in,
        "lay_at": lay_at,
        "marked": item.marked,
    }
