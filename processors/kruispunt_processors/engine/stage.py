"""One stage of the road: batches in, outputs delivered, then acknowledged. Never the other way round.

Rules
-----
1. A batch is acknowledged after its outputs are delivered (not enqueued) and what was claimed is marked.
2. A failure that may pass (`UnavailableError`) is retried with growing pauses for `RETRY_SECONDS`, which rides out a
   restart of PostgreSQL; then the worker ends and is started again.
3. A failure that stays is cornered: the batch is halved until one message is left, and that one goes to quarantine
   with its bytes; it stops nobody else.
4. An agent never raises and never returns: after a crash it waits for the end of the process. Whatever Faust
   acknowledges on the way out would be lost.

Must not: look into a message.
"""

from __future__ import annotations

import asyncio
import time
import traceback
from collections import Counter
from collections.abc import Awaitable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, Protocol, cast

import faust
import structlog
from aiokafka.errors import KafkaError, MessageSizeTooLargeError
from faust.exceptions import ProducerSendError
from faust.types import StreamT
from kruispunt_schemas import failpoints, topics, wire
from kruispunt_schemas.failures import UnavailableError

from kruispunt_processors.engine.supervision import Partition, PartitionSupervisor, Progress

BATCH: Final = 500
BATCH_WITHIN_SECONDS: Final = 0.05
PORTION_BYTES: Final = 4 * 1024 * 1024
PREFIX_BYTES: Final = 1024
RETRY_SECONDS: Final = 30.0
DELIVERY_SECONDS: Final = 20.0
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


class Publisher(Protocol):
    """Sends messages and returns once every one is delivered."""

    async def publish(self, messages: Sequence[wire.Message]) -> None:
        """Deliver all; raise UnavailableError when that is not confirmed in time."""
        ...


class Stage(Protocol):
    """What a stage does with a batch."""

    name: str

    async def handle(self, batch: Sequence[Incoming], publisher: Publisher) -> None:
        """Do everything that the batch asks for, outputs delivered and claims marked; harmless to repeat."""
        ...

    async def corner(self, message: Incoming, error: Exception, publisher: Publisher) -> None:
        """Put the one message that cannot be handled into quarantine."""
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


async def run_batch(stage: Stage, batch: Sequence[Incoming], publisher: Publisher) -> None:
    """Handle a batch by rules 2 and 3; raise UnavailableError when a failure that may pass has not passed."""
    try:
        await _patiently(stage, batch, publisher)
    except UnavailableError:
        raise
    except Exception as error:
        if len(batch) == 1:
            log.error(  # noqa: TRY400 - a traceback carries the error's own text
                "cornered",
                stage=stage.name,
                topic=batch[0].topic,
                partition=batch[0].partition,
                offset=batch[0].offset,
                error=type(error).__name__,
                where=_where(error),
            )
            await _corner(stage, batch[0], error, publisher)
            return
        middle = len(batch) // 2
        await run_batch(stage, batch[:middle], publisher)
        await run_batch(stage, batch[middle:], publisher)


def _where(error: Exception) -> list[str]:
    """Return where an error was raised, last call first: a foreign error's own text could hold content."""
    frames = traceback.extract_tb(error.__traceback__)
    return [f"{Path(frame.filename).name}:{frame.lineno} {frame.name}" for frame in reversed(frames)][
        :_FRAMES
    ]


async def _corner(stage: Stage, message: Incoming, error: Exception, publisher: Publisher) -> None:
    """Corner a message; when even that fails, with the beginning of its bytes only: a reason is owed in any case."""
    try:
        await stage.corner(message, error, publisher)
    except UnavailableError:
        raise
    except Exception as again:
        await stage.corner(replace(message, value=(message.value or b"")[:PREFIX_BYTES]), again, publisher)


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


async def _patiently(stage: Stage, batch: Sequence[Incoming], publisher: Publisher) -> None:
    deadline = time.monotonic() + RETRY_SECONDS
    pause = _FIRST_PAUSE
    while True:
        try:
            await stage.handle(batch, publisher)
        except UnavailableError as error:
            if time.monotonic() + pause > deadline:
                raise
            log.warning("waiting", stage=stage.name, reason=str(error), pause_seconds=pause)
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
    publisher = FaustPublisher(app)

    async def step(stream: StreamT[Any]) -> None:
        # noack_take restores this on exit: without it a cancelled batch would be acknowledged.
        stream.enable_acks = False
        async for events in cast("Any", stream).noack_take(BATCH, within=BATCH_WITHIN_SECONDS):
            for portion in portions(events):
                with progress.batch(_places(portion)):
                    try:
                        await run_batch(stage, [incoming(event.message) for event in portion], publisher)
                    except Exception as error:
                        await app.crash(error)
                        await asyncio.Event().wait()
                    failpoints.reached("stage.marked")
                    for event in portion:
                        await stream.ack(event)

    app.agent(
        channel,
        name=f"{stage.name}.step",
        isolated_partitions=isolated,
        supervisor_strategy=PartitionSupervisor,
    )(step)


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
