"""Everything that must be there before the first signal: keys, schemas, migrations, topics, the bundle in force.

Rules
-----
1. Idempotent: what is there is left alone and reported as found; a topic that differs from its definition is refused.
2. The first bundle is in force at once; a later one, made when keys or files have changed, from `ANNOUNCED_AHEAD` on,
   so that every worker has it in time.
3. The registry's compatibility is set before anything is registered.
4. Schemas, tables and topics depend on nothing of each other and are made side by side; the bundle comes last.

Must not: start a server, or write what the workers decide.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from confluent_kafka import KafkaError, KafkaException, Producer
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._config import ConfigResource
from confluent_kafka.admin._resource import ResourceType
from confluent_kafka.cimpl import NewTopic
from kruispunt_processors.bundles import announced
from kruispunt_processors.database.connection import migrate, open_engine
from kruispunt_schemas import codec, keys, topics, wire
from kruispunt_schemas import schema as schemas
from kruispunt_schemas.failures import ConfigurationError, UnavailableError
from kruispunt_schemas.needtoknow.authoring import make, read_participants
from kruispunt_schemas.needtoknow.bundle import Bundle, Participant, VerificationKey
from kruispunt_schemas.needtoknow.cedar import PolicyEngine
from kruispunt_schemas.records.backbone import BundleActivation, BundleContent
from kruispunt_schemas.registry import CACHE_FILE, Registry
from kruispunt_schemas.settings import Settings

ANNOUNCED_AHEAD: Final = timedelta(seconds=60)
ANSWER_SECONDS: Final = 30.0
KNOWN_SECONDS: Final = 60.0
LOOK_SECONDS: Final = 0.2
TOPICS_AT_ONCE: Final = 500
"""Topics of one request: with their settings well below the 10,000 records that a Kafka controller takes at once."""
KEYS_VALID_FROM: Final = datetime(2021, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Provisioned:
    """What was done: counts of what was made; ``bundle`` in force, ``activated`` whether it is a new one."""

    participants: int
    topics_made: int
    topics_found: int
    schemas: int
    bundle: str
    activated: bool


def provision(
    settings: Settings, say: Callable[[str], None], participants: Sequence[Participant] | None = None
) -> Provisioned:
    """Provision a backbone; raise ConfigurationError or UnavailableError with what to do.

    say: told each step. participants: the demonstration's unless given.
    """
    addresses = settings.addresses()
    participants = participants or read_participants()
    say(f"keys of {len(participants)} participants")
    bundle = make({row.id: (_verification_key(settings, row),) for row in participants}, participants)
    PolicyEngine(bundle.policies, bundle.policy_schema)
    keys.create_backbone(settings.data)
    say("schemas, tables, topics")
    names = [row.id for row in participants]
    with ThreadPoolExecutor(max_workers=3, thread_name_prefix="provision") as pool:
        registering = pool.submit(register, addresses.registry, settings.data)
        migrating = pool.submit(asyncio.run, _migrate(settings.database_address()))
        creating = pool.submit(_create_topics, addresses.brokers, names)
        wire_ids = registering.result()
        migrating.result()
        made, found = creating.result()
    say("bundle")
    activated = announce(addresses.brokers, bundle, wire_ids)
    return Provisioned(len(participants), made, found, len(wire_ids), bundle.name, activated)


def register(url: str, data: Path) -> dict[str, int]:
    """Register every schema of a topic; return the registry's ids by name."""
    with closing(Registry(url, data / CACHE_FILE)) as registry:
        registry.prepare()
        return {name: registry.register(schemas.load(name)) for name in schemas.TOPIC_TYPES}


def _verification_key(settings: Settings, row: Participant) -> VerificationKey:
    own = keys.create_participant(settings.data, row.id)
    return VerificationKey(
        key_id=own.signer.key_id, public_key=own.signer.public_key().hex(), valid_from=KEYS_VALID_FROM
    )


async def _migrate(address: str) -> None:
    engine = open_engine(address)
    try:
        await migrate(engine)
    finally:
        await engine.dispose()


