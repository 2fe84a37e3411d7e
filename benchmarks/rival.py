"""The rival: a plain confluent-kafka loop around the same stage, its pure functions and its SQL statements.

``python -m benchmarks.rival ROLE DATA``. What a careful engineer writes by hand: batches of 500, an idempotent
producer, outputs delivered before the offsets are committed. It has no supervision, no watchdog, no rebalance of a
batch under way and no cornering of a poison message: what the engine adds is what is measured against it.

Must not: do any of the stage's work in another way than the worker does.
"""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Sequence
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import uvloop
from confluent_kafka import Consumer, Message, Producer
from kruispunt_processors import workers
from kruispunt_processors.bundles import BundleFollower, BundleRegister
from kruispunt_processors.engine.stage import Incoming
from kruispunt_processors.outputs import Outbound
from kruispunt_schemas import schema as schemas
from kruispunt_schemas import topics, wire
from kruispunt_schemas.failures import UnavailableError
from kruispunt_schemas.registry import CACHE_FILE, Registry
from kruispunt_schemas.settings import Settings

BATCH: Final = 500
WITHIN_SECONDS: Final = 0.05
DELIVERY_SECONDS: Final = 20.0


class PlainPublisher:
    """Delivers with librdkafka's producer."""

    def __init__(self, brokers: str) -> None:
        self._producer = Producer(
            {
                "bootstrap.servers": brokers,
                "acks": "all",
                "enable.idempotence": True,
                "partitioner": topics.PARTITIONER,
                "linger.ms": 5,
                "message.max.bytes": topics.MAX_INTERNAL_BYTES,
                "queue.buffering.max.messages": 1_000_000,
            }
        )

    async def publish(self, messages: Sequence[wire.Message]) -> None:
        """Deliver all; raise UnavailableError when that is not confirmed in time."""
        failed: list[object] = []

        def delivered(error: object, _message: object) -> None:
            if error is not None:
                failed.append(error)

        for message in messages:
            self._producer.produce(
                message.topic,
                message.value,
                message.key,
                headers=list(message.headers),
                on_delivery=delivered,
            )
            self._producer.poll(0)
        left = await asyncio.to_thread(self._producer.flush, DELIVERY_SECONDS)
        if left or failed:
            raise UnavailableError("not every output was delivered")

    async def answers(self) -> None:
        """Ask the brokers for their metadata."""
        await asyncio.to_thread(self._producer.list_topics, topics.RESOLVED.name, DELIVERY_SECONDS)


def incoming(message: Message) -> Incoming:
    """Return a message as the stages see it."""
    return Incoming(
        topic=message.topic() or "",
        partition=message.partition() or 0,
        offset=message.offset() or 0,
        appended_at=datetime.fromtimestamp(message.timestamp()[1] / 1000, UTC),
        key=message.key(),
        value=message.value(),
        headers=wire.header_map(message.headers()),
    )


async def loop(role: str, data: Path) -> None:
    """Consume, handle, commit; until SIGTERM."""
    settings = Settings(data=data)
    addresses = settings.addresses()
    register = BundleRegister()
    follower = BundleFollower(addresses.brokers, register)
    await follower.start()
    with closing(Registry(addresses.registry, data / CACHE_FILE)) as registry:
        wire_ids = registry.wire_ids([schemas.load(name) for name in schemas.TOPIC_TYPES])
    stage, _ = workers.STAGES[role](
        workers.Parts(settings, register, Outbound(f"/backbone/{role}", wire_ids))
    )
    publisher = PlainPublisher(addresses.brokers)
    stopping = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopping.set)
    bundle = register.latest()
    consumer = Consumer(
        {
            "bootstrap.servers": addresses.brokers,
            "group.id": f"plain.{role}",
            "auto.offset.reset": "earliest",
            "enable.auto.commit": False,
            "fetch.message.max.bytes": topics.MAX_INTERNAL_BYTES,
        }
    )
    consumer.subscribe(workers.SOURCES[role]([row.id for row in bundle.participants] if bundle else []))
    while not stopping.is_set():
        found = await asyncio.to_thread(consumer.consume, BATCH, WITHIN_SECONDS)
        batch = [incoming(message) for message in found if message.error() is None]
        if batch:
            await stage.handle(batch, publisher)
            consumer.commit(asynchronous=True)
    consumer.close()


if __name__ == "__main__":
    asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
    asyncio.run(loop(sys.argv[1], Path(sys.argv[2])))
