"""Whole topics, read from their beginning to their end as it was when asked; Kafka at one boundary.

Rules
-----
1. `extents` asks once where each partition starts and ends; `read` gives exactly the records between.
2. All partitions of all topics asked for are assigned by hand; no group is joined and nothing is committed.
3. Records of one partition come in order; between partitions there is no order.
4. A partition that ends early, one that retention overtakes while it is read, and a broker that falls silent are errors:
   nothing is skipped.
5. What the Kafka client raises becomes one of the errors of `broker`.

Must not: decode a value, or hold more than one batch of records.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from operator import methodcaller
from threading import Event
from typing import Any, Final

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec  # type: ignore[attr-defined]  # its stub re-exports nothing
from kruispunt_schemas import wire
from kruispunt_schemas.failures import UnavailableError
from kruispunt_schemas.topics import MAX_INTERNAL_BYTES, Partition

from kruispunt_consumers.broker import ANSWER_SECONDS, END, OUT_OF_RANGE, named, translated
from kruispunt_consumers.topic_record import Extent, TopicRecord

STALL_SECONDS: Final = 30.0
"""Silence of the brokers after which reading ends with an error."""
BATCH: Final = 500
"""Records handed over by the Kafka client at once."""
_WAIT_SECONDS: Final = 0.1
"""How long the Kafka client gathers a batch; it waits that long at the end of every phase."""
_QUEUE_KILOBYTES: Final = 32 * 1024
"""How much the Kafka client may fetch ahead, over all partitions."""
_AGAIN_SECONDS: Final = 0.2
_ELECTING: Final = frozenset(
    {
        KafkaError.LEADER_NOT_AVAILABLE,
        KafkaError.NOT_LEADER_FOR_PARTITION,
        KafkaError.FENCED_LEADER_EPOCH,
        KafkaError.UNKNOWN_LEADER_EPOCH,
        KafkaError.OFFSET_NOT_AVAILABLE,
    }
)
"""Errors of a partition whose leader is being elected: a broker that has just started gives them for a moment."""
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_ASKED: Final = methodcaller("headers")
_EVERYTHING: Final = "the topics"


class TopicReader:
    """Reads topics of one Kafka cluster; ``client`` is its name at the broker."""

    def __init__(self, brokers: str, *, client: str) -> None:
        self._brokers = brokers
        self._logger = logging.getLogger("kruispunt.librdkafka")
        self._logger.addHandler(logging.NullHandler())
        self._logger.propagate = False
        self._client = client
        self._pause = Event()
        self._admin = AdminClient(
            {"bootstrap.servers": brokers, "client.id": client, "reconnect.backoff.max.ms": 1000},
            logger=self._logger,
        )

    def topics(self) -> dict[str, int]:
        """Return the number of partitions of every topic that this principal may see."""
        with translated(_EVERYTHING, self._brokers):
            found = self._admin.list_topics(timeout=ANSWER_SECONDS).topics
        return {name: len(item.partitions) for name, item in sorted(found.items()) if item.error is None}

    def extents(self, topics: Iterable[str]) -> list[Extent]:
        """Return where each partition of the topics starts and ends now."""
        known = self.topics()
        partitions = [(name, place) for name in topics for place in range(known.get(name, 0))]
        if not partitions:
            return []
        starts = self._offsets(partitions, OffsetSpec.earliest())  # type: ignore[no-untyped-call]
        ends = self._offsets(partitions, OffsetSpec.latest())  # type: ignore[no-untyped-call]
        return [Extent(*partition, starts[partition], ends[partition]) for partition in partitions]

    def read(self, extents: Sequence[Extent]) -> Iterator[TopicRecord]:
        """Give the records of these extents."""
        awaited = {(item.topic, item.partition): item for item in extents if item.start < item.end}
        if not awaited:
            return
        with translated(_EVERYTHING, self._brokers):
            consumer = self._consumer()
        try:
            with translated(_EVERYTHING, self._brokers):
                consumer.assign(
                    [TopicPartition(item.topic, item.partition, item.start) for item in awaited.values()]
                )
            yield from self._until_read(consumer, awaited)
        finally:
            consumer.close()

    def _until_read(self, consumer: Consumer, awaited: dict[Partition, Extent]) -> Iterator[TopicRecord]:
        heard = time.monotonic()
        while awaited:
            with translated(_EVERYTHING, self._brokers):
                batch = consumer.consume(BATCH, timeout=_WAIT_SECONDS)
            if batch:
                heard = time.monotonic()
            elif time.monotonic() - heard > STALL_SECONDS:
                left = ", ".join(sorted({topic for topic, _ in awaited})[:3])
                raise UnavailableError(f"Kafka gave nothing for {STALL_SECONDS:.0f} s; still to read: {left}")
            for message in batch:
                partition = (message.topic() or "", message.partition() or 0)
                extent = awaited.get(partition)
                if (error := message.error()) is not None:
                    if error.code() in OUT_OF_RANGE:
                        raise UnavailableError(
                            f"retention overtook the reading of {partition[0]}: start again"
                        )
                    if error.code() != END:
                        raise named(error, partition[0], self._brokers)
                    if awaited.pop(partition, None) is not None:
                        consumer.pause([TopicPartition(*partition)])
                    continue
                offset = message.offset()
                if extent is None or offset is None or offset >= extent.end:
                    continue
                yield record_of(message)
                if offset == extent.end - 1:
                    del awaited[partition]
                    consumer.pause([TopicPartition(*partition)])

    def _offsets(self, partitions: list[Partition], spec: OffsetSpec) -> dict[Partition, int]:
        """Ask for offsets; a leader that is just being elected is asked again within the bound (rule 5)."""
        deadline = time.monotonic() + ANSWER_SECONDS
        found: dict[Partition, int] = {}
        while left := [partition for partition in partitions if partition not in found]:
            asked = {TopicPartition(*partition): spec for partition in left}
            for partition, future in self._admin.list_offsets(asked, request_timeout=ANSWER_SECONDS).items():
                try:
                    found[partition.topic, partition.partition] = future.result().offset
                except KafkaException as error:
                    if error.args[0].code() not in _ELECTING or time.monotonic() > deadline:
                        raise named(error.args[0], partition.topic, self._brokers) from None
            if len(found) < len(partitions):
                self._pause.wait(_AGAIN_SECONDS)
        return found

    def _consumer(self) -> Consumer:
        return Consumer(
            {
                "bootstrap.servers": self._brokers,
                "client.id": self._client,
                "group.id": self._client,  # librdkafka asks for one; nothing is committed and no group is joined
                "enable.auto.commit": False,
                "enable.auto.offset.store": False,
                "auto.offset.reset": "error",
                "enable.partition.eof": True,
                "allow.auto.create.topics": False,
                # As admission reads: a poster's transaction, open or aborted, hides nothing that the broker holds.
                "isolation.level": "read_uncommitted",
                "queued.max.messages.kbytes": _QUEUE_KILOBYTES,
                "fetch.message.max.bytes": MAX_INTERNAL_BYTES + 1024 * 1024,
                "fetch.wait.max.ms": 50,
                "reconnect.backoff.max.ms": 1000,
            },
            logger=self._logger,
        )


def record_of(message: Message) -> TopicRecord:
    """Return a message of the Kafka client as a value."""
    _, milliseconds = message.timestamp()
    found = _headers(message)
    pairs = found.items() if isinstance(found, Mapping) else found
    return TopicRecord(
        topic=message.topic() or "",
        partition=message.partition() or 0,
        offset=message.offset() or 0,
        appended_at=_EPOCH + timedelta(milliseconds=milliseconds),
        key=_bytes(message.key()),
        value=_bytes(message.value()) or b"",
        headers=tuple((str(pair[0]), _bytes(pair[1]) or b"") for pair in pairs),
    )


def _headers(message: Message) -> Any:
    """Return what the client gives, `wire.UNREADABLE` when the name of a header is not UTF-8.

    The client then returns a broken list with an exception set. An ordinary call, once the interpreter has made it quick,
    does not look for that and fails anywhere later; this one looks.
    """
    try:
        return _ASKED(message) or ()
    except (SystemError, UnicodeDecodeError):
        return wire.UNREADABLE


def _bytes(value: object) -> bytes | None:
    if isinstance(value, str):
        return value.encode()
    return value if isinstance(value, bytes) else None


__all__ = ["TopicReader", "record_of"]
