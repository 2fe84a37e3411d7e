"""The bundles in force: a worker's copy of the announcements on ``audit.bundles``.

Rules
-----
1. The bundle that decides a posting is the one in force at the broker's append time: the latest activation that is
   not later.
2. A copy older than `STALE_SECONDS` is not used: the worker waits (`AwaitedError`), it does not guess.
3. Bundle bytes come from the topic alone and must have the SHA-256 that names them. A record that cannot be read or
   has other bytes is reported and left out; an activation of it makes workers wait.

Must not: take a bundle from anywhere else.
"""

from __future__ import annotations

import asyncio
import logging
import time
from bisect import bisect_right
from collections.abc import Callable
from datetime import datetime
from typing import Final

import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError
from kruispunt_schemas import codec, topics, wire
from kruispunt_schemas.failures import AwaitedError, KruispuntError, UnavailableError
from kruispunt_schemas.needtoknow.bundle import Bundle, load
from kruispunt_schemas.needtoknow.cedar import PolicyEngine
from kruispunt_schemas.records.backbone import BundleActivation, BundleContent
from kruispunt_schemas.topics import MAX_INTERNAL_BYTES

from kruispunt_processors.engine import records

STALE_SECONDS: Final = 30.0
POLL_SECONDS: Final = 1.0
ANSWER_SECONDS: Final = 10.0

log = structlog.get_logger(__name__)

records.install()

# The client logs every attempt to reach a broker, several a second; what matters is raised, and said here once.
logging.getLogger("aiokafka").setLevel(logging.CRITICAL)


class BundleRegister:
    """Bundles by name and activations in order; pure but for `fresh_at`."""

    def __init__(self) -> None:
        self._bundles: dict[str, Bundle] = {}
        self._engines: dict[str, PolicyEngine] = {}
        self._activations: list[tuple[datetime, str]] = []
        self.fresh_at = 0.0

    def add(self, record: BundleContent | BundleActivation) -> None:
        """Take in one record; raise PolicyError for bytes that are not what their name says."""
        if isinstance(record, BundleContent):
            if record.bundle not in self._bundles:
                bundle = load(record.content, record.bundle)
                self._engines[record.bundle] = PolicyEngine(bundle.policies, bundle.policy_schema)
                self._bundles[record.bundle] = bundle
        elif (record.in_force_from, record.bundle) not in self._activations:
            self._activations.append((record.in_force_from, record.bundle))
            self._activations.sort()

    def in_force(self, at: datetime) -> Bundle | None:
        """Return the bundle in force at a time, None before the first; AwaitedError when the copy is stale."""
        self._require_fresh()
        place = bisect_right(self._activations, at, key=lambda item: item[0])
        return self.named(self._activations[place - 1][1]) if place else None

    def latest(self) -> Bundle | None:
        """Return the bundle announced last, None before the first."""
        return self.named(self._activations[-1][1]) if self._activations else None

    def participants(self) -> frozenset[str]:
        """Return every participant of every bundle announced.

        Who was left out of a later bundle still owns a topic; what was posted there before must be read, what comes
        after is refused with a reason.
        """
        return frozenset(row.id for _, name in self._activations for row in self.named(name).participants)

    def named(self, name: str) -> Bundle:
        """Return a bundle by its hash; raise AwaitedError when its bytes have not arrived."""
        bundle = self._bundles.get(name)
        if bundle is None:
            raise AwaitedError(f"the bytes of bundle {name[:12]} have not arrived on audit.bundles")
        return bundle

    def engine(self, name: str) -> PolicyEngine:
        """Return the policies of a bundle, parsed."""
        self.named(name)
        return self._engines[name]

    def age(self) -> float:
        """Return how old the copy is, in seconds."""
        return time.monotonic() - self.fresh_at

    def is_fresh(self) -> bool:
        """Tell whether the copy is young enough to work with."""
        return self.age() <= STALE_SECONDS

    def _require_fresh(self) -> None:
        age = self.age()
        if age > STALE_SECONDS:
            raise AwaitedError(f"the copy of audit.bundles is {age:.0f} s old, {STALE_SECONDS:.0f} s at most")


async def announced(brokers: str) -> BundleRegister:
    """Return what is announced now, read once; raise UnavailableError when Kafka does not answer."""
    register = BundleRegister()
    follower = BundleFollower(brokers, register)
    await follower.start()
    await follower.stop()
    return register


class BundleFollower:
    """Reads ``audit.bundles`` from the beginning and goes on; shell around `BundleRegister`."""

    def __init__(
        self, brokers: str, register: BundleRegister, taken: Callable[[], None] = lambda: None
    ) -> None:
        """Prepare. taken: called after records were taken in and the end was reached."""
        self._brokers = brokers
        self._register = register
        self._taken = taken
        self._partition = TopicPartition(topics.BUNDLES.name, 0)
        self._consumer: AIOKafkaConsumer | None = None
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Read to the end once, then follow in the background; raise UnavailableError when Kafka does not answer."""
        self._consumer = AIOKafkaConsumer(
            bootstrap_servers=self._brokers,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            max_partition_fetch_bytes=2 * MAX_INTERNAL_BYTES,
        )
        try:
            await self._consumer.start()
            self._consumer.assign([self._partition])
            await self._consumer.seek_to_beginning(self._partition)
            async with asyncio.timeout(ANSWER_SECONDS):
                while not await self._read():
                    pass
        except (KafkaError, TimeoutError) as error:
            await self._consumer.stop()
            raise UnavailableError(f"audit.bundles cannot be read ({type(error).__name__})") from None
        self._task = asyncio.create_task(self._follow())

    async def stop(self) -> None:
        """Stop following."""
        if self._task is not None:
            self._task.cancel()
        if self._consumer is not None:
            await self._consumer.stop()

    async def _follow(self) -> None:
        while True:
            try:
                await self._read()
            except (KafkaError, TimeoutError) as error:
                log.warning("bundles-not-read", error=type(error).__name__)
                await asyncio.sleep(POLL_SECONDS)

    async def _read(self) -> bool:
        """Read what is there; True, and the copy is fresh, once the end has been reached."""
        consumer = self._consumer
        assert consumer is not None  # noqa: S101 - set by start
        async with asyncio.timeout(ANSWER_SECONDS):
            end = (await consumer.end_offsets([self._partition]))[self._partition]
        asked_at = time.monotonic()
        found = await consumer.getmany(self._partition, timeout_ms=int(POLL_SECONDS * 1000))
        for message in found.get(self._partition, ()):
            try:
                self._take(message.value, message.headers)
            except KruispuntError as error:
                log.error(  # noqa: TRY400 - the text says it all
                    "bundle-record-refused", offset=message.offset, reason=str(error)
                )
        if await consumer.position(self._partition) < end:
            return False
        self._register.fresh_at = asked_at
        if found:
            self._taken()
        return True

    def _take(self, value: bytes | None, headers: object) -> None:
        names = wire.header_map(headers)  # type: ignore[arg-type]
        schema = codec.schema_of(wire.fingerprint_of(names))
        payload = wire.unwrapped(value)
        if schema.name == "BundleContent":
            self._register.add(codec.decode(schema, payload, BundleContent))
        elif schema.name == "BundleActivation":
            self._register.add(codec.decode(schema, payload, BundleActivation))
