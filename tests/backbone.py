"""A backbone with its workers as processes, a plain producer that posts to it, and what lies on its topics."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from confluent_kafka import Consumer, Message, Producer, TopicPartition
from kruispunt_deploy.provisioning import provision
from kruispunt_deploy.stack import LocalStack
from kruispunt_schemas import codec, disclosure, keys, topics, wire
from kruispunt_schemas import schema as schemas
from kruispunt_schemas.codec import SignedBytes
from kruispunt_schemas.needtoknow.bundle import Bundle, Participant
from kruispunt_schemas.records.backbone import (
    BundleActivation,
    BundleContent,
    Decision,
    QuarantineEntry,
    Status,
)
from kruispunt_schemas.records.frame import Posting
from kruispunt_schemas.settings import Settings
from kruispunt_schemas.signing import Signer

from tests import drafts
from tests.drafts import ORIGINATORS
from tests.waiting import wait_until

ROLES = ("admit", "resolve", "route")
WITHIN = 60.0


class Reader:
    """Reads a topic from its beginning and keeps what it has read."""

    def __init__(self, brokers: str, topic: str) -> None:
        self.consumer = Consumer(
            {
                "bootstrap.servers": brokers,
                "group.id": "reader",
                "enable.auto.commit": False,
                "fetch.wait.max.ms": 20,
            }
        )
        numbers = self.consumer.list_topics(topic, timeout=10).topics[topic].partitions
        self.next = dict.fromkeys(numbers, 0)
        self.topic = topic
        self.consumer.assign([TopicPartition(topic, number, 0) for number in numbers])
        self.found: list[Message] = []

    def everything(self) -> list[Message]:
        """Return all that lies there now."""
        ends = {
            number: self.consumer.get_watermark_offsets(TopicPartition(self.topic, number), timeout=10)[1]
            for number in self.next
        }
        while any(self.next[number] < end for number, end in ends.items()):
            for message in self.consumer.consume(500, timeout=0.1):
                assert message.error() is None
                self.found.append(message)
                self.next[message.partition() or 0] = (message.offset() or 0) + 1
        return list(self.found)


@dataclass
class Backbone:
    """Servers, workers and a plain producer; ``posted`` is where each named posting lies."""

    settings: Settings
    producer: Producer
    workers: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    posted: dict[str, Posting] = field(default_factory=dict)
    readers: dict[str, Reader] = field(default_factory=dict)
    environment: dict[str, str] = field(default_factory=dict)

    def keys(self, participant: str) -> keys.ParticipantKeys:
        return keys.read_participant(self.settings.data, participant)

    def composed(
        self, made: disclosure.Draft, *, originator: str | None = None, signer: Signer | None = None
    ) -> SignedBytes:
        own = self.keys(originator or ORIGINATORS[made.signal_type])
        return disclosure.compose(
            made,
            originator=own.participant,
            secret=own.secret,
            signer=signer or own.signer,
            published_at=datetime.now(UTC) - timedelta(seconds=1),
        )

    def post(self, name: str, owner: str, value: bytes, headers: dict[str, bytes]) -> Posting:
        """Post bytes on the owner's topic and note where they lie."""
        reports: list[Message] = []
        self.producer.produce(
            topics.out_topic(owner).name,
            value=value,
            headers=dict(headers),
            on_delivery=lambda _error, message: reports.append(message),
        )
        assert self.producer.flush(30) == 0
        (report,) = reports
        assert report.error() is None
        at = datetime.fromtimestamp(report.timestamp()[1] / 1000, UTC)
        self.posted[name] = Posting(participant=owner, offset=report.offset() or 0, appended_at=at)
        return self.posted[name]

    def post_signal(self, name: str, made: disclosure.Draft, **how: Any) -> Posting:
        signed = self.composed(made, **how)
        return self.post(name, signed.read_header().originator, *drafts.wired(signed))

    def announce(self, bundle: Bundle, *, in_force_from: datetime) -> None:
        """Announce a bundle as an operator would."""
        for record in (
            BundleContent(bundle=bundle.name, content=bundle.content),
            BundleActivation(bundle=bundle.name, in_force_from=in_force_from, announced_at=datetime.now(UTC)),
        ):
            self.producer.produce(
                topics.BUNDLES.name,
                value=wire.wrapped(7, codec.encode(record)),
                headers=dict(drafts.headers_of(schemas.load(type(record).__name__))),
            )
        assert self.producer.flush(30) == 0

    def read(self, topic: str) -> list[Message]:
        """Return everything that lies on a topic now."""
        reader = self.readers.get(topic)
        if reader is None:
            reader = self.readers[topic] = Reader(self.settings.addresses().brokers, topic)
        return reader.everything()

    def records(self, topic: str, cls: type[Any]) -> list[Any]:
        schema = schemas.load(cls.__name__)
        return [
            codec.decode(schema, wire.unwrapped(message.value()), cls)
            for message in self.read(topic)
            if schema_named(message) == schema.fingerprint
        ]

    def entries(self, name: str) -> list[QuarantineEntry]:
        return [
            entry
            for entry in self.records(topics.QUARANTINE.name, QuarantineEntry)
            if entry.posting == self.posted[name]
        ]

    def decision(self, name: str) -> Decision | None:
        found = [
            record
            for record in self.records(topics.DECISIONS.name, Decision)
            if record.posting == self.posted[name]
        ]
        assert len(found) <= 1
        return found[0] if found else None

    def statuses(self, name: str) -> list[Status]:
        at = self.posted[name]
        return [
            status
            for status in self.records(topics.in_topic(at.participant).name, Status)
            if status.posting == at
        ]

    def await_decision(self, name: str) -> Decision:
        return wait_until(lambda: self.decision(name), within=WITHIN, what=f"the decision on {name}")

    def await_entry(self, name: str) -> QuarantineEntry:
        return wait_until(lambda: self.entries(name), within=WITHIN, what=f"the quarantine of {name}")[0]

    def start(self, role: str) -> None:
        command = [sys.executable, "-m", "kruispunt_schemas", "worker", "--role", role]
        with (self.settings.data / f"{role}.log").open("ab") as log:
            self.workers[role] = subprocess.Popen(
                [*command, "--data", str(self.settings.data)],
                stdout=log,
                stderr=log,
                env={
                    **{
                        name: value for name, value in os.environ.items() if not name.startswith("KRUISPUNT_")
                    },
                    **self.environment,
                },
            )

    def report(self, role: str) -> dict[str, Any]:
        path = self.settings.data / "workers" / f"{role}.json"
        found: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
        return found

    def log(self, role: str) -> str:
        return (self.settings.data / f"{role}.log").read_text()


