from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from uuid import UUID

import pytest
from kruispunt_processors.database import decided
from kruispunt_processors.database.connection import transaction
from kruispunt_processors.database.decided import ClaimedDecision, Held
from kruispunt_processors.database.tables import FIRST, Position, delivered, position
from kruispunt_processors.route import again, routing
from kruispunt_processors.route.again import Earlier, Revised
from kruispunt_processors.route.routing import Resolved
from kruispunt_schemas import identity
from kruispunt_schemas.failures import ContractError
from kruispunt_schemas.needtoknow import decisions
from kruispunt_schemas.records.backbone import Decision, OutputKind
from kruispunt_schemas.records.frame import Lifecycle, Resolution
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine

from tests import drafts
from tests.drafts import BACKBONE, GENT, LTF, MONDAY, VSSE, composed, draft

NOW = MONDAY + timedelta(seconds=5)


def resolved(
    offset: int,
    version: int = 1,
    *earlier: Resolved,
    lifecycle: Lifecycle | None = None,
    municipality: str = "11002",
) -> Resolved:
    """Return a version of a case that supersedes the earlier ones."""
    signed = composed(draft(version=version, lifecycle=lifecycle, municipality=municipality))
    at = drafts.posting(VSSE, offset)
    return Resolved(
        posting=at,
        signed=signed,
        header=signed.read_header(),
        sections=signed.read_sections(),
        bundle=drafts.bundle().name,
        case_key=identity.case_key(BACKBONE.case, VSSE, "2026/118"),
        resolution=Resolution(
            persons=("p1",),
            supersedes=tuple(sorted(item.header.signal_id for item in earlier)),
            registered_as=identity.event_id(at),
        ),
    )


@dataclass
class Deciding:
    """Decides, and notes what it was told is held; contents: the signals that are decided again, by position."""

    seen: list[tuple[int, Held]] = field(default_factory=list)
    now: datetime = NOW
    contents: dict[Position, Resolved] = field(default_factory=dict)
    asked: bool = True

    def first(self, item: Resolved, held: Held, rounds: tuple[UUID, ...]) -> Decision:
        assert self.asked
        self.seen.append((item.posting.offset, held))
        groups = routing.outcomes(drafts.bundle(), drafts.policies(), item)
        record, _ = routing.decision(
            drafts.bundle(),
            groups,
            item,
            held=held,
            rounds=rounds,
            now=self.now,
            pseudonym_key=BACKBONE.pseudonym,
        )
        return record

    def again(self, item: Revised, earlier: Earlier) -> Decision:
        assert self.asked
        record, _ = again.decision(
            drafts.bundle(),
            drafts.policies(),
            item,
            earlier,
            self.contents.get(position(item.posting)),
            now=self.now,
            pseudonym_key=BACKBONE.pseudonym,
        )
        return record


NEVER = Deciding(asked=False)


async def claim(
    engine: AsyncEngine, *items: Resolved, seen: list[tuple[int, Held]] | None = None
) -> dict[int, ClaimedDecision]:
    found = await decided.claim_batch(engine, items, Deciding([] if seen is None else seen))
    return {offset: item for (_, offset, _), item in found.items()}


def views(record: Decision) -> dict[str, tuple[UUID, ...]]:
    return {
        output.recipient: (decisions.output_id(record, output),)
        for output in record.outputs
        if output.kind is OutputKind.VIEW
    }


async def current(engine: AsyncEngine) -> set[UUID]:
    async with transaction(engine) as connection:
        rows = await connection.execute(select(delivered.c.output_id).where(delivered.c.current.is_(True)))
        return {row.output_id for row in rows}


async def test_a_replay_is_never_decided_again(engine: AsyncEngine) -> None:
    item = resolved(1)
    first = await decided.claim_batch(engine, [item], Deciding())
    repeated = await decided.claim_batch(engine, [item], NEVER)
    assert repeated == first
    assert not repeated[VSSE, 1, FIRST].marked
    await decided.mark(engine, repeated)
    await decided.mark(engine, [])
    marked = await decided.claim_batch(engine, [item], NEVER)
    assert marked[VSSE, 1, FIRST] == ClaimedDecision(
        first[VSSE, 1, FIRST].decision, first[VSSE, 1, FIRST].payload, marked=True
    )


async def test_a_correction_is_told_what_its_recipients_hold(engine: AsyncEngine) -> None:
    first = resolved(1)
    held = views((await claim(engine, first))[1].decision)
    seen: list[tuple[int, Held]] = []
    record = (await claim(engine, resolved(2, 2, first), seen=seen))[2].decision
    assert seen == [(2, held)]
    assert {output.recipient: decisions.replaced(record, output) for output in record.outputs} == held
    assert await current(engine) == {decisions.output_id(record, output) for output in record.outputs}


