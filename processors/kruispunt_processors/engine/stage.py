"""One stage of the road: batches in, outputs delivered, then acknowledged. Never the other way round.

Rules
-----
1. A batch is acknowledged after its outputs are delivered (not enqueued) and what was claimed is marked.
2. A failure that may pass (`UnavailableError`) is retried with growing pauses for `RETRY_SECONDS`, which rides out a
   restart of PostgreSQL. If the servers are away then, or something else is awaited (`AwaitedError`), the worker ends and
   is started again.
3. A failure that stays is cornered: the batch is halved until one message is left, and that one goes to quarantine
   with its bytes; it stops nobody else.
4. A batch that still fails by rule 2 while the servers answer is one that they cannot take: its messages are tried one
   by one, in order. The one that fails twice for `ALONE_SECONDS`, while they answer before and after, is cornered
   (``not-taken``): a server that comes back in between would have taken it.
5. An agent never raises and never returns: after a crash it waits for the end of the process. Whatever Faust
   acknowledges on the way out would be lost.

Must not: look into a message.
"""

from __future__ import annotations

import asyncio
import time
import traceback
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, Protocol, cast

import faust
import structlog
from aiokafka.errors import KafkaError, MessageSizeTooLargeError
from faust.exceptions import ProducerSendError
from faust.types import StreamT
from kruispunt_schemas import failpoints, topics, tracing, wire
from kruispunt_schemas import schema as schemas
from kruispunt_schemas.failures import AwaitedError, ContractError, UnavailableError
from kruispunt_schemas.tracing import Context

from kruispunt_processors.engine import metrics
from kruispunt_processors.engine.supervision import Partition, PartitionSupervisor, Progress

BATCH: Final = 500
BATCH_WITHIN_SECONDS: Final = 0.05
PORTION_BYTES: Final = 4 * 1024 * 1024
PREFIX_BYTES: Final = 1024
RETRY_SECONDS: Final = 30.0
ALONE_SECONDS: Final = 5.0
DELIVERY_SECONDS: Final = 20.0
ANSWER_SECONDS: Final = 5.0
_FIRST_PAUSE: Final = 0.1
_LONGEST_PAUSE: Final = 3.0
_FRAMES: Final = 6

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Incoming:
    """A message as it was read: ``appended_at`` is the broker's append time."""

    topic: str
    partition: int
    offset: int
    appended_at: datetime
    key: bytes | None
    value: bytes | None
    headers: Mapping[str, bytes]

    def trace(self, stage: str) -> Context:
        """Return the context of what a stage does with this message: its outputs bear it."""
        parent = wire.traceparent_of(self.headers)
        return tracing.child(parent, stage, f"{self.topic}/{self.partition}/{self.offset}")


class Publisher(Protocol):
    """Sends messages and returns once every one is delivered."""

    async def publish(self, messages: Sequence[wire.Message]) -> None:
        """Deliver all; raise UnavailableError when that is not confirmed in time."""
        ...

    async def answers(self) -> None:
        """Raise UnavailableError when Kafka does not answer."""
        ...


class Stage(Protocol):
    """What a stage does with a batch."""

    name: str

    async def handle(self, batch: Sequence[Incoming], publisher: Publisher) -> None:
        """Do everything that the batch asks for, outputs delivered and claims marked; harmless to repeat."""
        ...

    async def answers(self) -> None:
        """Raise UnavailableError when a server that the stage needs beside Kafka does not answer."""
        ...

    async def corner(
        self, message: Incoming, error: Exception, publisher: Publisher, *, kept: bytes | None
    ) -> None:
        """Put the one message that cannot be handled into quarantine; kept: its bytes, or their beginning."""
        ...


