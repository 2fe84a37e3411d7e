"""What the producers' integration tests need of the servers: topics, registered schemas, a legacy schema, a reader."""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import quote

import psycopg
from confluent_kafka import Consumer, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic
from kruispunt_schemas import schema, topics, wire
from kruispunt_schemas.registry import Registry
from kruispunt_schemas.settings import Addresses


@dataclass(frozen=True, slots=True)
class Record:
    """One record of a topic, read by a client that shares no code with ours."""

    offset: int
    key: bytes | None
    value: bytes | None
    headers: dict[str, bytes]

    @property
    def identifier(self) -> str:
        return self.headers["ce_id"].decode()


def prepare(addresses: Addresses, *participants: str) -> None:
    """Create the participants' own topics and register the types that are posted."""
    admin = AdminClient({"bootstrap.servers": addresses.brokers})
    wanted = [topics.out_topic(name) for name in participants]
    settings = {"max.message.bytes": str(topics.MAX_POSTING_BYTES), "message.timestamp.type": "LogAppendTime"}
    new = [NewTopic(each.name, 1, 1, config=settings) for each in wanted]
    for future in admin.create_topics(new).values() if new else ():
        with contextlib.suppress(KafkaException):  # it exists already
            future.result(30)
    with contextlib.closing(Registry(addresses.registry)) as registry:
        registry.prepare()
        for name in schema.POSTING_TYPES:
            registry.register(schema.load(name))


def read_topic(addresses: Addresses, participant: str) -> list[Record]:
    """Return everything on a participant's own topic."""
    consumer = Consumer(
        {
            "bootstrap.servers": addresses.brokers,
            "group.id": f"test-{uuid.uuid4()}",
            "enable.auto.commit": False,
        }
    )
    partition = TopicPartition(topics.out_topic(participant).name, 0)
    found: list[Record] = []
    try:
        start, end = consumer.get_watermark_offsets(partition, timeout=20)
        consumer.assign([TopicPartition(partition.topic, 0, start)])
        while end > start and (not found or found[-1].offset < end - 1):
            message = consumer.poll(20)
            assert message is not None, "the topic could not be read to its end"
            assert message.error() is None
            found.append(
                Record(
                    message.offset() or 0, message.key(), message.value(), wire.header_map(message.headers())
                )
            )
    finally:
        consumer.close()
    return found


@contextlib.contextmanager
def legacy_schema(addresses: Addresses) -> Iterator[str]:
    """Make an empty schema in the stack's database, and return a URL that sees only it; gone afterwards."""
    assert addresses.database is not None
    name = f"legacy_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(addresses.database, autocommit=True) as connection:
        connection.execute(f"create schema {name}")
        try:
            yield with_options(addresses.database, f"-c search_path={name}")
        finally:
            connection.execute(f"drop schema {name} cascade")


def with_options(url: str, options: str) -> str:
    """Return a URL with server options."""
    return f"{url}{'&' if '?' in url else '?'}options={quote(options)}"
