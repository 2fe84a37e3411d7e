"""Posts that no careful client makes: record batches with any bytes as the name of a header."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, Self

from aiokafka import AIOKafkaProducer
from aiokafka.producer.message_accumulator import BatchBuilder
from aiokafka.record.default_records import _DefaultRecordBatchBuilderPy

Headers = Sequence[tuple[str, bytes | None]]


class Name(str):
    """A header's name whose bytes are these, whatever they are."""

    __slots__ = ("raw",)
    raw: bytes

    def __new__(cls, raw: bytes) -> Self:
        made = super().__new__(cls, raw.decode("latin-1"))
        made.raw = raw
        return made

    def encode(self, encoding: str = "utf-8", errors: str = "strict") -> bytes:  # noqa: ARG002
        return self.raw


def batch_of(rows: Sequence[tuple[bytes | None, bytes | None, Headers]], *, codec: int = 0) -> bytes:
    """Return a record batch. rows: key, value and headers of each record."""
    builder = _builder(codec)
    for number, (key, value, headers) in enumerate(rows):
        assert builder.append(number, None, key, value, list(headers)) is not None
    return bytes(builder.build())


def post(
    brokers: str,
    topic: str,
    rows: Sequence[tuple[bytes | None, bytes | None, Headers]],
    *,
    timestamp: int | None = None,
) -> tuple[int, int]:
    """Post records as one batch; return the offset of the first and its append time (ms). timestamp: create time, ms."""
    return asyncio.run(_post(brokers, topic, rows, timestamp))


async def _post(
    brokers: str,
    topic: str,
    rows: Sequence[tuple[bytes | None, bytes | None, Headers]],
    timestamp: int | None,
) -> tuple[int, int]:
    producer = AIOKafkaProducer(bootstrap_servers=brokers, acks="all", max_request_size=16 * 1024 * 1024)
    await producer.start()
    try:
        batch: BatchBuilder = producer.create_batch()
        batch._builder = _builder(0)
        for key, value, headers in rows:
            assert batch.append(key=key, value=value, timestamp=timestamp, headers=list(headers)) is not None
        found: Any = await (await producer.send_batch(batch, topic, partition=0))
        return found.offset, found.timestamp
    finally:
        await producer.stop()


def _builder(codec: int) -> _DefaultRecordBatchBuilderPy:
    return _DefaultRecordBatchBuilderPy(2, codec, 0, -1, -1, 0, 2**30)
