from __future__ import annotations

import asyncio
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka.errors import GroupAuthorizationFailedError
from kruispunt_processors.engine import application, driver
from kruispunt_processors.engine.application import StageApp


@pytest.fixture
def app(tmp_path: Path) -> StageApp:
    return application.create("admit", "127.0.0.1:1,127.0.0.1:2", tmp_path)


def test_settings_that_the_engines_dangers_ask_for(app: StageApp) -> None:
    conf: Any = app.conf
    assert conf.id == "kruispunt.admit"
    assert conf.processing_guarantee.value == "at_least_once"
    assert [str(url) for url in conf.broker] == ["kafka://127.0.0.1:1", "kafka://127.0.0.1:2"]
    assert not conf.topic_allow_declare
    assert conf.topic_disable_leader
    assert conf.table_standby_replicas == 0
    assert not conf.web_enabled
    assert not conf.producer_threaded
    assert conf.broker_session_timeout + conf.broker_rebalance_timeout < 75
    assert isinstance(app.transport, driver.Transport)
    assert isinstance(app.producer_transport, driver.Transport)


def test_the_producer_is_idempotent_and_waits_for_every_replica(app: StageApp) -> None:
    transport: Any = app.producer_transport
    producer = transport.create_producer()
    assert isinstance(producer, driver.Producer)
    settings = {**producer._settings_default(), **producer._settings_extra()}
    assert (settings["acks"], settings["enable_idempotence"]) == ("all", True)


async def test_the_producer_that_is_made_is_idempotent(app: StageApp) -> None:
    transport: Any = app.producer_transport
    made = transport.create_producer()._new_producer()
    assert made._txn_manager is not None
    assert made._txn_manager.transactional_id is None
    assert made._sender._acks == -1
    await made.stop()


async def test_calls_that_wait_for_a_broker_keep_nothing_else_waiting(app: StageApp) -> None:
    """A commit, a look at the ends and a fetch that wait for a broker that is away once kept a worker still for 75 s."""
    consumer: Any = app.transport.create_consumer(
        _ignored, on_partitions_revoked=print, on_partitions_assigned=print
    )
    thread = consumer._thread
    assert isinstance(thread, driver.ConsumerThread)
    thread.thread_loop.close()
    thread.thread_loop = asyncio.get_running_loop()
    queue = thread.method_queue
    assert thread.method_queue is queue
    away = asyncio.Event()

    async def answered() -> str:
        return "answered"

    async with queue:
        waiting = [await _call(queue, away.wait) for _ in range(3)]
        async with asyncio.timeout(5):
            assert await (await _call(queue, answered)) == "answered"
        away.set()
        await asyncio.gather(*waiting)


async def _ignored(_message: object) -> None:
    pass


async def _call(queue: Any, function: Any) -> asyncio.Future[Any]:
    called: asyncio.Future[Any] = await queue.call(asyncio.get_running_loop().create_future(), function)
    return called


class Watched(driver.Consumer):
    """A consumer with nothing under it but a coordinator that has something to say."""

    def __init__(self, app: Any, errors: list[Exception | None]) -> None:
        self.app = app
        self.asked = 0
        coordinator = SimpleNamespace(check_errors=lambda: self._answer(errors))
        inner = SimpleNamespace(_coordinator=coordinator)
        self._thread: Any = SimpleNamespace(_consumer=inner, call_thread=self._call)

    should_stop = False

    def _answer(self, errors: list[Exception | None]) -> None:
        self.asked += 1
        error = errors.pop(0)
        if error is not None:
            raise error

    async def _call(self, function: Any) -> Any:
        return await function()

    async def sleep(self, n: Any, *, loop: Any = None) -> None:
        pass


class App:
    def __init__(self, *, stopping: bool = False) -> None:
        self.should_stop = stopping
        self.crashed: list[Exception] = []

    async def crash(self, error: Exception) -> None:
        self.crashed.append(error)


async def watch(consumer: Watched) -> None:
    task: Any = driver.Consumer._watch_coordinator
    await task.fun(consumer)


async def test_a_fatal_error_of_the_coordinator_ends_the_worker() -> None:
    app, error = App(), GroupAuthorizationFailedError("group")
    consumer = Watched(app, [None, None, error])
    await watch(consumer)
    assert app.crashed == [error]
    assert consumer.asked == 3


async def test_an_app_that_is_stopping_is_not_crashed() -> None:
    app = App(stopping=True)
    consumer = Watched(app, [GroupAuthorizationFailedError("group")])
    await watch(consumer)
    assert (app.crashed, consumer.asked) == ([], 0)


async def test_a_consumer_that_is_not_connected_yet_is_asked_nothing() -> None:
    consumer = Watched(App(), [])
    consumer._thread._consumer = None
    await consumer._check_coordinator()
    assert consumer.asked == 0


async def test_a_fetch_is_paced_by_what_is_in_hand(app: StageApp) -> None:
    consumer: Any = app.transport.create_consumer(
        _ignored, on_partitions_revoked=print, on_partitions_assigned=print
    )
    consumer._thread.thread_loop.close()
    fetcher = SimpleNamespace(_fetch_max_wait_ms=None, _fetch_min_bytes=None)
    consumer._thread = SimpleNamespace(_consumer=SimpleNamespace(_fetcher=fetcher), assignment=set)
    for in_hand in (0, driver.MUCH - 1, driver.MUCH, 0):
        consumer._unacked_messages = set(range(in_hand))
        consumer._pace()
        found = fetcher._fetch_max_wait_ms, fetcher._fetch_min_bytes
        assert found == driver.pace(in_hand, 0)


@pytest.mark.parametrize(
    ("in_hand", "partitions", "expected"),
    [
        (0, 1, (driver.FETCH_WAIT_MS, 1)),
        (driver.MUCH - 1, driver.MANY, (driver.FETCH_WAIT_MS, 1)),
        (driver.MUCH, 1, (200, 256 * 1024)),
        (driver.MUCH, 1000, (1000, 256 * 1024)),
        (0, 500, (100, 64 * 1024)),
        (0, 5000, (200, 64 * 1024)),
    ],
)
def test_what_comes_alone_is_asked_for_often_unless_each_question_is_long(
    in_hand: int, partitions: int, expected: tuple[int, int]
) -> None:
    assert driver.pace(in_hand, partitions) == expected
