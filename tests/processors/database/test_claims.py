from __future__ import annotations

import asyncio
import random
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest
from kruispunt_processors.database import claims, locks, unfinished
from kruispunt_processors.database.connection import transaction
from kruispunt_processors.database.tables import claim, holding, mention, mention_key, person
from kruispunt_processors.persons import model
from kruispunt_processors.persons.keys import BlockingKey, KeyKind
from kruispunt_processors.resolve.resolution import Candidate, Known, first_holding, resolve
from kruispunt_schemas.failures import AwaitedError, UnavailableError
from kruispunt_schemas.records.backbone import DuplicateKind
from kruispunt_schemas.records.frame import Follower
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.drafts import LTF, MONDAY, OCAD, VSSE, national_number
from tests.drafts import person as subject
from tests.processors.resolve.candidates import KEYRING, candidate

NOW = MONDAY + timedelta(seconds=3)


async def claimed(
    engine: AsyncEngine, *candidates: Candidate, marked: bool = True
) -> dict[int, claims.Claimed]:
    found = await claims.claim_batch(engine, candidates, NOW, KEYRING)
    if marked:
        await claims.mark(engine, found)
    return {offset: item for (_, offset), item in found.items()}


def word(item: claims.Claimed) -> str:
    if item.event is None:
        return "STALE"
    return item.event.duplicate_kind.value if item.event.duplicate_kind else item.event.kind.value


async def test_a_replay_is_answered_with_what_was_claimed(engine: AsyncEngine) -> None:
    batch = [
        candidate("a", "x", 1, person=b"k" * 16),
        candidate("b", "x", 2),
        candidate("c", "z", 3, version=2),
        candidate("c", "y", 4),
    ]
    first = await claims.claim_batch(engine, batch, NOW, KEYRING)
    again = await claims.claim_batch(engine, batch[::-1], NOW + timedelta(hours=1), KEYRING)
    assert again == first
    assert [word(first[VSSE, offset]) for offset in (1, 2, 3, 4)] == [
        "REGISTERED",
        "SAME_CONTENT",
        "REGISTERED",
        "STALE",
    ]
    await claims.mark(engine, first)
    marked = await claims.claim_batch(engine, batch, NOW, KEYRING)
    assert all(item.marked for item in marked.values())
    assert {where: item.event for where, item in marked.items()} == {
        where: item.event for where, item in first.items()
    }


async def test_only_what_is_marked_is_marked(engine: AsyncEngine) -> None:
    batch = [candidate("a", "x", 1), candidate("b", "y", 2)]
    await claims.claim_batch(engine, batch, NOW, KEYRING)
    assert (await unfinished.of_resolve(engine)).count == 2
    await claims.mark(engine, [(VSSE, 2)])
    await claims.mark(engine, [])
    found = await claims.claim_batch(engine, batch, NOW, KEYRING)
    assert {where: item.marked for where, item in found.items()} == {(VSSE, 1): False, (VSSE, 2): True}
    assert (await unfinished.of_resolve(engine)).count == 1


async def test_a_replay_of_one_and_a_new_one_in_one_batch(engine: AsyncEngine) -> None:
    first = await claimed(engine, candidate("a", "x", 1))
    found = await claimed(engine, candidate("a", "x", 1), candidate("a", "x", 2), candidate("b", "x", 3))
    assert found[1].event == first[1].event
    assert [word(found[offset]) for offset in (1, 2, 3)] == ["REGISTERED", "SAME_SIGNAL", "SAME_CONTENT"]


async def test_a_review_is_claimed_too(engine: AsyncEngine) -> None:
    numbers = (national_number("910517000"), national_number("910517999"))
    for offset, number in enumerate(numbers):
        await claimed(engine, candidate(f"a{offset}", f"x{offset}", offset, person=subject(number=number)))
    third = candidate("c", "z", 3, person=subject())
    found = await claims.claim_batch(engine, [third], NOW, KEYRING)
    review = found[VSSE, 3].review
    assert review is not None
    assert len(review.candidates) == 2
    again = await claims.claim_batch(engine, [third], NOW + timedelta(days=1), KEYRING)
    assert again[VSSE, 3].review == review


async def test_a_correction_of_an_alias_finds_its_case_in_a_later_batch(engine: AsyncEngine) -> None:
    first = (await claimed(engine, candidate("a", "x", 1)))[1].event
    await claimed(engine, candidate("b", "x", 2))
    correction = (await claimed(engine, candidate("b", "y", 3, version=2)))[3].event
    last = (await claimed(engine, candidate("a", "z", 4, version=3)))[4].event
    assert first is not None
    assert correction is not None
    assert last is not None
    assert correction.supersedes == (first.signal_id,)
    assert correction.canonical_case_key == first.case_key
    assert set(last.supersedes) == {first.signal_id, correction.signal_id}


