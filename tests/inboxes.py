"""Every participant's own topic, read by one consumer: what each of them finds there, and where."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from confluent_kafka import Consumer, Message, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec
from kruispunt_schemas import topics

from tests.waiting import wait_until

TAKE_SECONDS = 0.03
"""How long one look waits for something to come."""
ANSWER_SECONDS = 30.0


class Inboxes:
    """The topics ``in.<participant>`` from their beginnings. lying: what has been read of each, in order."""

    def __init__(self, brokers: str, participants: Iterable[str]) -> None:
        self.lying: dict[str, list[Message]] = {name: [] for name in participants}
        self._admin = AdminClient({"bootstrap.servers": brokers, "log_level": 0})
        self._consumer = Consumer(
            {
                "bootstrap.servers": brokers,
                "group.id": "inboxes",
                "enable.auto.commit": False,
                "fetch.wait.max.ms": 20,
                "log_level": 0,
            }
        )
        self._consumer.assign([TopicPartition(topics.in_topic(name).name, 0, 0) for name in self.lying])

    def take(self) -> list[Message]:
        """Return what has come meanwhile; it lies with the rest."""
        came = self._consumer.consume(1000, timeout=TAKE_SECONDS)
        for message in came:
            assert message.error() is None
            self.lying[topics.owner(message.topic() or "")].append(message)
        return came

    def ends(self) -> dict[str, int]:
        """Return the offset at which each topic ends now."""
        wanted = {TopicPartition(topics.in_topic(name).name, 0): OffsetSpec.latest() for name in self.lying}
        futures = self._admin.list_offsets(wanted)
        return {
            topics.owner(partition.topic): future.result(ANSWER_SECONDS).offset
            for partition, future in futures.items()
        }

    def read_to_the_end(self, taken: Callable[[list[Message]], None] = lambda _messages: None) -> None:
        """Read all that lies there now; ``taken`` is told of each portion."""
        ends = self.ends()

        def behind() -> bool:
            return any((_next(self.lying[name])) < end for name, end in ends.items())

        def caught_up() -> bool:
            if behind():
                taken(self.take())
            return not behind()

        wait_until(caught_up, within=ANSWER_SECONDS, what="the end of every inbox")

    def close(self) -> None:
        """Leave the broker."""
        self._consumer.close()


def _next(lying: list[Message]) -> int:
    return (lying[-1].offset() or 0) + 1 if lying else 0
