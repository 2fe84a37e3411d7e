from __future__ import annotations

import asyncio
from collections import defaultdict
from dataclasses import dataclass

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from kruispunt_processors.engine import backlog
from kruispunt_processors.engine.backlog import Backlog, Batch, Held, Left
from kruispunt_processors.engine.stage import Incoming
from kruispunt_schemas.failures import AwaitedError

from tests.drafts import MONDAY


def held(offset: int, partition: int = 0, size: int = 1) -> Held:
    return Held(None, Incoming("admitted", partition, offset, MONDAY, None, b"v" * size, {}))


@dataclass
class Clock:
    now: float = 100.0

    def __call__(self) -> float:
        return self.now


async def filled(clock: Clock, *messages: Held) -> Backlog:
    found = Backlog(clock)
    for message in messages:
        await found.add(message)
    return found


def places(batch: Batch | None) -> list[tuple[int, int]]:
    return [(item.partition, item.offset) for item in batch.messages] if batch else []


async def test_a_batch_is_what_all_partitions_have() -> None:
    found = await filled(Clock(), held(0), held(1), held(0, 1), held(2))
    assert places(found.take()) == [(1, 0), (0, 0), (0, 1), (0, 2)]
    assert found.take() is None


async def test_a_long_partition_leaves_room_for_the_others() -> None:
    found = await filled(
        Clock(), *(held(n) for n in range(400)), held(0, 1), *(held(n, 2) for n in range(99))
    )
    batch = found.take()
    assert batch is not None
    counts = [sum(item.partition == number for item in batch.messages) for number in range(3)]
    assert counts == [400, 1, 99]


async def test_a_few_large_messages_are_a_batch_of_their_own() -> None:
    found = await filled(Clock(), *(held(n, size=3 * 1024 * 1024) for n in range(3)))
    first = found.take()
    assert first is not None
    assert places(first) == [(0, 0)]
    found.settle(first, None)
    assert places(found.take()) == [(0, 1)]


async def test_a_partition_under_way_gives_nothing_more_until_it_is_settled() -> None:
    found = await filled(Clock(), held(0))
    batch = found.take()
    assert batch is not None
    await found.add(held(1))
    await found.add(held(0, 1))
    assert places(found.take()) == [(1, 0)]
    assert found.settle(batch, None) == batch.held
    assert places(found.take()) == [(0, 1)]


async def test_what_awaits_is_put_back_in_front_and_rests_with_growing_pauses() -> None:
    clock = Clock()
    found = await filled(clock, held(0), held(1), held(2), held(0, 1))
    batch = found.take()
    assert batch is not None
    error = AwaitedError("an earlier version")
    done = found.settle(batch, Left([item for item in batch.messages if item.offset], error))
    assert [item.message.offset for item in done] == [0, 0]
    await found.add(held(3))
    pauses = []
    for _ in range(7):
        began = clock.now
        while (again := found.take()) is None:
            clock.now += 0.05
        pauses.append(round(clock.now - began, 1))
        assert places(again) == [(0, 1), (0, 2), (0, 3)]
        found.settle(again, Left(again.messages, error))
    assert pauses == [0.1, 0.2, 0.4, 0.8, 1.6, 3.0, 3.0]


async def test_what_awaits_for_too_long_ends_the_worker_unless_something_of_its_partition_got_on() -> None:
    clock = Clock()
    found = await filled(clock, held(0), held(1))
    error = AwaitedError("an earlier version")

    def again(count: int) -> None:
        clock.now += backlog.LONGEST_REST
        batch = found.take()
        assert batch is not None
        found.settle(batch, Left(batch.messages[-count:], error))

    again(2)
    for _ in range(9):
        again(2)
    again(1)
    for _ in range(10):
        again(1)
    await found.add(held(0, 1))
    under_way = found.take()
    assert places(under_way) == [(1, 0)]
    assert under_way is not None
    again(1)  # it may wait for what is under way
    found.settle(under_way, None)
    with pytest.raises(AwaitedError):
        again(1)


async def test_after_a_rebalance_nothing_of_before_is_given_out_or_put_back() -> None:
    found = await filled(Clock(), held(0), held(1))
    batch = found.take()
    assert batch is not None
    await found.add(held(2))
    found.forget()
    await found.add(held(0))
    assert found.take() is None, "what is under way still is"
    assert found.settle(batch, Left(batch.messages[1:], AwaitedError("x"))) == batch.held[:1]
    assert places(found.take()) == [(0, 0)]


async def test_next_waits_for_a_message_for_a_partition_and_for_the_end_of_a_rest() -> None:
    found = Backlog()
    waiting = asyncio.create_task(found.next())
    await asyncio.sleep(0)
    assert not waiting.done()
    await found.add(held(0))
    async with asyncio.timeout(5):
        batch = await waiting
        found.settle(batch, Left(batch.messages, AwaitedError("x")))
        assert places(await found.next()) == [(0, 0)]


async def test_no_more_is_read_while_it_is_full(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backlog, "FULL", 2)
    found = await filled(Clock(), held(0))
    adding = asyncio.create_task(found.add(held(1)))
    await asyncio.sleep(0)
    assert not adding.done()
    assert found.take() is not None
    async with asyncio.timeout(5):
        await adding
    adding = asyncio.create_task(found.add(held(0, 1, backlog.FULL_BYTES)))
    await asyncio.sleep(0)
    assert not adding.done()
    found.forget()
    async with asyncio.timeout(5):
        await adding


class InOrder(RuleBasedStateMachine):
    """Whatever comes, is settled, awaits and is forgotten: each partition's messages are done in order, none twice."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = Clock()
        self.backlog = Backlog(self.clock)
        self.next_offset: dict[int, int] = defaultdict(int)
        self.done: dict[int, list[int]] = defaultdict(list)
        self.read_from: dict[int, int] = defaultdict(int)
        self.batches: list[Batch] = []
        self.rebalanced = 0

    @rule(partition=st.integers(0, 3), count=st.integers(1, 5))
    def come(self, partition: int, count: int) -> None:
        for _ in range(count):
            asyncio.run(self.backlog.add(held(self.next_offset[partition], partition)))
            self.next_offset[partition] += 1

    @rule()
    def take(self) -> None:
        batch = self.backlog.take()
        if batch is not None:
            self.batches.append(batch)

    @precondition(lambda self: self.batches)
    @rule(data=st.data())
    def settle(self, data: st.DataObject) -> None:
        batch = self.batches.pop(data.draw(st.integers(0, len(self.batches) - 1)))
        stop = {place: data.draw(st.integers(0, 6)) for place in range(4)}
        left = [
            item
            for place in range(4)
            for item in [m for m in batch.messages if m.partition == place][stop[place] :]
        ]
        found = self.backlog.settle(batch, Left(left, AwaitedError("x")) if left else None)
        if batch.since == self.rebalanced:
            for item in found:
                self.done[item.message.partition].append(item.message.offset)

    @rule(seconds=st.floats(0, 4))
    def pass_time(self, seconds: float) -> None:
        self.clock.now += seconds if self.clock.now < 120 else 0.0

    @rule()
    def rebalance(self) -> None:
        self.backlog.forget()
        self.rebalanced += 1
        for partition in list(self.next_offset):
            self.next_offset[partition] = len(self.done[partition])

    @invariant()
    def in_order(self) -> None:
        for offsets in self.done.values():
            assert offsets == list(range(len(offsets)))


InOrder.TestCase.settings = settings(max_examples=100, stateful_step_count=40, deadline=None)
TestInOrder = InOrder.TestCase