async def test_the_first_version_that_supersedes_says_when(engine: AsyncEngine) -> None:
    """Regression: one batch with several corrections noted the offset of any of them."""
    batch = [candidate("a", str(version), version * 10, version=version) for version in range(1, 8)]
    await claimed(engine, *batch)
    async with transaction(engine) as connection:
        rows = await connection.execute(
            select(claim.c.offset, claim.c.superseded_at).order_by(claim.c.offset)
        )
        assert {row.offset: row.superseded_at for row in rows} == {
            **{version * 10: (version + 1) * 10 for version in range(1, 7)},
            70: None,
        }


@pytest.mark.parametrize("repeat_first", [False, True])
async def test_current_when_posted_whichever_partition_is_read_first(
    engine: AsyncEngine, repeat_first: bool
) -> None:
    original, correction = candidate("a", "x", 10), candidate("a", "y", 20, version=2)
    repeat, later = candidate("b", "x", 15), candidate("c", "x", 25)
    order = (repeat, correction) if repeat_first else (correction, repeat)
    await claimed(engine, original)
    found: dict[int, claims.Claimed] = {}
    for item in (*order, later):
        found |= await claimed(engine, item)
    assert {offset: word(item) for offset, item in found.items()} == {
        15: "SAME_CONTENT",
        20: "REGISTERED",
        25: "REGISTERED",
    }


async def test_two_originators_are_never_duplicates(engine: AsyncEngine) -> None:
    mine = candidate("a", "x", 1)
    theirs = candidate("a", "x", 1, originator=OCAD, signal_id=mine.header.signal_id, person=b"k" * 16)
    found = await claims.claim_batch(engine, [mine, theirs], NOW, KEYRING)
    assert [word(item) for item in found.values()] == ["REGISTERED", "REGISTERED"]


def scenario(seed: int) -> list[Candidate]:
    """Return postings of few references, contents and persons, versions in order within a reference."""
    choose = random.Random(seed)  # noqa: S311 - a test's choices
    versions: dict[str, int] = defaultdict(int)
    found = []
    for offset in range(choose.randint(5, 25)):
        reference, originator = choose.choice("abcdef"), choose.choice((VSSE, VSSE, OCAD))
        case = originator + reference
        if versions[case] and choose.random() < 0.2:
            version = choose.randint(1, versions[case])  # again, or too late
        else:
            version = versions[case] = versions[case] + 1
        content = choose.choice("wxyz") if choose.random() < 0.9 or version == 1 else None
        key = bytes([choose.randint(1, 3)]) * 16 if choose.random() < 0.7 else None
        found.append(
            candidate(reference, content, offset, version=version, person=key, originator=originator)
        )
    return found


@pytest.mark.parametrize("seed", range(15))
async def test_the_database_remembers_what_the_rules_need(engine: AsyncEngine, seed: int) -> None:
    """In batches of any size through the database the outcome is that of one pass in memory."""
    items, choose = scenario(seed), random.Random(seed)  # noqa: S311
    expected = {
        item.candidate.posting.offset: (item.event, item.review)
        for item in resolve(items, Known(), NOW, model.load())
    }
    found: dict[int, claims.Claimed] = {}
    while items:
        size = choose.randint(1, 6)
        found |= await claimed(engine, *items[:size])
        items = items[size:]
    assert {offset: (item.event, item.review) for offset, item in found.items()} == expected


@pytest.mark.parametrize("seed", range(5))
async def test_holdings_are_rebuilt_from_events_in_any_order(engine: AsyncEngine, seed: int) -> None:
    items, choose = scenario(seed), random.Random(seed)  # noqa: S311
    found: dict[int, claims.Claimed] = {}
    while items:
        found |= await claimed(engine, *items[:4])
        items = items[4:]
    events = [item.event for item in found.values() if item.event is not None]
    choose.shuffle(events)
    rebuilt = {
        (row.participant, row.reference, row.capacity, first_holding(event, row.participant))
        for event in events
        for row in event.holdings
    }
    columns = (holding.c.participant, holding.c.reference, holding.c.capacity, holding.c.event)
    async with transaction(engine) as connection:
        rows = (await connection.execute(select(*columns))).all()
    assert {tuple(row) for row in rows} == rebuilt
    assert len(rows) == len(rebuilt)


async def test_a_retry_answers_with_the_followers_that_were_claimed(engine: AsyncEngine) -> None:
    key = b"k" * 16
    mine = candidate("a", "x", 1, person=key)
    theirs = candidate("a", "x", 7, originator=OCAD, person=key)
    first = await claims.claim_batch(engine, [mine], NOW, KEYRING)
    later = await claims.claim_batch(engine, [theirs, mine], NOW, KEYRING)
    assert later[VSSE, 1].event == first[VSSE, 1].event
    events = [item.event for item in (first[VSSE, 1], later[OCAD, 7]) if item.event is not None]
    assert events[0].followers == ()
    assert events[1].followers == (Follower(participant=VSSE, event=events[0].event_id),)


