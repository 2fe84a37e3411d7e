"""Records are found again at their place, as long as they lie there."""

from __future__ import annotations

import secrets
from collections.abc import Iterator

import pytest
from confluent_kafka import Producer, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic
from kruispunt_processors.route import lookup
from kruispunt_processors.route.lookup import look_up
from kruispunt_schemas.failures import UnavailableError

from tests.stacks import StackUnderTest

pytestmark = pytest.mark.timeout(120)


@pytest.fixture
def topic(stack: StackUnderTest) -> Iterator[str]:
    """A topic of two partitions with five records each."""
    brokers = stack.addresses.brokers
    name = f"lookup-{secrets.token_hex(4)}"
    admin = AdminClient({"bootstrap.servers": brokers})
    admin.create_topics([NewTopic(name, 2, 1)])[name].result(30)
    producer = Producer({"bootstrap.servers": brokers})
    for partition in (0, 1):
        for number in range(5):
            producer.produce(
                name,
                partition=partition,
                value=f"{partition}/{number}".encode(),
                headers={"number": str(number).encode()},
            )
    assert producer.flush(30) == 0
    yield name
    admin.delete_topics([name])[name].result(30)


async def test_each_record_is_found_at_its_place(stack: StackUnderTest, topic: str) -> None:
    places = [(topic, 1, 4), (topic, 0, 0), (topic, 0, 3), (topic, 0, 3)]
    found = await look_up(stack.addresses.brokers, places)
    assert {place: message.value for place, message in found.items()} == {
        (topic, number, offset): f"{number}/{offset}".encode() for _, number, offset in places
    }
    message = found[topic, 0, 3]
    assert (message.topic, message.partition, message.offset) == (topic, 0, 3)
    assert message.headers == {"number": b"3"}
    assert message.appended_at.tzinfo is not None


async def test_what_retention_removed_and_what_never_lay_there_is_left_out(
    stack: StackUnderTest, topic: str
) -> None:
    admin = AdminClient({"bootstrap.servers": stack.addresses.brokers})
    (removed,) = admin.delete_records([TopicPartition(topic, 0, 3)]).values()
    removed.result(30)
    found = await look_up(
        stack.addresses.brokers, [(topic, 0, 2), (topic, 0, 3), (topic, 0, 5), (topic, 1, 99)]
    )
    assert list(found) == [(topic, 0, 3)]


async def test_nothing_is_asked_of_nobody() -> None:
    assert await look_up("127.0.0.1:1", []) == {}


async def test_a_broker_that_is_away_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lookup, "ANSWER_SECONDS", 0.5)
    with pytest.raises(UnavailableError, match="content cannot be read again"):
        await look_up("127.0.0.1:1", [("resolved", 0, 0)])
