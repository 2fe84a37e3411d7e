"""The Faust agent of a stage: batches in, outputs delivered, then acknowledged. Never the other way round.

Rules
-----
1. A message is acknowledged after its outputs are delivered (not enqueued) and what was claimed is marked.
2. One stream reads all partitions into a `Backlog`; `AT_ONCE` batches of different partitions are under way at a time.
3. The agent never raises and never returns: after a crash it waits for the end of the process. Whatever Faust
   acknowledged on the way out would be lost.
4. What was read before a rebalance is neither handled nor acknowledged after it.

Leans on internals of faust-streaming 0.15.3. Must not: look into a message.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, cast

import faust
from faust.types import StreamT
from kruispunt_schemas import failpoints, topics, tracing, wire
from kruispunt_schemas import schema as schemas

from kruispunt_processors.engine import metrics
from kruispunt_processors.engine.backlog import AT_ONCE, Backlog, Batch, Held
from kruispunt_processors.engine.batches import run_batch
from kruispunt_processors.engine.delivery import CountingPublisher, FaustPublisher
from kruispunt_processors.engine.stage import Incoming, Publisher, Stage, WorkerLostError
from kruispunt_processors.engine.supervision import Progress


def install(app: faust.App, stage: Stage, sources: Sequence[str], progress: Progress) -> None:
    """Add the agent that runs a stage over its topics."""
    channel = app.topic(
        *sources, key_type=bytes, value_type=bytes, key_serializer="raw", value_serializer="raw"
    )
    publisher = CountingPublisher(FaustPublisher(app), stage.name)
    backlog = Backlog()

    async def step(stream: StreamT[Any]) -> None:
        if not stream.enable_acks:
            # What was read before would be passed over.
            await _crash(app, WorkerLostError("its stream began anew"))
        # Never restored: what is under way when this ends is not done.
        stream.enable_acks = False
        workers = [
            asyncio.create_task(_work(app, stage, backlog, publisher, progress)) for _ in range(AT_ONCE)
        ]
        try:
            async for event in stream.events():
                await backlog.add(Held(event, incoming(event.message)))
        except Exception as error:
            await _crash(app, error)
        finally:
            for worker in workers:
                worker.cancel()
            await asyncio.gather(*workers, return_exceptions=True)

    async def forget(*_: Any, **__: Any) -> None:
        backlog.forget()

    app.on_partitions_revoked.connect(forget, weak=False)
    app.agent(channel, name=f"{stage.name}.step")(step)


async def _work(
    app: faust.App, stage: Stage, backlog: Backlog, publisher: Publisher, progress: Progress
) -> None:
    """Handle one batch after another."""
    while True:
        batch = await backlog.next()
        try:
            await _handle(app, stage, backlog, batch, publisher, progress)
        except Exception as error:
            await _crash(app, error)


async def _crash(app: faust.App, error: Exception) -> None:
    """Crash the app and wait for the end of the process (rule 3)."""
    await app.crash(error)
    await asyncio.Event().wait()


async def _handle(
    app: faust.App, stage: Stage, backlog: Backlog, batch: Batch, publisher: Publisher, progress: Progress
) -> None:
    since, began = time.monotonic(), time.time_ns()
    messages = batch.messages
    with progress.batch(Counter(message.place for message in messages)) as hand:
        left = await run_batch(stage, messages, publisher, hand.moved)
        done = backlog.settle(batch, left)
        hand.done(Counter(held.message.place for held in done))
        failpoints.reached("stage.marked")
        generation = cast("Any", app).consumer_generation_id
        for held in done:
            if held.event.message.generation_id == generation:
                held.event.ack()
    if left is not None:
        metrics.awaited(stage.name)
    metrics.finished(stage.name, [held.event for held in done], time.monotonic() - since)
    if tracing.active():
        _record(stage.name, [held.message for held in done], (began, time.time_ns()))


def _record(stage: str, messages: Sequence[Incoming], times: tuple[int, int]) -> None:
    """Record a span for each message, all as long as their batch took, and one for the batch that they link to."""
    whole = tracing.root()
    tracing.record(f"{stage} batch", whole, times=times)
    for message in messages:
        parent = wire.traceparent_of(message.headers)
        record_type = wire.type_of(message.headers.items())
        known = record_type if record_type in schemas.TOPIC_TYPES else None
        tracing.record(
            stage, message.trace(stage), parent=parent, times=times, record_type=known, links=[whole]
        )


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
