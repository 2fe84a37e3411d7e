"""A Faust app with the settings that FAUST's dangers ask for, and the process that runs it.

Each role is one process and one app id; the id is the consumer group. Topics are provisioned elsewhere, no Faust
table is used (state is in PostgreSQL), ``exactly_once`` is forbidden: outputs to topics that the worker does not
consume leave its transaction.

Must not: know what a stage does.
"""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, NoReturn, cast

import faust
import structlog
import uvloop
from kruispunt_schemas import pages
from kruispunt_schemas.failures import KruispuntError
from kruispunt_schemas.reports import Report, State
from kruispunt_schemas.topics import MAX_INTERNAL_BYTES, Partition

from kruispunt_processors import exits
from kruispunt_processors.engine import metrics
from kruispunt_processors.engine.condition import Condition
from kruispunt_processors.engine.driver import Transport
from kruispunt_processors.engine.supervision import Hearing, watch

FETCH_BYTES: Final = 2 * MAX_INTERNAL_BYTES
LOOK_SECONDS: Final = 1.0
ANSWER_SECONDS: Final = 10.0

log = structlog.get_logger(__name__)


class StageApp(faust.App):
    """An app that gets ready before it consumes anything."""

    starting: Callable[[], Awaitable[None]] | None = None

    async def on_first_start(self) -> None:
        """Await what the stage needs: the bundles, the database."""
        await super().on_first_start()
        if self.starting is not None:
            await self.starting()


def create(role: str, brokers: str, folder: Path) -> StageApp:
    """Return the app of a role; nothing is opened yet. brokers: ``host:port[,host:port]``."""
    state = folder / "faust" / role
    state.mkdir(parents=True, exist_ok=True)
    urls = [f"kafka://{address}" for address in brokers.split(",")]
    app = StageApp(
        f"kruispunt.{role}",
        broker=urls,
        store="memory://",
        datadir=state,
        processing_guarantee="at_least_once",
        topic_allow_declare=False,
        topic_disable_leader=True,
        topic_partitions=1,
        web_enabled=False,
        web_tables_enabled=False,
        web_router_enabled=False,
        table_standby_replicas=0,
        consumer_auto_offset_reset="earliest",
        consumer_max_fetch_size=FETCH_BYTES,
        broker_session_timeout=6.0,
        broker_heartbeat_interval=1.0,
        broker_request_timeout=10.0,
        broker_rebalance_timeout=10.0,
        broker_commit_interval=1.0,
        stream_buffer_maxsize=65_536,
        stream_wait_empty=False,
        producer_threaded=False,
        producer_linger=0.005,
        producer_max_batch_size=131_072,
        producer_max_request_size=FETCH_BYTES,
        producer_request_timeout=10.0,
    )
    app.transport = Transport(app.conf.broker_consumer, app)
    app.producer_transport = Transport(app.conf.broker_producer, app)
    return app


class Ending:
    """How the process ends when it is told to: `renew` asks for an end after which it is started again at once."""

    def __init__(self) -> None:
        self.renewing = False

    def renew(self) -> None:
        """End as SIGTERM would, but with `exits.RENEWED`."""
        if not self.renewing:
            self.renewing = True
            signal.raise_signal(signal.SIGTERM)


@dataclass(frozen=True, slots=True)
class Shift:
    """What a process works with until it ends.

    starting: awaited before anything is consumed. data: folder of the report. port: of the pages, 0 for a free one.
    answered: when the brokers last answered another client of this process (monotonic, in seconds).
    """

    condition: Condition
    starting: Callable[[], Awaitable[None]]
    data: Path
    ending: Ending = field(default_factory=Ending)
    port: int = 0
    answered: Callable[[], float] = lambda: 0.0