async def test_another_capacity_keeps_the_event_of_the_first_holding(engine: AsyncEngine) -> None:
    key = b"k" * 16
    first = (await claimed(engine, candidate("a", "x", 1, person=key)))[1].event
    await claimed(engine, candidate("b", "y", 2, person=key, signal_type="ThreatEvaluation"))
    last = (await claimed(engine, candidate("c", "z", 3, person=key)))[3].event
    assert first is not None
    assert last is not None
    assert last.followers == (Follower(participant=VSSE, event=first.event_id),)
    async with transaction(engine) as connection:
        rows = (await connection.execute(select(holding.c.capacity, holding.c.event))).all()
    assert {tuple(row) for row in rows} == {
        ("RadicalisationCase", first.event_id),
        ("ThreatEvaluation", first.event_id),
    }


async def test_two_workers_whose_mentions_have_no_key_in_common_see_each_other(
    engine: AsyncEngine, other: AsyncEngine
) -> None:
    """Regression: locked by their keys alone, neither knew of the other, and no order of the two was left."""

    def mentioned(item: Candidate, *keys: int) -> Candidate:
        assert item.mention is not None
        found = tuple(BlockingKey(KeyKind.NUMBER, key) for key in keys)
        return replace(item, mention=replace(item.mention, keys=found))

    for turn in range(30):
        who, name, alias = bytes([turn]), 2 * turn, 2 * turn + 1
        await claimed(engine, mentioned(candidate(f"a{turn}", f"a{turn}", turn, person=who), name, alias))
        one = mentioned(candidate(f"b{turn}", f"b{turn}", turn, originator=OCAD, person=who), name)
        two = mentioned(candidate(f"c{turn}", f"c{turn}", turn, originator=LTF, person=who), alias)
        found = await asyncio.gather(
            claims.claim_batch(engine, [one], NOW, KEYRING), claims.claim_batch(other, [two], NOW, KEYRING)
        )
        events = {
            item.event.originator: item.event for batch in found for item in batch.values() if item.event
        }
        cited = {name: {row.participant for row in event.followers} for name, event in events.items()}
        assert cited in ({OCAD: {VSSE}, LTF: {VSSE, OCAD}}, {OCAD: {VSSE, LTF}, LTF: {VSSE}})


async def references(engine: AsyncEngine) -> dict[int, set[str]]:
    found: dict[int, set[str]] = defaultdict(set)
    together = mention_key.join(mention, mention.c.mention_id == mention_key.c.mention_id)
    async with transaction(engine) as connection:
        for row in await connection.execute(
            select(mention_key.c.key, mention.c.reference).select_from(together)
        ):
            found[row.key].add(row.reference)
    return found


async def test_two_workers_with_the_same_new_persons_never_split_one(
    engine: AsyncEngine, other: AsyncEngine
) -> None:
    async def worker(connection: AsyncEngine, batch: Sequence[Candidate]) -> None:
        for _ in range(20):
            try:
                await claims.mark(connection, await claims.claim_batch(connection, batch, NOW, KEYRING))
            except UnavailableError:
                continue
            return
        pytest.fail("the claim did not get through in 20 tries")

    for turn in range(20):
        keys = [bytes([turn, number]) * 8 for number in range(6)]
        mine = [
            candidate(f"m{turn}-{n}", f"m{turn}-{n}", turn * 10 + n, person=key) for n, key in enumerate(keys)
        ]
        theirs = [
            candidate(f"t{turn}-{n}", f"t{turn}-{n}", turn * 10 + n, originator=OCAD, person=key)
            for n, key in enumerate(reversed(keys))
        ]
        await asyncio.gather(worker(engine, mine), worker(other, theirs))
    found = await references(engine)
    assert len(found) >= 120
    assert {len(persons) for persons in found.values()} == {1}
    async with transaction(engine) as connection:
        assert len((await connection.execute(select(person))).all()) == 120
        assert len((await connection.execute(select(mention))).all()) == 240
        assert len((await connection.execute(select(holding))).all()) == 240