class FaustPublisher:
    """Publishes through the app's producer; confirms delivery within a bound of its own.

    An idempotent producer retries without end whatever its request timeout says, hence the bound.
    """

    def __init__(self, app: faust.App) -> None:
        self._app = app

    async def publish(self, messages: Sequence[wire.Message]) -> None:
        """Send in the order given and wait for the brokers' acknowledgement of every message."""
        if not messages:
            return
        try:
            async with asyncio.timeout(DELIVERY_SECONDS):
                sent: list[Awaitable[object]] = [
                    failpoints.reached_when_done(
                        "stage.sending",
                        await self._app.producer.send(
                            message.topic, message.key, message.value, None, None, dict(message.headers)
                        ),
                    )
                    for message in messages
                ]
                await asyncio.gather(*sent)
                failpoints.reached("stage.sent")
        except TimeoutError:
            raise UnavailableError(
                f"Kafka did not confirm delivery within {DELIVERY_SECONDS:.0f} s"
            ) from None
        except (ProducerSendError, KafkaError) as error:
            if isinstance(error, MessageSizeTooLargeError) or isinstance(
                error.__cause__, MessageSizeTooLargeError
            ):
                raise
            raise UnavailableError(f"Kafka refused a message ({type(error).__name__})") from None

    async def answers(self) -> None:
        """Ask the brokers for their metadata."""
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                known = await cast("Any", self._app.producer)._producer.client.force_metadata_update()
        except (TimeoutError, KafkaError) as error:
            raise UnavailableError(f"Kafka does not answer ({type(error).__name__})") from None
        if not known:
            raise UnavailableError("Kafka does not answer")


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


async def run_batch(
    stage: Stage, batch: Sequence[Incoming], publisher: Publisher, alive: Callable[[], None] = lambda: None
) -> None:
    """Handle a batch by rules 2 to 4; raise UnavailableError when the servers are away, or something is awaited.

    alive: called before each message that is tried alone.
    """
    try:
        await _patiently(stage, batch, publisher, RETRY_SECONDS)
    except AwaitedError:
        raise
    except UnavailableError:
        await _one_by_one(stage, batch, publisher, alive)
    except Exception as error:
        if len(batch) == 1:
            await _corner(stage, batch[0], error, publisher)
            return
        middle = len(batch) // 2
        await run_batch(stage, batch[:middle], publisher, alive)
        await run_batch(stage, batch[middle:], publisher, alive)


async def _one_by_one(
    stage: Stage, batch: Sequence[Incoming], publisher: Publisher, alive: Callable[[], None]
) -> None:
    """Handle each message alone, by rule 4; raise UnavailableError as soon as the servers do not answer."""
    await _answered(stage, publisher)
    for message in batch:
        alive()
        error = await _alone(stage, message, publisher)
        if isinstance(error, UnavailableError):
            await _answered(stage, publisher)
            error = await _alone(stage, message, publisher)
            if isinstance(error, UnavailableError):
                await _answered(stage, publisher)
                error = ContractError("not-taken", "", f"the servers answer and do not take it: {error}")
        if error is not None:
            await _corner(stage, message, error, publisher)


async def _answered(stage: Stage, publisher: Publisher) -> None:
    await stage.answers()
    await publisher.answers()


async def _alone(stage: Stage, message: Incoming, publisher: Publisher) -> Exception | None:
    """Handle one message; return what it fails on."""
    try:
        await _patiently(stage, [message], publisher, ALONE_SECONDS)
    except AwaitedError:
        raise
    except Exception as error:
        return error
    return None


def _where(error: Exception) -> list[str]:
    """Return where an error was raised, last call first: a foreign error's own text could hold content."""
    frames = traceback.extract_tb(error.__traceback__)
    return [f"{Path(frame.filename).name}:{frame.lineno} {frame.name}" for frame in reversed(frames)][
        :_FRAMES
    ]


async def _corner(stage: Stage, message: Incoming, error: Exception, publisher: Publisher) -> None:
    """Corner a message; when even that fails, with the beginning of its bytes only: a reason is owed in any case."""
    log.error(
        "cornered",
        stage=stage.name,
        topic=message.topic,
        partition=message.partition,
        offset=message.offset,
        error=error.reason if isinstance(error, ContractError) else type(error).__name__,
        where=_where(error),
    )
    try:
        await stage.corner(message, error, publisher, kept=message.value)
    except UnavailableError:
        raise
    except Exception as again:
        await stage.corner(message, again, publisher, kept=(message.value or b"")[:PREFIX_BYTES])
    metrics.cornered(stage.name)


