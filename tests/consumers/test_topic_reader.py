"""Whole topics from a real Kafka: all partitions, in order, to the end as it was when asked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from concurrent.futures import Future
from itertools import groupby
from types import SimpleNamespace
from uuid import uuid4

import pytest
from confluent_kafka import KafkaError, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic
from kruispunt_consumers.broker import AccessRefusedError, BrokersSilentError
from kruispunt_consumers.topic_reader import TopicReader
from kruispunt_consumers.topic_record import Extent
from kruispunt_schemas import wire

from tests import rawposts
from tests.rawposts import Name
from tests.stacks import StackUnderTest

PARTITIONS = 3
COUNT = 1200


@pytest.fixture
def topic(stack: StackUnderTest) -> Iterator[str]:
    admin = AdminClient({"bootstrap.servers": stack.addresses.brokers})
    name = f"reader-{uuid4().hex[:8]}"
    admin.create_topics([NewTopic(name, PARTITIONS, 1)])[name].result()
    yield name
    admin.delete_topics([name])[name].result()


@pytest.fixture
def reader(stack: StackUnderTest) -> TopicReader:
    return TopicReader(stack.addresses.brokers, client="test-reader")


def fill(stack: StackUnderTest, topic: str, values: range) -> None:
    producer = Producer({"bootstrap.servers": stack.addresses.brokers, "linger.ms": 5})
    for value in values:
        producer.produce(
            topic, value=str(value).encode(), partition=value % PARTITIONS, headers={"name": b"value"}
        )
    assert producer.flush(10) == 0


def test_every_record_of_every_partition_in_order(
    stack: StackUnderTest, topic: str, reader: TopicReader
) -> None:
    fill(stack, topic, range(COUNT))
    extents = reader.extents([topic])
    found = list(reader.read(extents))
    assert sorted(int(item.value) for item in found) == list(range(COUNT))
    ordered = sorted(found, key=lambda item: item.partition)
    for _, items in groupby(ordered, key=lambda item: item.partition):
        offsets = [item.offset for item in items]
        assert offsets == list(range(len(offsets)))
    assert found[0].headers == (("name", b"value"),)
    assert found[0].appended_at.tzinfo is not None


def test_a_header_name_that_is_not_utf_8_hides_the_headers_and_nothing_else(
    stack: StackUnderTest, topic: str, reader: TopicReader
) -> None:
    """Regression: the client library gives no header then, and what it raised ended the audit."""
    bad = [("name", b"x"), (Name(b"\xff"), b""), (Name(b"caf\xe9"), b"")]
    rows = 100 * [(None, b"a", [("name", b"x")]), (b"k", b"b", bad), (None, b"c", [])]
    rawposts.post(stack.addresses.brokers, topic, rows)
    found = [(item.key, item.value, item.headers) for item in reader.read(reader.extents([topic]))]
    expected = [(None, b"a", (("name", b"x"),)), (b"k", b"b", wire.UNREADABLE), (None, b"c", ())]
    assert found == 100 * expected


def test_a_transaction_hides_nothing_from_a_reader(
    stack: StackUnderTest, topic: str, reader: TopicReader
) -> None:
    """Regression: a poster who left a transaction open kept an auditor from the end of the topic."""
    settings = {"bootstrap.servers": stack.addresses.brokers, "transactional.id": topic}
    producer = Producer(settings)
    producer.init_transactions(30)
    for value, end in ((b"aborted", producer.abort_transaction), (b"left open", None)):
        producer.begin_transaction()
        producer.produce(topic, value=value, partition=0)
        assert producer.flush(10) == 0
        if end is not None:
            end(30)
    found = [item.value for item in reader.read(reader.extents([topic]))]
    assert found == [b"aborted", b"left open"]
    producer.abort_transaction(30)


def test_what_comes_after_the_question_is_left_out(
    stack: StackUnderTest, topic: str, reader: TopicReader
) -> None:
    fill(stack, topic, range(30))
    extents = reader.extents([topic])
    fill(stack, topic, range(30, 60))
    assert len(list(reader.read(extents))) == 30


def test_a_null_value_is_empty_and_an_empty_topic_gives_nothing(
    stack: StackUnderTest, topic: str, reader: TopicReader
) -> None:
    extents = reader.extents([topic])
    assert extents == [Extent(topic, place, 0, 0) for place in range(PARTITIONS)]
    assert list(reader.read(extents)) == []
    producer = Producer({"bootstrap.servers": stack.addresses.brokers})
    producer.produce(topic, value=None, key=b"k", partition=1)
    assert producer.flush(10) == 0
    (record,) = reader.read(reader.extents([topic]))
    assert (record.value, record.key, record.partition) == (b"", b"k", 1)


def test_an_absent_topic_has_no_extent(reader: TopicReader) -> None:
    assert reader.extents(["never-made"]) == []


def test_no_broker_is_a_named_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kruispunt_consumers.topic_reader.ANSWER_SECONDS", 0.5)
    with pytest.raises(BrokersSilentError, match=r"127\.0\.0\.1:1"):
        TopicReader("127.0.0.1:1", client="test-reader").topics()


class ElectingAdmin:
    """Answers as a broker does that has just started: no leader yet, then the offset."""

    def __init__(self, *answers: KafkaError | int) -> None:
        self._answers = list(answers)

    def list_offsets(
        self, asked: Mapping[TopicPartition, object], **_options: object
    ) -> dict[TopicPartition, Future[SimpleNamespace]]:
        return {partition: self._answer(self._answers.pop(0)) for partition in asked}

    def list_topics(self, timeout: float) -> SimpleNamespace:  # noqa: ARG002
        partition = SimpleNamespace(error=None, partitions={0: None})
        return SimpleNamespace(topics={"t": partition})

    @staticmethod
    def _answer(answer: KafkaError | int) -> Future[SimpleNamespace]:
        future: Future[SimpleNamespace] = Future()
        if isinstance(answer, KafkaError):
            future.set_exception(KafkaException(answer))
        else:
            future.set_result(SimpleNamespace(offset=answer))
        return future


def test_a_leader_being_elected_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    reader = TopicReader("127.0.0.1:1", client="test-reader")
    monkeypatch.setattr(reader, "_admin", ElectingAdmin(KafkaError(KafkaError.UNKNOWN_LEADER_EPOCH), 3, 9))
    assert reader.extents(["t"]) == [Extent("t", 0, 3, 9)]


def test_an_error_that_stays_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    reader = TopicReader("127.0.0.1:1", client="test-reader")
    monkeypatch.setattr(reader, "_admin", ElectingAdmin(KafkaError(KafkaError.TOPIC_AUTHORIZATION_FAILED)))
    with pytest.raises(AccessRefusedError, match="t "):
        reader.extents(["t"])
