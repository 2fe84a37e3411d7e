"""The bare hop: copies one topic to another. ``python -m benchmarks.copying BROKERS FROM TO``.

Must not: look at what it copies.
"""

from __future__ import annotations

import sys

from confluent_kafka import Consumer, Producer


def copy(brokers: str, source: str, target: str) -> None:
    """Copy for ever."""
    producer = Producer(
        {"bootstrap.servers": brokers, "acks": "all", "enable.idempotence": True, "linger.ms": 0}
    )
    consumer = Consumer(
        {
            "bootstrap.servers": brokers,
            "group.id": "bench.copying",
            "auto.offset.reset": "earliest",
            "fetch.wait.max.ms": 10,
        }
    )
    consumer.subscribe([source])
    while True:
        message = consumer.poll(0.1)
        if message is not None and message.error() is None:
            producer.produce(target, message.value(), message.key(), headers=message.headers())
        producer.poll(0)


if __name__ == "__main__":
    copy(*sys.argv[1:4])
