"""Any Kafka tool with the registry can read every topic: shown with a consumer that imports nothing of ours."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, fields, is_dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic
from kruispunt_schemas import codec, topics, tracing, wire
from kruispunt_schemas import schema as schemas
from kruispunt_schemas.codec import SignedBytes
from kruispunt_schemas.vectors import chain_samples, person_samples, samples

from tests.schemas.conftest import Subjects
from tests.stacks import StackUnderTest

READER = Path(__file__).with_name("foreign_reader.py")
SIGNALS = [samples.composed(draft) for draft in (*samples.DRAFTS, *chain_samples.DRAFTS)]
ANSWERS = [samples.receipt(), samples.consultation()]
QUERY, JUDGEMENT = person_samples.query(), person_samples.judgement()
BACKBONE = {type(record).__name__: record for record in (*samples.RECORDS, *person_samples.RECORDS)}


def passed(signed: SignedBytes) -> SignedBytes:
    """Return what internal topics and deliveries carry."""
    return signed.with_passage(samples.PASSAGE)


ON_TOPICS: dict[str, list[SignedBytes | codec.Record]] = {
    topics.out_topic(samples.ORIGINATOR).name: [*SIGNALS, *ANSWERS, QUERY, JUDGEMENT],
    topics.in_topic(samples.RECIPIENT).name: [
        *(passed(signed.releasing(frozenset({"context", "contact"}))) for signed in SIGNALS),
        BACKBONE["Status"],
        BACKBONE["Withdrawal"],
        BACKBONE["PseudonymChange"],
        BACKBONE["Answer"],
        BACKBONE["AccessAlert"],
    ],
    topics.ADMITTED.name: [passed(signed) for signed in SIGNALS],
    topics.RESOLVED.name: [*(passed(signed) for signed in SIGNALS), BACKBONE["Revision"]],
    topics.QUERIES.name: [passed(QUERY)],
    topics.QUARANTINE.name: [BACKBONE["QuarantineEntry"]],
    topics.RETRY.name: list(SIGNALS),
    topics.REVIEWS.name: [BACKBONE["Review"], passed(JUDGEMENT)],
    topics.REPERTORY.name: [BACKBONE["RepertoryEvent"], BACKBONE["JudgementApplied"]],
    topics.DECISIONS.name: [BACKBONE["Decision"]],
    topics.ACCESS.name: [
        *(passed(signed) for signed in ANSWERS),
        passed(QUERY.releasing(frozenset())),
        BACKBONE["QueryAnswered"],
    ],
    topics.BUNDLES.name: [BACKBONE["BundleContent"], BACKBONE["BundleActivation"]],
}
COUNT = sum(len(records) for records in ON_TOPICS.values())


def as_text(value: object) -> Any:
    """Return a value as the foreign reader prints it."""
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: as_text(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, tuple):
        return [as_text(item) for item in value]
    if isinstance(value, bytes):
        return value.hex()
    return str(value) if isinstance(value, UUID | date | datetime) else value


def expected(record: SignedBytes | codec.Record) -> Any:
    """Return a record as the foreign reader must print it."""
    if not isinstance(record, SignedBytes):
        return as_text(record)
    sections = record.read_sections()
    return {
        "header": as_text(record.read_any_header()),
        **{name: as_text(sections.get(name)) for name in record.schema.sections},
        "proof": as_text(record.read_proof()),
        "passage": as_text(record.read_passage()),
    }


@dataclass(frozen=True, slots=True)
class Read:
    """What the foreign reader printed, by topic of the contract."""

    by_topic: dict[str, list[Any]]


@pytest.fixture
def read(stack: StackUnderTest, subjects: Subjects) -> Iterator[Read]:
    prefix = f"any-tool-{os.getpid()}."
    brokers: dict[str, str | int | float | bool] = {"bootstrap.servers": stack.addresses.brokers}
    admin = AdminClient(brokers)
    names = [prefix + topic for topic in ON_TOPICS]
    for future in admin.create_topics([NewTopic(name, 1, 1) for name in names]).values():
        future.result(30)
    ids = {name: subjects.registry.register(subjects.own(schemas.load(name))) for name in schemas.TOPIC_TYPES}
    producer = Producer({**brokers, "partitioner": topics.PARTITIONER})
    failures: list[str] = []
    for topic, records in ON_TOPICS.items():
        for record in records:
            schema = record.schema if isinstance(record, SignedBytes) else schemas.load(type(record).__name__)
            payload = record.encoded() if isinstance(record, SignedBytes) else codec.encode(record)
            producer.produce(
                prefix + topic,
                wire.wrapped(ids[schema.name], payload),
                headers=list(
                    wire.envelope(
                        schema,
                        identifier=str(samples.SIGNAL_ID),
                        source=f"/participants/{samples.ORIGINATOR}",
                        time=samples.TIME,
                        traceparent=str(tracing.root()),
                    )
                ),
                on_delivery=lambda error, _message: failures.append(str(error)) if error else None,
            )
    assert producer.flush(30) == 0
    assert not failures
    result = subprocess.run(
        [sys.executable, "-I", READER, stack.addresses.brokers, subjects.url, str(COUNT), *names],
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    by_topic: dict[str, list[Any]] = {}
    for line in result.stdout.splitlines():
        document = json.loads(line)
        by_topic.setdefault(document["topic"].removeprefix(prefix), []).append(document)
    yield Read(by_topic)
    for future in admin.delete_topics(names).values():
        future.result(30)


def test_the_reader_imports_nothing_of_ours() -> None:
    found = {
        (node.module or "") if isinstance(node, ast.ImportFrom) else alias.name
        for node in ast.walk(ast.parse(READER.read_text(encoding="utf-8")))
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    }
    assert {name.split(".")[0] for name in found} - set(sys.stdlib_module_names) == {
        "confluent_kafka",
        "fastavro",
    }


def test_every_topic_and_type_is_among_what_is_read() -> None:
    types = {
        record.schema.name if isinstance(record, SignedBytes) else type(record).__name__
        for records in ON_TOPICS.values()
        for record in records
    }
    assert types == set(schemas.TOPIC_TYPES)
    names = {topic.name for topic in topics.all_topics([samples.ORIGINATOR, samples.RECIPIENT])}
    unused = {topics.in_topic(samples.ORIGINATOR).name, topics.out_topic(samples.RECIPIENT).name}
    assert set(ON_TOPICS) == names - unused


def test_each_record_is_read_as_it_was_written(read: Read) -> None:
    assert set(read.by_topic) == set(ON_TOPICS)
    for topic, records in ON_TOPICS.items():
        documents = read.by_topic[topic]
        for document, record in zip(documents, records, strict=True):
            assert document["record"] == expected(record), topic
            assert document["headers"]["content-type"] == "application/avro"
            assert document["headers"]["ce_type"] == document["type"]
            fingerprint = wire.fingerprint_of(wire.header_map(document["headers"]))
            assert codec.schema_of(fingerprint).subject == document["type"]
