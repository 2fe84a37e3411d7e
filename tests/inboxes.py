"""Every participant's own topic, and what the backbone wrote beside, read by one consumer."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any
from uuid import UUID

from confluent_kafka import Consumer, Message, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec
from kruispunt_schemas import codec, identity, topics, wire
from kruispunt_schemas import schema as schemas
from kruispunt_schemas.needtoknow import decisions
from kruispunt_schemas.records.backbone import Decision, QuarantineEntry, RepertoryEvent, Stage, Status
from kruispunt_schemas.records.frame import Posting

from tests.waiting import wait_until

TAKE_SECONDS = 0.03
"""How long one look waits for something to come."""
ANSWER_SECONDS = 30.0
BESIDE = (topics.DECISIONS, topics.QUARANTINE, topics.REPERTORY)


class Inboxes:
    """The topics ``in.<participant>`` and `BESIDE` from their beginnings.

    lying: what has been read of each participant's topic, in order. written: records by topic and ``ce_id``.
    """

    def __init__(self, brokers: str, participants: Iterable[str]) -> None:
        self.lying: dict[str, list[Message]] = {name: [] for name in participants}
        self.written: dict[str, dict[str, Message]] = {}
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
        self._consumer.assign(
            [
                TopicPartition(topic.name, number, 0)
                for topic in (*(topics.in_topic(name) for name in self.lying), *BESIDE)
                for number in range(topic.partitions)
            ]
        )

    def take(self) -> list[Message]:
        """Return what has come to participants meanwhile; it lies with the rest."""
        came = []
        for message in self._consumer.consume(1000, timeout=TAKE_SECONDS):
            assert message.error() is None
            topic = message.topic() or ""
            self.written.setdefault(topic, {})[_identifier(message)] = message
            if topics.kind(topic) == "in":
                self.lying[topics.owner(topic)].append(message)
                came.append(message)
        return came

    def record(self, topic: str, identifier: UUID, cls: type[Any]) -> Any:
        """Return a record that was read, None while it was not."""
        message = self.written.get(topic, {}).get(str(identifier))
        if message is None:
            return None
        return codec.decode(schemas.load(cls.__name__), wire.unwrapped(message.value()), cls)

    def over(self, posting: Posting, originator: str, signal_id: UUID) -> Decision | bool:
        """Tell whether all that comes of a posting has been read: its decision with every output, or that there is none."""
        if not self.statuses(posting):
            return False
        decision = self.record(topics.DECISIONS.name, identity.decision_id(originator, signal_id), Decision)
        if isinstance(decision, Decision) and decision.posting == posting:
            arrived = all(
                str(decisions.output_id(decision, output))
                in self.written.get(topics.in_topic(output.recipient).name, {})
                for output in decision.outputs
            )
            return decision if arrived else False
        entry = identity.quarantine_id(Stage.ADMIT, posting)
        if self.record(topics.QUARANTINE.name, entry, QuarantineEntry) is not None:
            return True
        event = self.record(topics.REPERTORY.name, identity.event_id(posting), RepertoryEvent)
        return isinstance(event, RepertoryEvent) and event.duplicate_of is not None

    def statuses(self, posting: Posting) -> list[Status]:
        """Return what the owner of a posting has been told of it."""
        found = [
            codec.decode(schemas.load("Status"), wire.unwrapped(message.value()), Status)
            for message in self.lying[posting.participant]
            if wire.type_of(wire.header_map(message.headers()).items()) == "Status"
        ]
        return [status for status in found if status.posting == posting]

    def ends(self) -> dict[str, int]:
        """Return the offset at which each participant's topic ends now."""
        wanted = {TopicPartition(topics.in_topic(name).name, 0): OffsetSpec.latest() for name in self.lying}
        futures = self._admin.list_offsets(wanted)
        return {
            topics.owner(partition.topic): future.result(ANSWER_SECONDS).offset
            for partition, future in futures.items()
        }

    def read_to_the_end(self, taken: Callable[[list[Message]], None] = lambda _messages: None) -> None:
        """Read all that lies on participants' topics now; ``taken`` is told of each portion."""
        ends = self.ends()

        def behind() -> bool:
            return any(_next(self.lying[name]) < end for name, end in ends.items())

        def caught_up() -> bool:
            if behind():
                taken(self.take())
            return not behind()

        wait_until(caught_up, within=ANSWER_SECONDS, what="the end of every inbox")

    def close(self) -> None:
        """Leave the broker."""
        self._consumer.close()


def _identifier(message: Message) -> str:
    return wire.header_map(message.headers())["ce_id"].decode()


def _next(lying: list[Message]) -> int:
    return (lying[-1].offset() or 0) + 1 if lying else 0
