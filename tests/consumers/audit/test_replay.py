"""The small world on a real Kafka, replayed: the same verdict as in memory, and the command around it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest
from click.testing import CliRunner
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic
from kruispunt_consumers.audit import commands
from kruispunt_consumers.audit.balance import Verdict
from kruispunt_consumers.audit.replay import Step, replay_from
from kruispunt_consumers.topic_reader import TopicReader
from kruispunt_consumers.topic_record import Extent, TopicRecord
from kruispunt_schemas import topics

from tests.consumers.audit.world import World, draft, small_world
from tests.stacks import StackUnderTest


class PrefixedReader:
    """A reader of topics whose names carry a prefix, so that a test has a backbone of its own."""

    def __init__(self, reader: TopicReader, prefix: str) -> None:
        self._reader = reader
        self._prefix = prefix

    def topics(self) -> Mapping[str, int]:
        return {
            name.removeprefix(self._prefix): count
            for name, count in self._reader.topics().items()
            if name.startswith(self._prefix)
        }

    def extents(self, names: Iterable[str]) -> list[Extent]:
        found = self._reader.extents([self._prefix + name for name in names])
        return [replace(item, topic=item.topic.removeprefix(self._prefix)) for item in found]

    def read(self, extents: Sequence[Extent]) -> Iterator[TopicRecord]:
        asked = [replace(item, topic=self._prefix + item.topic) for item in extents]
        for record in self._reader.read(asked):
            yield replace(record, topic=record.topic.removeprefix(self._prefix))


@pytest.fixture
def backbone(stack: StackUnderTest) -> Iterator[str]:
    """Topics of the small world's participants; the tests write the broker's times themselves."""
    prefix = f"w{uuid4().hex[:8]}."
    admin = AdminClient({"bootstrap.servers": stack.addresses.brokers})
    kept = {"retention.ms": "-1", "message.timestamp.type": "CreateTime"}
    made = [
        NewTopic(prefix + topic.name, topic.partitions, 1, config=kept)
        for topic in topics.all_topics(small_world().bundle.by_id)
    ]
    for future in admin.create_topics(made).values():
        future.result()
    yield prefix
    for future in admin.delete_topics([topic.topic for topic in made]).values():
        future.result()


def publish(stack: StackUnderTest, prefix: str, world: World) -> None:
    producer = Producer({"bootstrap.servers": stack.addresses.brokers, "partitioner": topics.PARTITIONER})
    for lying in world.records.values():
        for place, record in enumerate(lying):
            producer.produce(
                prefix + record.topic,
                value=record.value,
                key=None if record.topic.startswith(("in.", "out.")) else str(place).encode(),
                headers=list(record.headers),
                timestamp=int(record.appended_at.timestamp() * 1000),
            )
    assert producer.flush(20) == 0


def test_a_replay_from_kafka_gives_the_verdict(stack: StackUnderTest, backbone: str) -> None:
    world = small_world()
    publish(stack, backbone, world)
    steps: list[Step] = []
    reader = PrefixedReader(TopicReader(stack.addresses.brokers, client="test-audit"), backbone)
    verdict = replay_from(reader, complete=True, report=steps.append)
    assert verdict.findings == ()
    assert verdict.participants == world.verdict().participants
    assert verdict.records == sum(len(lying) for lying in world.records.values())
    last = {step.phase: step for step in steps}
    assert list(last) == ["bundles", "retries", "backbone", "postings", "deliveries"]
    assert all(step.read == step.total for step in last.values())


def test_the_command_exits_with_1_and_names_what_is_wrong(
    stack: StackUnderTest, backbone: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = small_world()
    world.post("vsse", world.compose("vsse", draft("Y")))
    publish(stack, backbone, world)
    monkeypatch.setenv("KRUISPUNT_BROKERS", stack.addresses.brokers)
    monkeypatch.setenv("KRUISPUNT_REGISTRY", stack.addresses.registry)

    def prefixed(_addresses: object, **options: Any) -> Verdict:
        reader = PrefixedReader(TopicReader(stack.addresses.brokers, client="test-audit"), backbone)
        return replay_from(reader, **options)

    monkeypatch.setattr(commands, "replay", prefixed)
    run = CliRunner().invoke(commands.audit, ["replay", "--complete", "--json", "--postings"])
    assert run.exit_code == 1, run.output
    found = json.loads(run.stdout)
    assert [item["subject"] for item in found["findings"]] == ["vsse/2"]
    assert len(found["postings"]) == 10
    shown = CliRunner().invoke(commands.audit, ["replay", "--complete", "--participant", "federal-police"])
    assert shown.exit_code == 0, shown.output
    assert "ADDS UP" in shown.stdout
