"""Outputs on their way to Kafka: whole batches for each partition, delivered before anything is marked.

Rules
-----
1. What goes to one partition goes in the order given, in batches made here and closed: nothing lingers, and all of them
   leave together. Measured: through the producer's own `send` each output cost more than it took to make.
2. `publish` returns when the brokers have confirmed every batch, within a bound of its own: an idempotent producer
   retries without end whatever its request timeout says.
3. A message larger than its topic takes is refused here, before it is part of a batch.
4. A batch that fails once it is on its way has used up its sequence number, which aiokafka never gives back: the broker
   would refuse whatever this producer sends to that partition afterwards. So the process ends; the next one has a
   producer of its own. What could not be handed over at all may pass.
5. No more than `ROUND_BYTES` go out at once: a broker closes the connection on a request that is too large, for ever.

Leans on internals of faust-streaming 0.15.3 and aiokafka 0.14.0. Must not: look into a message.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterator, Mapping, Sequence
from typing import Any, Final, cast

import faust
from aiokafka.errors import KafkaError, MessageSizeTooLargeError
from kruispunt_schemas import failpoints, wire
from kruispunt_schemas.failures import UnavailableError
from kruispunt_schemas.topics import MAX_INTERNAL_BYTES, Partition

from kruispunt_processors.engine import metrics
from kruispunt_processors.engine.stage import Publisher, WorkerLostError

DELIVERY_SECONDS: Final = 20.0
ANSWER_SECONDS: Final = 5.0
ROUND_BYTES: Final = 32 * 1024 * 1024
_SENDING: Final = "stage.sending"


class FaustPublisher:
    """Publishes through the producer of an app."""

    def __init__(self, app: faust.App) -> None:
        self._app = app

    @property
    def _producer(self) -> Any:
        """Return the aiokafka producer under the app's."""
        return cast("Any", self._app.producer)._producer

    async def publish(self, messages: Sequence[wire.Message]) -> None:
        """Deliver every message by the rules; raise UnavailableError when that is not confirmed in time."""
        if not messages:
            return
        try:
            async with asyncio.timeout(DELIVERY_SECONDS):
                await self._deliver(messages)
        except TimeoutError:
            raise UnavailableError(
                f"Kafka did not confirm delivery within {DELIVERY_SECONDS:.0f} s"
            ) from None
        except MessageSizeTooLargeError:
            raise
        except KafkaError as error:
            raise UnavailableError(f"Kafka refused a message ({type(error).__name__})") from None
        failpoints.reached("stage.sent")

    async def answers(self) -> None:
        """Ask the brokers for their metadata."""
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                known = await self._producer.client.force_metadata_update()
        except (TimeoutError, KafkaError) as error:
            raise UnavailableError(f"Kafka does not answer ({type(error).__name__})") from None
        if not known:
            raise UnavailableError("Kafka does not answer")

    async def _deliver(self, messages: Sequence[wire.Message]) -> None:
        numbers = {topic: await self._partitions(topic) for topic in {message.topic for message in messages}}
        choose = self._producer._partitioner
        by_partition: dict[Partition, list[wire.Message]] = {}
        for message in messages:
            known = numbers[message.topic]
            place = message.topic, choose(message.key, known, known)
            by_partition.setdefault(place, []).append(message)
        batches = {place: self._batches(group) for place, group in by_partition.items()}
        for together in _rounds(batches):
            sends = (self._send(place, batches[place]) for place in together)
            failures = [item for item in await asyncio.gather(*sends, return_exceptions=True) if item]
            if failures:
                first = next((item for item in failures if isinstance(item, WorkerLostError)), failures[0])
                raise first if isinstance(first, Exception) else WorkerLostError("a delivery was given up")

    async def _partitions(self, topic: str) -> list[int]:
        """Return the numbers of a topic's partitions; the client asks for them once in a while."""
        client = self._producer.client
        await client._wait_on_metadata(topic)
        return sorted(client.cluster.partitions_for_topic(topic))

    async def _send(self, place: Partition, batches: Sequence[Any]) -> None:
        """Send what goes to one partition and await its confirmation."""
        topic, number = place
        confirmed: list[Awaitable[object]] = []
        for builder in batches:
            sent = await self._producer.send_batch(builder, topic, partition=number)
            confirmed.append(failpoints.reached_when_done(_SENDING, sent, builder.record_count()))
        try:
            await asyncio.gather(*confirmed)
        except KafkaError as error:
            raise WorkerLostError(f"Kafka refused a batch for good ({type(error).__name__})") from None

    def _batches(self, group: Sequence[wire.Message]) -> list[Any]:
        """Return batches that are closed; raise MessageSizeTooLargeError for a message that its topic does not take."""
        batches: list[Any] = []
        for message in group:
            if not batches or not _append(batches[-1], message):
                batches.append(self._producer.create_batch())
                _append(batches[-1], message)  # the first one is always let in
                if batches[-1].size() > MAX_INTERNAL_BYTES:
                    raise MessageSizeTooLargeError
        batches[-1].close()
        return batches


def _rounds(batches: Mapping[Partition, Sequence[Any]]) -> Iterator[list[Partition]]:
    """Give the partitions that are sent to at the same time, by rule 5.

    Armed to end among sends, one after another: so that some are out and others not when the instant comes.
    """
    most = 0 if failpoints.is_armed(_SENDING) else ROUND_BYTES
    together: list[Partition] = []
    size = 0
    for place, built in batches.items():
        length = sum(builder.size() for builder in built)
        if together and size + length > most:
            yield together
            together, size = [], 0
        together.append(place)
        size += length
    yield together


def _append(builder: Any, message: wire.Message) -> bool:
    """Add a message to a batch; tell whether there was room. A batch without room is closed."""
    added = builder.append(
        timestamp=None, key=message.key, value=message.value, headers=list(message.headers)
    )
    return added is not None


class CountingPublisher:
    """Publishes through another and counts what was confirmed."""

    def __init__(self, publisher: Publisher, role: str) -> None:
        self._publisher = publisher
        self._role = role

    async def publish(self, messages: Sequence[wire.Message]) -> None:
        """Deliver all, then count them."""
        await self._publisher.publish(messages)
        metrics.delivered(self._role, messages)

    async def answers(self) -> None:
        """Ask as the other does."""
        await self._publisher.answers()