async def test_two_workers_with_one_content_register_it_once(engine: AsyncEngine, other: AsyncEngine) -> None:
    for turn in range(10):
        one, same = (
            candidate(f"a{turn}", f"c{turn}", turn * 2),
            candidate(f"b{turn}", f"c{turn}", turn * 2 + 1),
        )
        found = await asyncio.gather(
            claims.claim_batch(engine, [one], NOW, KEYRING),
            claims.claim_batch(other, [same], NOW, KEYRING),
            return_exceptions=True,
        )
        words = sorted(word(item) for batch in found if isinstance(batch, dict) for item in batch.values())
        # Either the second saw the first and is its repeat, or it was told to wait until the first is published.
        assert words in (["REGISTERED", "SAME_CONTENT"], ["REGISTERED"])
        for batch, engines, item in zip(found, (engine, other), (one, same), strict=True):
            if isinstance(batch, UnavailableError):
                await claims.mark(engines, [(VSSE, one.posting.offset), (VSSE, same.posting.offset)])
                again = await claims.claim_batch(engines, [item], NOW, KEYRING)
                assert [word(entry) for entry in again.values()] == ["SAME_CONTENT"]


async def test_a_version_waits_until_the_one_before_it_is_published(
    engine: AsyncEngine, other: AsyncEngine
) -> None:
    await claimed(engine, candidate("a", "x", 1), candidate("b", "x", 2), marked=False)
    correction = candidate("b", "y", 3, version=2)
    with pytest.raises(UnavailableError, match="published"):
        await claims.claim_batch(other, [correction], NOW, KEYRING)
    await claims.mark(engine, [(VSSE, 1), (VSSE, 2)])
    found = await claims.claim_batch(other, [correction], NOW, KEYRING)
    assert found[VSSE, 3].event is not None


async def test_a_batch_does_not_wait_for_itself(engine: AsyncEngine) -> None:
    batch = [candidate("a", "x", 1), candidate("a", "y", 2, version=2)]
    await claims.claim_batch(engine, batch[:1], NOW, KEYRING)
    found = await claims.claim_batch(engine, batch, NOW, KEYRING)
    assert [word(item) for item in found.values()] == ["REGISTERED", "REGISTERED"]


class TestVersionsOfACaseFromTwoPartitions:
    """A correction of an alias lies on another partition than its case: route must see the case first, whatever is killed."""

    first = candidate("a", "x", 1, partition=0)
    alias = candidate("b", "x", 2, partition=1)
    correction = candidate("b", "y", 3, version=2, partition=1)

    async def test_they_are_never_claimed_together(self, engine: AsyncEngine) -> None:
        """Regression: claimed in one batch and not published, they were published in the order of the next reading."""
        with pytest.raises(AwaitedError, match="same batch"):
            await claims.claim_batch(engine, [self.first, self.alias, self.correction], NOW, KEYRING)
        assert (await unfinished.of_resolve(engine)).count == 0
        await claims.claim_batch(engine, [self.first], NOW, KEYRING)
        for batch in (
            [self.alias, self.correction],
            [self.alias, self.correction, self.first],
            [self.first, self.alias, self.correction],
        ):
            with pytest.raises(AwaitedError, match="being published"):
                await claims.claim_batch(engine, batch, NOW, KEYRING)
        await claims.mark(engine, [(VSSE, 1)])
        found = await claims.claim_batch(engine, [self.alias, self.correction, self.first], NOW, KEYRING)
        assert [word(found[VSSE, offset]) for offset in (1, 2, 3)] == [
            "REGISTERED",
            "SAME_CONTENT",
            "REGISTERED",
        ]

    async def test_of_one_partition_they_are(self, engine: AsyncEngine) -> None:
        batch = [replace(item, place=self.first.place) for item in (self.first, self.alias, self.correction)]
        await claims.claim_batch(engine, batch[:1], NOW, KEYRING)
        found = await claims.claim_batch(engine, batch, NOW, KEYRING)
        assert [word(item) for item in found.values()] == ["REGISTERED", "SAME_CONTENT", "REGISTERED"]

    async def test_other_cases_are_claimed_whatever_the_partition(self, engine: AsyncEngine) -> None:
        await claims.claim_batch(engine, [self.first], NOW, KEYRING)
        others = [candidate("c", "z", 7, partition=1), candidate("d", "w", 8, partition=2)]
        assert len(await claims.claim_batch(engine, others, NOW, KEYRING)) == 2


async def test_an_empty_batch_claims_nothing(engine: AsyncEngine) -> None:
    assert await claims.claim_batch(engine, [], NOW, KEYRING) == {}


async def test_a_duplicate_is_claimed_as_what_it_is(engine: AsyncEngine) -> None:
    await claimed(engine, candidate("a", "x", 1))
    item = (await claimed(engine, candidate("a", "x", 2)))[2].event
    assert item is not None
    assert item.duplicate_kind is DuplicateKind.SAME_SIGNAL
    assert item.duplicate_of == candidate("a", "x", 1).posting


def test_stripes_are_spread_and_stay() -> None:
    found = {locks.stripe(b"person", bytes([number]) * 16) for number in range(256)}
    assert len(found) > 200
    assert all(0 <= item < locks.STRIPES for item in found)
    assert locks.stripe(b"case", b"x") == locks.stripe(b"case", b"x") != locks.stripe(b"person", b"x")
