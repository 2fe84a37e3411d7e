"""A consumer that knows Kafka, Avro and the registry's address, and nothing of this project.

Usage: ``foreign_reader.py BROKERS REGISTRY COUNT TOPIC...``; prints one JSON document for each record.
"""

from __future__ import annotations

import io
import json
import sys
import urllib.request
from functools import cache
from typing import Any, cast

import fastavro
from confluent_kafka import Consumer, TopicPartition


@cache
def schema_of(registry: str, number: int) -> Any:
    with urllib.request.urlopen(f"{registry}/schemas/ids/{number}", timeout=10) as answer:  # noqa: S310 (a test's)
        return fastavro.parse_schema(json.loads(json.load(answer)["schema"]))


def plain(value: object) -> str:
    return value.hex() if isinstance(value, bytes) else str(value)


def main(brokers: str, registry: str, count: int, topics: list[str]) -> None:
    consumer = Consumer(
        {"bootstrap.servers": brokers, "group.id": "foreign", "enable.auto.commit": False, "log_level": 0}
    )
    consumer.assign([TopicPartition(topic, 0, 0) for topic in topics])
    for _ in range(count):
        message = consumer.poll(30)
        assert message is not None, "nothing came within 30 s"
        assert message.error() is None, message.error()
        value = message.value()
        assert value is not None
        assert value[0] == 0
        schema = schema_of(registry, int.from_bytes(value[1:5], "big"))
        stream = io.BytesIO(value[5:])
        record = fastavro.schemaless_reader(stream, schema, None)
        assert stream.read() == b""
        # The stub names every shape that a producer may give; a consumer gets this one.
        sent = cast("list[tuple[str, bytes]]", message.headers() or [])
        headers = {name: content.decode() for name, content in sent}
        document = {"topic": message.topic(), "type": schema["name"], "headers": headers, "record": record}
        sys.stdout.write(json.dumps(document, default=plain) + "\n")
    consumer.close()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4:])
    assert not [name for name in sys.modules if name.startswith("kruispunt")]