def run(app: StageApp, shift: Shift) -> NoReturn:
    """Run the app until SIGTERM or SIGINT; exits the process (`exits`; 1 after a crash).

    Raise ConfigurationError when the pages cannot be served.
    """
    asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
    condition, progress, report = shift.condition, shift.condition.progress, shift.condition.report
    report.address = pages.serve(condition.health, metrics.REGISTRY, shift.port)
    report.write(shift.data)

    def stalled(stuck: list[Partition]) -> None:
        places = ", ".join(f"{topic}/{number}" for topic, number in stuck) or "every partition"
        report.failed(State.FAILED, f"it stood still for {condition.limit:.0f} s on {places}")
        report.write(shift.data)

    async def first() -> None:
        await shift.starting()
        _keep_what_is_there()
        watch(progress, condition.limit, stalled)
        log.info("started", role=report.name, pages=report.address)

    async def look_around(_app: faust.App) -> None:
        hearing = Hearing(shift.answered)
        while not app.should_stop:
            await asyncio.sleep(LOOK_SECONDS)
            asked_at = time.monotonic()
            try:
                async with asyncio.timeout(ANSWER_SECONDS):
                    progress.lagging(await _lag(app))
                report.assigned = len(app.consumer.assignment())
                hearing.heard()
            except Exception as error:  # the watchdog judges by the age of the last reading
                log.warning("lag-unknown", role=report.name, error=type(error).__name__)
                if hearing.is_deaf(asked_at):
                    _end_deaf(report, shift.data)
            if report.assigned:
                report.state = State.WORKING
            report.lag, report.batches, report.messages = progress.behind, progress.batches, progress.messages
            report.write(shift.data)

    async def examine(_app: faust.App) -> None:
        while not app.should_stop:
            await condition.examine()
            await asyncio.sleep(LOOK_SECONDS)

    app.starting = first
    app.task(look_around)
    app.task(examine)
    worker = faust.Worker(app, loglevel="WARN", quiet=True, redirect_stdouts=False)
    worker.spinner = None
    try:
        worker.execute_from_commandline()
    except SystemExit as end:
        if end.code:
            report.failed(State.FAILED, _told(app.crash_reason))
        else:
            report.state = State.RENEWING if shift.ending.renewing else State.STOPPED
        report.write(shift.data)
        raise SystemExit(exits.RENEWED if report.state is State.RENEWING else end.code) from None


def _keep_what_is_there() -> None:
    """Keep what is imported out of the collector's rounds: it would walk it for nothing (a tenth of route's time)."""
    gc.collect()
    gc.freeze()


def _end_deaf(report: Report, data: Path) -> NoReturn:
    """End the process at once: a stop would wait for the consumer."""
    log.critical("deaf", role=report.name)
    report.failed(State.FAILED, "the brokers answer, but not its consumer")
    report.write(data)
    os._exit(exits.STALLED)


def _told(reason: BaseException | None) -> str:
    """Return why an app crashed; of a foreign error its name alone, for its text could hold content."""
    if isinstance(reason, KruispuntError):
        return str(reason)
    return "it crashed" if reason is None else f"it crashed ({type(reason).__name__})"


async def _lag(app: faust.App) -> dict[Partition, int]:
    """Return the number of messages of each assigned partition that are not committed yet.

    What was read to its end with nothing unacknowledged is done, whatever the last commit says: a transaction's marker
    or what retention removed takes an offset and is never seen.
    """
    assigned = app.consumer.assignment()
    if not assigned:
        return {}
    ends = await app.consumer.highwaters(*assigned)
    done = cast("Any", app.consumer)._committed_offset
    behind = {tp: max(0, (end or 0) - (done.get(tp) or 0)) for tp, end in ends.items()}
    if not app.consumer.unacked:
        thread = cast("Any", app.consumer)._thread
        for tp in [tp for tp, lag in behind.items() if lag]:
            if (await thread.position(tp) or 0) >= ends[tp]:
                behind[tp] = 0
    return {(tp.topic, tp.partition): lag for tp, lag in behind.items()}
