"""The inbox on the real broker: what it reads, what it posts, and what a SIGKILL at any point leaves."""

from __future__ import annotations

import json
import os
import signal as signals
import subprocess
import sys
import uuid
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
from confluent_kafka import Producer, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic
from kruispunt_consumers.bundles import AnnouncedBundles
from kruispunt_consumers.inbox.kept import AlertKind, State
from kruispunt_consumers.inbox.store import InboxStore, store_path
from kruispunt_consumers.topic_reader import TopicReader
from kruispunt_deploy.stack import LocalStack
from kruispunt_schemas import codec, disclosure, keys, reports, topics, wire
from kruispunt_schemas import schema as schemas
from kruispunt_schemas.codec import SignedBytes
from kruispunt_schemas.records.backbone import BundleActivation, BundleContent, Status, Withdrawal
from kruispunt_schemas.records.frame import Lifecycle
from kruispunt_schemas.records.postings import ReceiptResult
from kruispunt_schemas.registry import CACHE_FILE, Registry
from kruispunt_schemas.topics import Topic

from tests.consumers.inbox import deliveries
from tests.consumers.inbox.deliveries import BUNDLE, signal, signer_of, status, view
from tests.consumers.inbox.stops_at import POINTS
from tests.observed import assert_closed, document, page, samples, value
from tests.stacks import StackUnderTest
from tests.waiting import wait_until

ROOT = Path(__file__).parents[3]
PATIENCE = 60.0
NEVER = datetime(
    2200, 1, 1, tzinfo=UTC
)  # this bundle decides nothing for the other tests on the same servers


