"""Records read again at their place on a topic: the content of signals that were decided before.

Rules
-----
1. A consumer of its own, for as long as a look lasts: partitions by hand, no group, nothing committed.
2. What retention has removed is left out of the answer, and so is a place that a topic made anew does not have.
3. A look takes `ANSWER_SECONDS` at most; then, and when Kafka does not answer, UnavailableError.

Must not: look into a record.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError, OffsetOutOfRangeError
from kruispunt_schemas import wire
from kruispunt_schemas.failures import UnavailableError
from kruispunt_schemas.topics import MAX_INTERNAL_BYTES

from kruispunt_processors.engine import records
from kruispunt_processors.engine.stage import Incoming
from kruispunt_processors.route.routing import Place

ANSWER_SECONDS: Final = 20.0
_POLL_MS: Final = 500
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)

Lookup = Callable[[Iterable[Place]], Awaitable[dict[Place, Incoming]]]
"""Gives the records that lie at some places, without those that are gone."""

records.install()


async def look_up(brokers: str, places: Iterable[Place]) -> dict[Place, Incoming]:
    """Return the records at these places, without those that are gone; raise UnavailableError by rule 3."""
    wanted = sorted(set(places))
    if not wanted:
        return {}
    consumer = AIOKafkaConsumer(
        bootstrap_servers=brokers,
        enable_auto_commit=False,
        auto_offset_reset="none",
        max_partition_fetch_bytes=2 * MAX_INTERNAL_BYTES,
    )
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            await consumer.start()
            return await _read(consumer, wanted)
    except (KafkaError, TimeoutError) as error:
        raise UnavailableError(f"content cannot be read again ({type(error).__name__})") from None
    finally:
        await consumer.stop()


async def _read(consumer: AIOKafkaConsumer, wanted: Sequence[Place]) -> dict[Place, Incoming]:
    partitions = {TopicPartition(topic, number) for topic, number, _ in wanted}
    starts = await consumer.beginning_offsets(partitions)
    ends = await consumer.end_offsets(partitions)
    found: dict[Place, Incoming] = {}
    for topic, number, offset in wanted:
        partition = TopicPartition(topic, number)
        if not starts[partition] <= offset < ends[partition]:
            continue
        consumer.assign([partition])
        consumer.seek(partition, offset)
        record = await _next(consumer, partition)
        # Retention may have come in between; another offset is another record.
        if record is not None and record.offset == offset:
            found[topic, number, offset] = _incoming(record)
    return found


async def _next(consumer: AIOKafkaConsumer, partition: TopicPartition) -> Any | None:
    """Return the first record from where the consumer stands, None when that place is gone."""
    while True:
        try:
            batch = await consumer.getmany(partition, timeout_ms=_POLL_MS, max_records=1)
        except OffsetOutOfRangeError:
            return None
        for record in batch.get(partition, ()):
            return record


def _incoming(record: Any) -> Incoming:
    return Incoming(
        topic=record.topic,
        partition=record.partition,
        offset=record.offset,
        appended_at=_EPOCH + timedelta(milliseconds=record.timestamp),
        key=record.key,
        value=record.value,
        headers=wire.header_map(record.headers),
    )