def _create_topics(brokers: str, participants: list[str]) -> tuple[int, int]:
    """Create what is missing; return how many were made and how many found."""
    admin = AdminClient({"bootstrap.servers": brokers})
    wanted = topics.all_topics(participants)
    try:
        existing = admin.list_topics(timeout=ANSWER_SECONDS).topics
        replicas = min(3, len(admin.list_topics(timeout=ANSWER_SECONDS).brokers))
    except KafkaException as error:
        raise UnavailableError(f"Kafka does not answer: {error.args[0].name()}") from None
    missing = [topic for topic in wanted if topic.name not in existing]
    _check_settings(admin, [topic for topic in wanted if topic.name in existing], replicas)
    for topic in wanted:
        there = existing.get(topic.name)
        if there is not None and len(there.partitions) != topic.partitions:
            raise ConfigurationError(
                f"topic {topic.name} has {len(there.partitions)} partitions, not {topic.partitions}: "
                "remove it or use another cluster"
            )
    for first in range(0, len(missing), TOPICS_AT_ONCE):
        futures: dict[str, Future[None]] = admin.create_topics(
            [
                NewTopic(topic.name, topic.partitions, replicas, config=_topic_config(topic, replicas))
                for topic in missing[first : first + TOPICS_AT_ONCE]
            ],
            operation_timeout=ANSWER_SECONDS,
        )
        for name, future in futures.items():
            try:
                future.result(ANSWER_SECONDS)
            except KafkaException as error:
                if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
                    raise UnavailableError(f"topic {name} was not made: {error.args[0].name()}") from None
    _await_topics(admin, {topic.name for topic in missing})
    return len(missing), len(wanted) - len(missing)


def _await_topics(admin: AdminClient, names: set[str]) -> None:
    """Wait until the brokers tell of topics: the controller says that they are made before its brokers know it.

    Seen with 2,000 of them: a posting sent right afterwards met a topic that was not there. Raise UnavailableError.
    """
    deadline = time.monotonic() + KNOWN_SECONDS
    while names:
        known = admin.list_topics(timeout=ANSWER_SECONDS).topics
        names = {name for name in names if name not in known or known[name].error is not None}
        if names and time.monotonic() > deadline:
            raise UnavailableError(f"{len(names)} topics were made and the brokers do not know them")
        if names:
            time.sleep(LOOK_SECONDS)


def _check_settings(admin: AdminClient, found: list[topics.Topic], replicas: int) -> None:
    """Refuse a topic whose settings differ: with another timestamp type its owner would choose its append time."""
    if not found:
        return
    resources = [ConfigResource(ResourceType.TOPIC, topic.name) for topic in found]
    futures = admin.describe_configs(resources, request_timeout=ANSWER_SECONDS)
    for resource, future in futures.items():
        try:
            actual = future.result(ANSWER_SECONDS)
        except KafkaException as error:
            raise UnavailableError(f"Kafka does not tell the settings: {error.args[0].name()}") from None
        topic = next(item for item in found if item.name == resource.name)
        for name, value in _topic_config(topic, replicas).items():
            if actual[name].value != value:
                raise ConfigurationError(
                    f"topic {topic.name} has {name}={actual[name].value}, not {value}: mend it or use another cluster"
                )


def _topic_config(topic: topics.Topic, replicas: int) -> dict[str, str]:
    return {
        "cleanup.policy": "delete",
        "retention.ms": "-1" if topic.retention_ms is None else str(topic.retention_ms),
        "retention.bytes": "-1",
        "message.timestamp.type": "LogAppendTime",
        "max.message.bytes": str(topic.max_bytes),
        # The broker unpacks what it takes: the size is judged unpacked, and no consumer meets a codec it lacks.
        "compression.type": "uncompressed",
        "min.insync.replicas": "2" if replicas >= 3 else "1",
    }


def announce(brokers: str, bundle: Bundle, wire_ids: dict[str, int]) -> bool:
    """Announce the bundle unless it is the one announced last; return whether it was announced."""
    last = asyncio.run(announced(brokers)).latest()
    if last is not None and last.name == bundle.name:
        return False
    now = datetime.now(UTC)
    in_force_from = now if last is None else now + ANNOUNCED_AHEAD
    producer = Producer(
        {"bootstrap.servers": brokers, "acks": "all", "enable.idempotence": True, "log_level": 0}
    )
    failures: list[str] = []

    def delivered(error: KafkaError | None, _message: object) -> None:
        if error is not None:
            failures.append(error.name())

    for record in (
        BundleContent(bundle=bundle.name, content=bundle.content),
        BundleActivation(bundle=bundle.name, in_force_from=in_force_from, announced_at=now),
    ):
        schema = schemas.load(type(record).__name__)
        producer.produce(
            topics.BUNDLES.name,
            key=bundle.name.encode(),
            value=wire.wrapped(wire_ids[schema.name], codec.encode(record)),
            headers=dict(
                wire.envelope(
                    schema, identifier=bundle.name, source="/backbone/provision", time=now, traceparent=None
                )
            ),
            on_delivery=delivered,
        )
    if producer.flush(ANSWER_SECONDS) or failures:
        raise UnavailableError(
            f"the bundle was not announced: {failures[0] if failures else 'no answer in time'}"
        )
    return True