async def test_original_correction_and_recall_in_one_batch(engine: AsyncEngine) -> None:
    first = resolved(1)
    second = resolved(2, 2, first)
    recall = resolved(3, 3, first, second, lifecycle=Lifecycle.RECALL)
    seen: list[tuple[int, Held]] = []
    found = await claim(engine, first, second, recall, seen=seen)
    assert seen == [(1, {}), (2, views(found[1].decision)), (3, views(found[2].decision))]
    assert {output.recipient for output in found[3].decision.outputs} == set(views(found[1].decision))
    # The recall's own view is what its recipients hold from then on.
    last = found[3].decision
    assert await current(engine) == {decisions.output_id(last, output) for output in last.outputs}


async def test_the_same_in_batches_of_one(engine: AsyncEngine) -> None:
    first = resolved(1)
    second = resolved(2, 2, first)
    recall = resolved(3, 3, first, second, lifecycle=Lifecycle.RECALL)
    alone = [(await claim(engine, item))[item.posting.offset].decision for item in (first, second, recall)]
    groups = [
        Deciding().first(first, {}, ()),
        Deciding().first(second, views(alone[0]), ()),
        Deciding().first(recall, views(alone[1]), ()),
    ]
    assert alone == groups


async def test_what_is_withdrawn_is_held_no_more_and_comes_back_anew(engine: AsyncEngine) -> None:
    first = resolved(1)
    narrowed = resolved(2, 2, first, municipality=GENT)
    widened = resolved(3, 3, first, narrowed)
    await claim(engine, first)
    withdrawn = {
        output.recipient
        for output in (await claim(engine, narrowed))[2].decision.outputs
        if output.kind is OutputKind.WITHDRAWAL
    }
    assert LTF in withdrawn
    seen: list[tuple[int, Held]] = []
    last = (await claim(engine, widened, seen=seen))[3].decision
    assert LTF not in seen[0][1]
    assert [output.replaces for output in last.outputs if output.recipient == LTF] == [()]


async def test_a_case_of_another_originator_is_not_held(engine: AsyncEngine) -> None:
    first = resolved(1)
    await claim(engine, first)
    other = resolved(2, 2, first)
    theirs = Resolved(
        posting=drafts.posting("ocad", 2),
        signed=other.signed,
        header=replace(other.header, originator="ocad"),
        sections=other.sections,
        bundle=other.bundle,
        case_key=other.case_key,
        resolution=other.resolution,
    )
    seen: list[tuple[int, Held]] = []
    await claim(engine, theirs, seen=seen)
    assert seen == [(2, {})]


async def test_two_workers_decide_a_position_once(engine: AsyncEngine, other: AsyncEngine) -> None:
    first = resolved(1)
    for offset in range(2, 12):
        item = resolved(offset, offset, first)
        one, two = await asyncio.gather(
            decided.claim_batch(engine, [item], Deciding()),
            decided.claim_batch(other, [item], Deciding(now=NOW + timedelta(seconds=60))),
        )
        assert one == two


async def test_versions_of_one_case_are_decided_one_after_the_other(
    engine: AsyncEngine, other: AsyncEngine
) -> None:
    first = resolved(1)
    await claim(engine, first)
    for offset in range(2, 12, 2):
        one, two = resolved(offset, offset, first), resolved(offset + 1, offset + 1, first)
        seen: list[tuple[int, Held]] = []
        await asyncio.gather(
            decided.claim_batch(engine, [one], Deciding(seen)),
            decided.claim_batch(other, [two], Deciding(seen)),
        )
        held = dict(seen)
        # What the first of them replaced is not replaced again by the second.
        assert sum(bool(told) for told in held.values()) <= 1


async def test_a_retry_does_not_bring_back_what_was_corrected_or_recalled(engine: AsyncEngine) -> None:
    """Regression: nobody wrote down what a decision supersedes, so a version that came late was delivered as current."""
    first = resolved(1)
    recall = resolved(2, 2, first, lifecycle=Lifecycle.RECALL)
    await claim(engine, recall)
    with pytest.raises(ContractError, match="stale-version"):
        await claim(engine, first)
    assert await current(engine) == set()
    other = resolved(3, 3)
    with pytest.raises(ContractError, match="stale-version"):
        await claim(engine, resolved(4, 4, other), other)
    assert await current(engine) == set(), "nothing of that batch is claimed"
    found = await claim(engine, other, resolved(4, 4, other))
    assert len(found) == 2
