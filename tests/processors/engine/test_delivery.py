from __future__ import annotations

import asyncio
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka.errors import (
    KafkaError,
    KafkaTimeoutError,
    MessageSizeTooLargeError,
    NotLeaderForPartitionError,
    OutOfOrderSequenceNumber,
)
from aiokafka.partitioner import DefaultPartitioner
from aiokafka.producer.message_accumulator import BatchBuilder
from kruispunt_processors.engine import delivery
from kruispunt_processors.engine.delivery import FaustPublisher
from kruispunt_processors.engine.stage import WorkerLostError
from kruispunt_schemas import failpoints, topics
from kruispunt_schemas.failures import UnavailableError
from kruispunt_schemas.wire import Message

Settle = Callable[[asyncio.Future[None]], None]


class Broker:
    """Stands for aiokafka's producer under the app's: ``settle`` settles each batch, ``refuse`` refuses to take it."""

    def __init__(self, settle: Settle, refuse: Exception | None = None, batch_size: int = 1_000) -> None:
        self.producer = SimpleNamespace(_producer=self)
        self.client = self
        self.cluster = SimpleNamespace(
            partitions_for_topic=lambda topic: {0, 1, 2} if topic == "three" else {0}
        )
        self.settle = settle
        self.refuse = refuse
        self.batch_size = batch_size
        self.looked_up: list[str] = []
        self.sent: list[tuple[str, int, int]] = []

    async def _wait_on_metadata(self, topic: str) -> None:
        self.looked_up.append(topic)

    _partitioner = DefaultPartitioner()

    def create_batch(self) -> BatchBuilder:
        return BatchBuilder(self.batch_size, 0)

    async def send_batch(self, batch: BatchBuilder, topic: str, *, partition: int) -> asyncio.Future[None]:
        if self.refuse is not None:
            raise self.refuse
        self.sent.append((topic, partition, batch.record_count()))
        assert batch.closed(), "an open one lingers"
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.settle(future)
        return future


def confirmed(future: asyncio.Future[None]) -> None:
    future.set_result(None)


def publisher(broker: Broker) -> FaustPublisher:
    app: Any = broker
    return FaustPublisher(app)


MESSAGES = [Message("t", b"k", b"v", [("h", b"1")]), Message("t", None, b"w", [])]


async def test_what_goes_to_one_partition_is_one_batch() -> None:
    broker = Broker(confirmed)
    await publisher(broker).publish([*MESSAGES, Message("u", None, b"x", [])])
    assert broker.sent == [("t", 0, 2), ("u", 0, 1)]
    assert sorted(broker.looked_up) == ["t", "u"]
    await publisher(broker).publish([])
    assert len(broker.sent) == 2


async def test_a_full_batch_is_followed_by_another_and_a_large_message_goes_alone() -> None:
    broker = Broker(confirmed)
    values = [b"v" * 400, b"w" * 400, b"x" * 400, b"y" * 5_000, b"z"]
    await publisher(broker).publish([Message("t", None, value, []) for value in values])
    assert broker.sent == [("t", 0, 2), ("t", 0, 1), ("t", 0, 1), ("t", 0, 1)]


async def test_a_key_lands_where_the_contract_says() -> None:
    broker = Broker(confirmed)
    keys = [bytes([number]) * 32 for number in range(20)]
    await publisher(broker).publish([Message("three", key, b"v", []) for key in keys])
    assert topics.PARTITIONER.startswith("murmur2")
    counts = [sum(DefaultPartitioner()(key, [0, 1, 2], []) == number for key in keys) for number in range(3)]
    assert sorted(broker.sent) == [("three", number, count) for number, count in enumerate(counts)]


async def test_delivery_that_is_not_confirmed_in_time_is_unavailable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delivery, "DELIVERY_SECONDS", 0.01)
    with pytest.raises(UnavailableError, match="confirm"):
        await publisher(Broker(lambda _future: None)).publish(MESSAGES)


@pytest.mark.parametrize(
    "refusal", [KafkaTimeoutError(), NotLeaderForPartitionError("content"), KafkaError()]
)
async def test_what_cannot_be_handed_over_may_pass_and_shows_no_content(refusal: Exception) -> None:
    with pytest.raises(UnavailableError) as raised:
        await publisher(Broker(lambda _future: None, refuse=refusal)).publish(MESSAGES[:1])
    assert "content" not in str(raised.value)


@pytest.mark.parametrize("refusal", [OutOfOrderSequenceNumber(), MessageSizeTooLargeError("content")])
async def test_a_batch_that_fails_on_its_way_ends_the_worker(refusal: Exception) -> None:
    """Regression: its sequence number was used up, so the broker refused what came after; sound messages were cornered."""
    with pytest.raises(WorkerLostError) as raised:
        await publisher(Broker(lambda future: future.set_exception(refusal))).publish(MESSAGES[:1])
    assert "content" not in str(raised.value)
    assert not isinstance(raised.value, UnavailableError)
    errors = iter([KafkaTimeoutError(), refusal])

    class Half(Broker):
        async def send_batch(
            self, batch: BatchBuilder, topic: str, *, partition: int
        ) -> asyncio.Future[None]:
            if topic == "t":
                raise next(errors)
            return await super().send_batch(batch, topic, partition=partition)

    broker = Half(lambda future: future.set_exception(refusal))
    with pytest.raises(WorkerLostError):
        await publisher(broker).publish([Message("t", None, b"v", []), Message("u", None, b"v", [])])


async def test_a_message_that_its_topic_does_not_take_is_refused_before_it_is_sent() -> None:
    broker = Broker(confirmed)
    large = Message("u", None, b"v" * topics.MAX_INTERNAL_BYTES, [])
    with pytest.raises(MessageSizeTooLargeError):
        await publisher(broker).publish([*MESSAGES, large])
    assert broker.sent == []


async def test_many_large_outputs_go_in_rounds(monkeypatch: pytest.MonkeyPatch) -> None:
    """Regression: all went in one request; a broker closes the connection on one of more than 100 MiB, for ever."""
    monkeypatch.setattr(delivery, "ROUND_BYTES", 2_500)
    under_way: list[int] = []

    def settle(future: asyncio.Future[None]) -> None:
        under_way.append(len(broker.sent))
        asyncio.get_running_loop().call_soon(future.set_result, None)

    broker = Broker(settle)
    sends = [Message(f"t{number}", None, b"v" * 1_000, []) for number in range(5)]
    await publisher(broker).publish(sends)
    assert [topic for topic, _, _ in broker.sent] == [message.topic for message in sends]
    assert under_way == [1, 2, 3, 4, 5]


async def test_armed_among_sends_one_partition_is_confirmed_before_the_next_is_sent(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    passed: list[int] = []
    monkeypatch.setattr(failpoints, "is_armed", lambda name: name == "stage.sending")
    broker = Broker(confirmed)

    def reached(name: str) -> None:
        if name == "stage.sending":
            passed.append(len(broker.sent))

    monkeypatch.setattr(failpoints, "reached", reached)
    await publisher(broker).publish([*MESSAGES, Message("u", None, b"x", [])])
    assert passed == [1, 1, 2], "once for each output, before the next partition's are sent"
