"""``in.<participant>`` as it grows: records from an offset on, read from the broker.

Rules
-----
1. Partition 0 is assigned by hand at the offset that the store says; no group, no commit.
2. `span` tells what the broker still has; the follower compares it with the store before anything is read.
3. An offset that retention took away while it was read shows as `Overtaken`: a value, for it is an alert and no failure.
4. A broker that falls silent shows as `Silence`: the client connects again by itself.

Must not: decode a record, or hold an offset beyond the assignment.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from confluent_kafka import Consumer, Message, TopicPartition
from kruispunt_schemas import topics, wire

from kruispunt_consumers.broker import ANSWER_SECONDS, END, OUT_OF_RANGE, SILENT, named, opened, translated
from kruispunt_consumers.inbox.reading import Arrival
from kruispunt_consumers.topic_reader import record_of

BATCH: Final = 200
"""Records of one transaction at most; each is small, and the largest batch must still fit in memory."""


@dataclass(frozen=True, slots=True)
class Span:
    """The first offset that the broker has, and the one that it will give next."""

    first: int
    end: int


@dataclass(frozen=True, slots=True)
class Overtaken:
    """The offset asked for is no longer, or not yet, on the broker."""


@dataclass(frozen=True, slots=True)
class Silence:
    """No broker answers; the client tries again by itself."""

    reason: str


class InTopic:
    """The open topic of one participant. ``end_seen``: the offset at which the broker last had nothing more."""

    def __init__(self, consumer: Consumer, brokers: str, name: str) -> None:
        self._consumer = consumer
        self._brokers = brokers
        self.name = name
        self.end_seen = 0
        self._pending: Overtaken | None = None

    def span(self) -> Span:
        """Ask the broker what it has."""
        with translated(self.name, self._brokers):
            first, end = self._consumer.get_watermark_offsets(
                TopicPartition(self.name, 0), timeout=ANSWER_SECONDS
            )
        return Span(first, end)

    def behind(self, offset: int) -> int:
        """Return how many records lie behind an offset, as far as the broker has told without being asked."""
        _, end = self._consumer.get_watermark_offsets(TopicPartition(self.name, 0), cached=True)
        return max(0, max(end, self.end_seen) - offset)

    def start_at(self, offset: int) -> None:
        """Read from an offset on."""
        with translated(self.name, self._brokers):
            self._consumer.assign([TopicPartition(self.name, 0, offset)])

    def next(self, seconds: float) -> tuple[Arrival, ...] | Overtaken | Silence:
        """Return what arrived within so many seconds, in order; nothing when nothing did."""
        if (pending := self._pending) is not None:
            self._pending = None
            return pending
        with translated(self.name, self._brokers):
            first = self._consumer.poll(seconds)  # `consume` would wait for a whole batch or all of the time
            batch = [] if first is None else [first, *self._consumer.consume(BATCH - 1, timeout=0.0)]
        arrivals: list[Arrival] = []
        silence: Silence | None = None
        for message in batch:
            if (error := message.error()) is None:
                arrivals.append(_arrival(message))
            elif error.code() == END:
                self.end_seen = max(self.end_seen, message.offset() or 0)
            elif error.code() in OUT_OF_RANGE:
                self._pending = Overtaken()  # told after what came before it
            elif error.code() in SILENT:
                silence = Silence(str(named(error, self.name, self._brokers)))
            else:
                raise named(error, self.name, self._brokers)
        return silence if silence is not None and not arrivals else tuple(arrivals)


@contextmanager
def in_topic(brokers: str, participant: str) -> Iterator[InTopic]:
    """Open a participant's topic; raise TopicMissingError, AccessRefusedError or BrokersSilentError at once."""
    name = topics.in_topic(participant).name
    with opened(brokers, name, client=f"inbox-{participant}") as consumer:
        yield InTopic(consumer, brokers, name)


def _arrival(message: Message) -> Arrival:
    record = record_of(message)
    return Arrival(record.offset, record.appended_at, record.value, wire.header_map(record.headers))