def portions(events: Sequence[Any]) -> Iterator[list[Any]]:
    """Cut a batch of events by bytes, so that a few large ones are no long silence and no large memory."""
    portion: list[Any] = []
    size = 0
    for event in events:
        length = len(event.message.value or b"")
        if portion and size + length > PORTION_BYTES:
            yield portion
            portion, size = [], 0
        portion.append(event)
        size += length
    if portion:
        yield portion


async def _patiently(stage: Stage, batch: Sequence[Incoming], publisher: Publisher, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    pause = _FIRST_PAUSE
    while True:
        try:
            await stage.handle(batch, publisher)
        except UnavailableError as error:
            if time.monotonic() + pause > deadline:
                raise
            log.warning("waiting", stage=stage.name, reason=str(error), pause_seconds=pause)
            with metrics.waiting(stage.name):
                await asyncio.sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE)
        else:
            return


def install(
    app: faust.App, stage: Stage, sources: Sequence[str], progress: Progress, *, isolated: bool
) -> None:
    """Add the agent that runs a stage over its topics."""
    channel = app.topic(
        *sources, key_type=bytes, value_type=bytes, key_serializer="raw", value_serializer="raw"
    )
    publisher = CountingPublisher(FaustPublisher(app), stage.name)

    async def step(stream: StreamT[Any]) -> None:
        # noack_take restores this on exit: without it a cancelled batch would be acknowledged.
        stream.enable_acks = False
        async for events in cast("Any", stream).noack_take(BATCH, within=BATCH_WITHIN_SECONDS):
            for portion in portions(events):
                since, began = time.monotonic(), time.time_ns()
                with progress.batch(_places(portion)) as moved:
                    try:
                        batch = [incoming(event.message) for event in portion]
                        await run_batch(stage, batch, publisher, moved)
                    except Exception as error:
                        await app.crash(error)
                        await asyncio.Event().wait()
                    failpoints.reached("stage.marked")
                    for event in portion:
                        await stream.ack(event)
                metrics.finished(stage.name, portion, time.monotonic() - since)
                if tracing.active():
                    _record(stage.name, batch, (began, time.time_ns()))

    app.agent(
        channel,
        name=f"{stage.name}.step",
        isolated_partitions=isolated,
        supervisor_strategy=PartitionSupervisor,
    )(step)


def _record(stage: str, batch: Sequence[Incoming], times: tuple[int, int]) -> None:
    """Record a span for each message, all as long as their batch took, and one for the batch that they link to."""
    whole = tracing.root()
    tracing.record(f"{stage} batch", whole, times=times)
    for message in batch:
        parent = wire.traceparent_of(message.headers)
        record_type = wire.type_of(message.headers.items())
        known = record_type if record_type in schemas.TOPIC_TYPES else None
        tracing.record(
            stage, message.trace(stage), parent=parent, times=times, record_type=known, links=[whole]
        )


def _places(events: Sequence[Any]) -> Counter[Partition]:
    return Counter((event.message.topic, event.message.partition) for event in events)


def incoming(message: Any) -> Incoming:
    """Return a Kafka message as the stages see it."""
    return Incoming(
        topic=message.topic,
        partition=message.partition,
        offset=message.offset,
        appended_at=datetime.fromtimestamp(round(message.timestamp * 1000) / 1000, UTC),
        key=message.key,
        value=message.value,
        headers=wire.header_map(message.headers),
    )


def own_topics(participants: Sequence[str]) -> list[str]:
    """Return the posting topics of participants: an explicit list, for Faust's pattern subscription does not work."""
    return [topics.out_topic(participant).name for participant in participants]
