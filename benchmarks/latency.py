"""From publishing to the recipients' topics at a steady pace, beside a bare two-hop Kafka round trip.

Method
------
1. Postings are due at fixed instants, whatever became of the ones before: the time counts from when one was due.
2. It ends when the last view of a signal was read from ``in.*`` by a plain consumer. Views are parsed afterwards.
3. The rival is the least that any such road must do: two topics, a loop that copies the first to the second, same
   pace, same sizes, same client settings.

Must not: send faster to catch up.
"""

from __future__ import annotations

import statistics
import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final, Self

from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic
from kruispunt_schemas import codec, topics, wire

from benchmarks.bed import ANSWER_SECONDS, Bed
from benchmarks.road import at_work, wait_quiet
from benchmarks.workload import Prepared

PER_SECOND: Final = 50
WARM_UP: Final = 250
READY_SECONDS: Final = 60.0
SETTLE_SECONDS: Final = 15.0
FIRST_HOP, SECOND_HOP = "bench.first", "bench.second"
_CLIENT: Final = {"acks": "all", "enable.idempotence": True, "linger.ms": 0}


@dataclass(frozen=True, slots=True)
class Latency:
    """Milliseconds from when a signal was due until its last view was read; ``signals`` that had any."""

    signals: int
    p50: float
    p99: float
    longest: float


def of_road(bed: Bed, postings: Sequence[Prepared]) -> Latency:
    """Return the latency over the whole road; the workers are started and stopped here."""
    places = [TopicPartition(topics.in_topic(row.id).name, 0) for row in bed.rows]
    warm, postings = postings[:WARM_UP], postings[WARM_UP:]
    with at_work(bed), _Reader(bed.brokers, places) as reader:
        bed.send(warm)
        wait_quiet(bed, READY_SECONDS)
        due = _send(bed.brokers, postings)
        reader.settle(SETTLE_SECONDS)
    last: dict[bytes, float] = {}
    for at, value, headers in reader.found:
        schema = codec.schema_of(wire.fingerprint_of(headers))
        if schema.sections:
            signed = codec.decode_signed(schema, wire.unwrapped(value))
            last[signed.header] = at
    starts = {_header(item): at for item, at in zip(postings, due, strict=True)}
    return _latency([last[header] - at for header, at in starts.items() if header in last])


def of_two_hops(bed: Bed, postings: Sequence[Prepared]) -> Latency:
    """Return the latency of a bare copy from topic to topic to consumer."""
    admin = AdminClient({"bootstrap.servers": bed.brokers})
    for future in admin.create_topics([NewTopic(name, 1, 1) for name in (FIRST_HOP, SECOND_HOP)]).values():
        with suppress(KafkaException):  # there from the first half
            future.result(ANSWER_SECONDS)
    renamed = [Prepared(FIRST_HOP, item.value, item.headers) for item in postings]
    with (
        bed.running([sys.executable, "-m", "benchmarks.copying", bed.brokers, FIRST_HOP, SECOND_HOP]),
        _Reader(bed.brokers, [TopicPartition(SECOND_HOP, 0)]) as reader,
    ):
        due = _send(bed.brokers, renamed)
        reader.settle(SETTLE_SECONDS)
    times = [at for at, _, _ in reader.found]
    return _latency([at - start for at, start in zip(times, due, strict=False)])


def _header(item: Prepared) -> bytes:
    schema = codec.schema_of(wire.fingerprint_of(wire.header_map(item.headers)))
    return codec.decode_signed(schema, wire.unwrapped(item.value)).header


def _latency(seconds: list[float]) -> Latency:
    ordered = sorted(1000 * item for item in seconds)
    return Latency(
        signals=len(ordered),
        p50=statistics.median(ordered),
        p99=ordered[int(len(ordered) * 0.99)],
        longest=ordered[-1],
    )


def _send(brokers: str, postings: Sequence[Prepared]) -> list[float]:
    """Send at the pace and return when each posting was due (seconds, monotonic)."""
    producer = Producer({"bootstrap.servers": brokers, **_CLIENT})
    start = time.monotonic()
    due = [start + place / PER_SECOND for place in range(len(postings))]
    for item, at in zip(postings, due, strict=True):
        while (left := at - time.monotonic()) > 0:
            producer.poll(min(left, 0.005))
        producer.produce(item.topic, item.value, headers=list(item.headers))
        producer.poll(0)
    producer.flush(ANSWER_SECONDS)
    return due


class _Reader:
    """A thread that reads partitions from their present ends and notes when it saw each record."""

    def __init__(self, brokers: str, places: Sequence[TopicPartition]) -> None:
        self.found: list[tuple[float, bytes | None, dict[str, bytes]]] = []
        self._consumer = Consumer(
            {
                "bootstrap.servers": brokers,
                "group.id": "bench.reader",
                "enable.auto.commit": False,
                "fetch.wait.max.ms": 10,
            }
        )
        self._consumer.assign(
            [
                TopicPartition(
                    place.topic,
                    place.partition,
                    self._consumer.get_watermark_offsets(place, ANSWER_SECONDS)[1],
                )
                for place in places
            ]
        )
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._read)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._thread.join()
        self._consumer.close()

    def settle(self, seconds: float) -> None:
        """Return once nothing new has come for a second, at most so many seconds after the last was sent."""
        _until(lambda: bool(self.found) and time.monotonic() - self.found[-1][0] > 1.0, seconds)

    def _read(self) -> None:
        while not self._stopping.is_set():
            message = self._consumer.poll(0.1)
            if message is not None and message.error() is None:
                self.found.append((time.monotonic(), message.value(), wire.header_map(message.headers())))


def _until(condition: Callable[[], bool], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.1)
