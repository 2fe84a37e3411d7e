from __future__ import annotations

from pathlib import Path

import pytest
from confluent_kafka import KafkaError
from kruispunt_producers.kafka import Failed, KafkaSender
from kruispunt_producers.posting_box import BoxFullError, FlusherBusyError, Limits, PostingBox, box_path
from kruispunt_producers.publisher import Flusher
from kruispunt_schemas.failures import ConfigurationError, UnavailableError
from kruispunt_schemas.keys import ParticipantKeys
from kruispunt_schemas.wire import Headers

from tests.producers.signals import NOW, draft, signed
from tests.producers.simulated import FileBroker, stored, wire_id


def fill(box: PostingBox, keys: ParticipantKeys, count: int) -> list[str]:
    """Enqueue so many signals and return their ids in order."""
    made = [signed(keys, draft(f"A.{place}")) for place in range(count)]
    identifiers = [each.read_header().signal_id for each in made]
    for each, identifier in zip(made, identifiers, strict=True):
        box.enqueue(each, identifier, NOW)
    return [str(identifier) for identifier in identifiers]


def test_postings_go_out_once_and_in_order(box: PostingBox, keys: ParticipantKeys, tmp_path: Path) -> None:
    identifiers = fill(box, keys, 250)
    broker = tmp_path / "broker.jsonl"
    with Flusher(box, lambda: FileBroker(broker), wire_id) as flusher:
        assert flusher.drain(5) == 0
        assert flusher.pump(0) == 0
    sent = stored(broker)
    assert [each.identifier for each in sent] == identifiers
    assert {each.topic for each in sent} == {"out.police-gent"}
    assert all(each.value[0] == 0 for each in sent)
    assert box.summary().last_offset == 249


def test_what_another_process_enqueues_is_sent_too(
    box: PostingBox, keys: ParticipantKeys, tmp_path: Path
) -> None:
    with Flusher(box, lambda: FileBroker(tmp_path / "b"), wire_id) as flusher, PostingBox(box.path) as other:
        fill(other, keys, 3)
        assert flusher.drain(5) == 0
    assert len(stored(tmp_path / "b")) == 3


def test_a_second_flusher_is_refused(box: PostingBox, tmp_path: Path) -> None:
    with (
        Flusher(box, lambda: FileBroker(tmp_path / "b"), wire_id),
        pytest.raises(FlusherBusyError, match="already sends for police-gent"),
        Flusher(box, lambda: FileBroker(tmp_path / "b"), wire_id),
    ):
        pass


def test_broker_away_it_waits_says_so_and_goes_on(
    box: PostingBox, keys: ParticipantKeys, tmp_path: Path
) -> None:
    identifiers = fill(box, keys, 3)
    broker = FileBroker(tmp_path / "b", away=True)
    with Flusher(box, lambda: broker, wire_id) as flusher:
        assert flusher.drain(0.01) == 3
        assert box.summary().trouble == "the simulated broker is away"
    with Flusher(box, lambda: FileBroker(tmp_path / "b"), wire_id) as flusher:
        assert flusher.drain(5) == 0
    assert box.summary().trouble is None
    assert [each.identifier for each in stored(tmp_path / "b")] == identifiers


def test_the_box_grows_to_its_bound_and_then_refuses(tmp_path: Path, keys: ParticipantKeys) -> None:
    with PostingBox(box_path(tmp_path, "police-gent"), Limits(postings=5)) as box:
        with Flusher(box, lambda: FileBroker(tmp_path / "b", away=True), wire_id) as flusher:
            fill(box, keys, 5)
            flusher.pump(0)
            with pytest.raises(BoxFullError, match="the posting box of police-gent is full"):
                fill(box, keys, 6)
        assert box.waiting() == 5


def test_registry_away_and_no_cached_id_it_waits_and_says_so(
    box: PostingBox, keys: ParticipantKeys, tmp_path: Path
) -> None:
    fill(box, keys, 1)

    def nobody(_: bytes) -> int:
        raise UnavailableError("the schema registry does not answer")

    with Flusher(box, lambda: FileBroker(tmp_path / "b"), nobody) as flusher:
        assert flusher.drain(0.01) == 1
        assert box.summary().trouble == "the schema registry does not answer"
    assert stored(tmp_path / "b") == []


class Failing(FileBroker):
    """Reports a failure for one number, once."""

    def __init__(self, path: Path, failure: Failed) -> None:
        super().__init__(path)
        self.failure = failure
        self.made = 0

    def send(self, number: int, topic: str, value: bytes, headers: Headers) -> bool:
        if number == self.failure.number and self.made == 1:
            self._reports.append(self.failure)
            return True
        return super().send(number, topic, value, headers)


def test_a_client_that_fails_is_made_anew_and_everything_arrives(
    box: PostingBox, keys: ParticipantKeys, tmp_path: Path
) -> None:
    identifiers = fill(box, keys, 4)
    broker = Failing(tmp_path / "b", Failed(3, UnavailableError("fenced"), fatal=True))

    def make() -> FileBroker:
        broker.made += 1
        return broker

    with Flusher(box, make, wire_id) as flusher:
        assert flusher.drain(5) == 0
    assert {each.identifier for each in stored(tmp_path / "b")} == set(identifiers)


def test_what_waiting_does_not_mend_is_raised_and_stays_queued(
    box: PostingBox, keys: ParticipantKeys, tmp_path: Path
) -> None:
    fill(box, keys, 2)
    gone = ConfigurationError("the topic out.police-gent does not exist: run `kruispunt provision`")
    broker = Failing(tmp_path / "b", Failed(2, gone, fatal=False))
    broker.made = 1
    with Flusher(box, lambda: broker, wire_id) as flusher:
        with pytest.raises(ConfigurationError, match="kruispunt provision"):
            flusher.drain(5)
        assert box.waiting() == 1
        assert box.summary().trouble == str(gone)


def test_a_broker_that_is_away_is_complained_of_once() -> None:
    """Its client gives several reasons in turn; the log and the box are told one."""
    sender = KafkaSender({"bootstrap.servers": "127.0.0.1:1"})
    complaints = set()
    for code in (KafkaError._TRANSPORT, KafkaError._ALL_BROKERS_DOWN, KafkaError._TRANSPORT):
        sender._on_error(KafkaError(code))
        complaints.add(sender.trouble())
    sender.close()
    assert complaints == {"Kafka does not answer (_TRANSPORT)"}