@dataclass(frozen=True)
class Bench:
    """A task force of its own with its two topics, keys and data folder."""

    stack: StackUnderTest
    participant: str
    data: Path

    def deliver(self, *records: SignedBytes | Withdrawal | Status) -> None:
        """Write records to the task force's topic, as route and admit do."""
        send(
            self.stack,
            topics.in_topic(self.participant).name,
            [deliveries.message(record) for record in records],
        )

    def view(self, offset: int, reference: str | None = None) -> SignedBytes:
        return view(signal(reference=reference or str(offset)), offset, recipient=self.participant)

    def output_id(self, offset: int) -> uuid.UUID:
        return deliveries.output_id(offset, self.participant)

    @property
    def environment(self) -> Mapping[str, str]:
        return {
            **os.environ,
            "KRUISPUNT_BROKERS": self.stack.addresses.brokers,
            "KRUISPUNT_REGISTRY": self.stack.addresses.registry,
            "KRUISPUNT_DATA": str(self.data),
            "COLUMNS": "120",
        }

    def run(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run the command in a process of its own."""
        return subprocess.run(
            [sys.executable, "-m", "kruispunt_schemas", "inbox", *arguments, "--as", self.participant],
            env={**self.environment, **environment},
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )

    @contextmanager
    def child(self, *command: str) -> Iterator[subprocess.Popen[str]]:
        """Run a process that is killed at the end of the block, whatever happens."""
        process = subprocess.Popen(
            [sys.executable, "-m", *command],
            env=self.environment,
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        with process:
            try:
                yield process
            finally:
                process.kill()

    def store(self) -> InboxStore:
        return InboxStore(store_path(self.data, self.participant))

    def posted(self) -> list[SignedBytes]:
        """Return what stands on the task force's own topic."""
        reader = TopicReader(self.stack.addresses.brokers, client="test")
        extents = reader.extents([topics.out_topic(self.participant).name])
        return [
            codec.decode_signed(
                codec.schema_of(wire.fingerprint_of(wire.header_map(record.headers))),
                wire.unwrapped(record.value),
            )
            for record in reader.read(extents)
        ]

    def receipts(self) -> Counter[tuple[uuid.UUID, ReceiptResult]]:
        """Return the receipts on the topic, each checked."""
        found: Counter[tuple[uuid.UUID, ReceiptResult]] = Counter()
        key = keys.read_participant(self.data, self.participant).signer.public_key()
        for signed in self.posted():
            disclosure.verify_signature(signed, key)
            header = signed.read_receipt()
            found[header.output_id, header.result] += 1
        return found


def send(stack: StackUnderTest, topic: str, messages: list[tuple[bytes, wire.Headers]]) -> None:
    producer = Producer({"bootstrap.servers": stack.addresses.brokers})
    for payload, headers in messages:
        producer.produce(topic, value=payload, headers=list(headers))
    assert producer.flush(PATIENCE) == 0


def make_topics(stack: StackUnderTest, *wanted: Topic) -> None:
    admin = AdminClient({"bootstrap.servers": stack.addresses.brokers})
    existing = admin.list_topics(timeout=PATIENCE).topics
    new = [NewTopic(topic.name, topic.partitions, 1) for topic in wanted if topic.name not in existing]
    for future in admin.create_topics(new).values() if new else ():
        future.result(PATIENCE)


@pytest.fixture(scope="module")
def announced(stack: StackUnderTest) -> StackUnderTest:
    """The servers with the bundle of these tests announced and the schemas registered."""
    make_topics(stack, topics.BUNDLES)
    records = (
        BundleContent(bundle=BUNDLE.name, content=BUNDLE.content),
        BundleActivation(bundle=BUNDLE.name, in_force_from=NEVER, announced_at=deliveries.NOW),
    )
    messages: list[tuple[bytes, wire.Headers]] = []
    for record in records:
        schema = schemas.load(type(record).__name__)
        headers = wire.envelope(
            schema, identifier=BUNDLE.name, source="/test", time=deliveries.NOW, traceparent=None
        )
        messages.append((wire.wrapped(1, codec.encode(record)), headers))
    send(stack, topics.BUNDLES.name, messages)
    registry = Registry(stack.addresses.registry)
    for name in ("Receipt", "Consultation"):
        registry.register(schemas.load(name))
    registry._http.close()
    return stack


@pytest.fixture
def bench(announced: StackUnderTest, tmp_path: Path) -> Bench:
    participant = f"ltf-test-{uuid.uuid4().hex[:12]}"
    make_topics(announced, topics.in_topic(participant), topics.out_topic(participant))
    keys.create_participant(tmp_path, participant)
    return Bench(announced, participant, tmp_path)


def test_bundles_are_read_from_their_topic_and_read_on(announced: StackUnderTest) -> None:
    bundles = AnnouncedBundles(TopicReader(announced.addresses.brokers, client="test"))
    assert bundles.get(BUNDLE.name) is None
    bundles.read()
    bundles.read()
    assert bundles.get(BUNDLE.name) == BUNDLE


def test_what_arrives_is_stored_and_acknowledged(bench: Bench) -> None:
    bench.deliver(
        bench.view(1),
        bench.view(1),
        view(signal(reference="x", signer=signer_of("stranger")), 2, recipient=bench.participant),
        view(
            signal(reference="1", version=2, lifecycle=Lifecycle.RECALL),
            3,
            recipient=bench.participant,
            released=frozenset(),
            withheld=(),
            replaces=(bench.output_id(1),),
        ),
        status(0, participant=bench.participant),
    )
    result = bench.run("follow", "--once")
    assert (result.returncode, result.stderr) == (0, "")
    assert "1 recalled, 1 rejected, 1 repeated, 1 status, 1 stored" in result.stdout
    with bench.store() as store:
        assert store.next_offset() == 5
        assert [item.state for item in store.items()] == [State.WITHDRAWN, State.REJECTED, State.NOTICE]
    assert bench.receipts() == {
        (bench.output_id(1), ReceiptResult.STORED): 1,
        (bench.output_id(2), ReceiptResult.REJECTED): 1,
        (bench.output_id(3), ReceiptResult.WITHDRAWN): 1,
    }
    again = bench.run("follow", "--once")
    assert (again.returncode, again.stdout.strip()) == (0, "nothing new")


def test_follow_shows_what_arrives_live_and_ends_on_a_signal(bench: Bench) -> None:
    with bench.child("kruispunt_schemas", "inbox", "follow", "--json", "--as", bench.participant) as process:
        bench.deliver(bench.view(1))
        assert process.stdout is not None
        event = json.loads(process.stdout.readline())
        assert (event["outcome"], event["item"]["output_id"]) == ("stored", str(bench.output_id(1)))
        wait_until(bench.receipts, within=PATIENCE, what="the receipt")
        told = reports.read(reports.path_of(bench.data, f"inbox-{bench.participant}"))
        assert told is not None
        _, health = wait_until(
            lambda: (answer := document(told.address, "/ready"))[1]["done"] and answer,
            within=PATIENCE,
            what="one record done",
        )
        assert (health["live"], health["ready"], health["behind"]) == (True, True, 0)
        found = samples(page(told.address, "/metrics")[1])
        assert_closed(found)
        assert value(found, "kruispunt_inbox_records_total", outcome="stored") == 1
        assert value(found, "kruispunt_inbox_seconds_count") == 1
        process.send_signal(signals.SIGTERM)
        assert process.wait(PATIENCE) == 0


def test_following_outlives_the_broker(bench: Bench, local_stack: LocalStack) -> None:
    """Killed and started again by its supervisor: the follower waits, and takes what comes afterwards."""
    with bench.child("kruispunt_schemas", "inbox", "follow", "--json", "--as", bench.participant) as process:
        assert process.stdout is not None
        for number in range(2):
            bench.deliver(bench.view(number))
            event = json.loads(process.stdout.readline())
            assert event["item"]["output_id"] == str(bench.output_id(number))
            if number == 0:
                local_stack.kill("kafka")
                local_stack.wait_ready("kafka")
        wait_until(lambda: len(bench.receipts()) == 2, within=PATIENCE, what="both receipts")
        assert process.poll() is None


def test_a_second_follower_is_refused(bench: Bench) -> None:
    with bench.child("kruispunt_schemas", "inbox", "follow", "--as", bench.participant) as process:
        assert process.stdout is not None
        assert "Following" in process.stdout.readline()
        result = bench.run("follow", "--once")
        assert result.returncode == 2
        assert "another process follows" in result.stderr


@pytest.mark.parametrize("point", POINTS)
def test_sigkill_loses_nothing_and_acknowledges_once(bench: Bench, point: str) -> None:
    """Killed inside the transaction, after it, with receipts in the box, and with receipts on the broker."""
    count = 5
    bench.deliver(*(bench.view(number) for number in range(count)))
    with bench.child("tests.consumers.inbox.stops_at", point, bench.participant) as process:
        assert process.stdout is not None
        wait_until(
            lambda: process.stdout and "reached" in process.stdout.readline(), within=PATIENCE, what=point
        )
        process.send_signal(signals.SIGKILL)
        assert process.wait(PATIENCE) == -signals.SIGKILL
    with bench.store() as store:
        kept, owed = len(store.items()), len(store.owed())
    assert (kept, owed) == {"read": (0, 0), "stored": (5, 5), "enqueued": (5, 5), "sent": (5, 0)}[point]
    assert len(bench.receipts()) == (5 if point == "sent" else 0)
    assert bench.run("follow", "--once").returncode == 0
    with bench.store() as store:
        assert (len(store.items()), store.owed()) == (count, ())
    receipts = bench.receipts()
    assert set(receipts) == {(bench.output_id(number), ReceiptResult.STORED) for number in range(count)}
    if point == "sent":  # in flight when it was killed: the broker has them again, with the same id and bytes
        assert len({signed.encoded() for signed in bench.posted()}) == count
    else:
        assert set(receipts.values()) == {1}


def test_falling_behind_retention_is_an_alert(bench: Bench) -> None:
    bench.deliver(bench.view(0))
    assert bench.run("follow", "--once").returncode == 0
    bench.deliver(*(bench.view(number) for number in range(1, 6)))
    topic = topics.in_topic(bench.participant).name
    admin = AdminClient({"bootstrap.servers": bench.stack.addresses.brokers})
    for future in admin.delete_records([TopicPartition(topic, 0, 4)]).values():
        future.result(PATIENCE)
    result = bench.run("follow", "--once")
    assert result.returncode == 0
    assert "offsets 1 to 3 were gone before they were read" in " ".join(result.stdout.split())
    with bench.store() as store:
        (alert,) = store.alerts()
        assert (alert.kind, alert.offset, alert.until) == (AlertKind.RETENTION_GAP, 1, 4)
        assert [item.offset for item in store.items()] == [0, 4, 5]


def test_show_enqueues_the_consultation_and_follow_sends_it(bench: Bench) -> None:
    bench.deliver(bench.view(1))
    assert bench.run("follow", "--once").returncode == 0
    who = ("--user", "j.peeters", "--purpose", "file 118")
    shown = bench.run("show", str(bench.output_id(1)), *who, KRUISPUNT_BROKERS="127.0.0.1:1")
    assert shown.returncode == 0
    assert deliveries.SECRET_WORDS in shown.stdout
    assert bench.run("follow", "--once").returncode == 0
    consultation = next(item for item in bench.posted() if item.schema.name == "Consultation")
    header = consultation.read_consultation()
    assert (header.user, header.purpose, header.output_id) == ("j.peeters", "file 118", bench.output_id(1))


def test_known_ids_need_no_registry(bench: Bench) -> None:
    """They are kept in a file of the data folder: receipts go out while the registry is away."""
    bench.deliver(bench.view(1))
    assert bench.run("follow", "--once").returncode == 0
    assert (bench.data / CACHE_FILE).exists()
    bench.deliver(bench.view(2))
    cached = json.loads((bench.data / CACHE_FILE).read_text())
    away = "http://127.0.0.1:1/apis/ccompat/v7"
    (bench.data / CACHE_FILE).write_text(json.dumps({away: next(iter(cached.values()))}))
    assert bench.run("follow", "--once", KRUISPUNT_REGISTRY=away).returncode == 0
    assert len(bench.receipts()) == 2


def test_a_topic_that_is_not_there_says_what_to_do(bench: Bench) -> None:
    keys.create_participant(bench.data, "ltf-nowhere")
    stranger = Bench(bench.stack, "ltf-nowhere", bench.data)
    result = stranger.run("follow", "--once")
    assert result.returncode == 2
    assert "there is no topic in.ltf-nowhere" in result.stderr
    assert "kruispunt provision" in result.stderr


def test_brokers_that_are_not_there_say_so(bench: Bench) -> None:
    result = bench.run("follow", "--once", KRUISPUNT_BROKERS="127.0.0.1:1")
    assert result.returncode == 2
    assert "no broker at 127.0.0.1:1 answered" in " ".join(result.stderr.split())