def schema_named(message: Message) -> bytes | None:
    return wire.fingerprint_of(wire.header_map(message.headers()))


def deliveries(backbone: Backbone, recipient: str) -> dict[UUID, list[SignedBytes]]:
    """Return the views on a recipient's topic by output id."""
    found: dict[UUID, list[SignedBytes]] = {}
    for message in backbone.read(topics.in_topic(recipient).name):
        fingerprint = schema_named(message)
        schema = schemas.by_fingerprint()[fingerprint or b""]
        if schema.name in schemas.SIGNAL_TYPES:
            view = codec.decode_signed(schema, wire.unwrapped(message.value()))
            passage = view.read_passage()
            assert passage is not None
            assert passage.delivery is not None
            found.setdefault(passage.delivery.output_id, []).append(view)
    return found


@contextmanager
def provisioned(
    request: pytest.FixtureRequest,
    *,
    participants: Sequence[Participant] | None = None,
    same_keys_as: Path | None = None,
) -> Iterator[Backbone]:
    """Give a provisioned backbone on servers of its own, for its groups and topics have fixed names; end its workers.

    participants: the demonstration's unless given. same_keys_as: a data folder whose keys it gets, all of them.
    """
    if request.config.getoption("--stack") != "embedded":
        pytest.skip("only with --stack=embedded: a backbone's topics have fixed names")
    with tempfile.TemporaryDirectory(prefix="kruispunt-backbone-", ignore_cleanup_errors=True) as name:
        Path(name).chmod(0o711)
        with LocalStack(Path(name) / "data") as stack:
            settings = Settings(data=stack.data, **stack.addresses.model_dump())
            if same_keys_as is not None:
                shutil.copytree(same_keys_as / keys.KEYS, stack.data / keys.KEYS, dirs_exist_ok=True)
            provision(settings, lambda _step: None, participants)
            producer = Producer(
                {
                    "bootstrap.servers": stack.addresses.brokers,
                    "acks": "all",
                    "message.max.bytes": topics.MAX_INTERNAL_BYTES,
                }
            )
            made = Backbone(settings, producer)
            try:
                yield made
            finally:
                for worker in made.workers.values():
                    worker.kill()
                    worker.wait()
                for reader in made.readers.values():
                    reader.consumer.close()
                del made.producer, producer
