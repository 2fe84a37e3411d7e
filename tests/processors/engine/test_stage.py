from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka.errors import KafkaTimeoutError, MessageSizeTooLargeError
from faust.exceptions import ProducerSendError
from hypothesis import given, settings
from hypothesis import strategies as st
from kruispunt_processors.engine import stage as engine
from kruispunt_processors.engine.stage import (
    FaustPublisher,
    Incoming,
    Publisher,
    incoming,
    own_topics,
    run_batch,
)
from kruispunt_processors.engine.supervision import STALL_SECONDS
from kruispunt_schemas.failures import AwaitedError, ContractError, UnavailableError
from kruispunt_schemas.wire import Message
from structlog.testing import capture_logs

from tests.drafts import MONDAY
from tests.processors.engine.sink import Sink


def message(offset: int) -> Incoming:
    return Incoming("admitted", 0, offset, MONDAY, None, str(offset).encode(), {})


def batch(size: int) -> list[Incoming]:
    return [message(offset) for offset in range(size)]


@dataclass
class Recorder:
    """A stage that fails on some offsets, as its ``failure`` says, and counts what it has handled."""

    poison: frozenset[int] = frozenset()
    failure: Callable[[], BaseException] = lambda: ValueError("content")
    away: bool = False
    name: str = "recorder"
    handled: Counter[int] = field(default_factory=Counter)
    cornered: list[tuple[int, str]] = field(default_factory=list)
    calls: int = 0

    async def handle(self, batch: Sequence[Incoming], publisher: Publisher) -> None:  # noqa: ARG002
        self.calls += 1
        if any(item.offset in self.poison for item in batch):
            raise self.failure()
        self.handled.update(item.offset for item in batch)

    async def answers(self) -> None:
        if self.away:
            raise UnavailableError("down")

    async def corner(
        self,
        message: Incoming,
        error: Exception,
        publisher: Publisher,  # noqa: ARG002
        *,
        kept: bytes | None,  # noqa: ARG002
    ) -> None:
        reason = error.reason if isinstance(error, ContractError) else type(error).__name__
        self.cornered.append((message.offset, reason))


@dataclass
class Clock:
    """A clock that only moves when somebody pauses."""

    now: float = 1000.0
    pauses: list[float] = field(default_factory=list)

    def monotonic(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    fake = Clock()
    monkeypatch.setattr(engine, "time", SimpleNamespace(monotonic=fake.monotonic))
    monkeypatch.setattr(engine, "asyncio", SimpleNamespace(sleep=fake.sleep))
    return fake


async def test_a_sound_batch_is_handled_once_and_whole(clock: Clock) -> None:
    stage = Recorder()
    await run_batch(stage, batch(500), Sink())
    assert (stage.calls, stage.cornered, clock.pauses) == (1, [], [])


async def test_one_poison_message_in_500_stops_nobody_else(clock: Clock) -> None:
    stage = Recorder(poison=frozenset({317}))
    await run_batch(stage, batch(500), Sink())
    assert set(stage.handled) == set(range(500)) - {317}
    assert stage.cornered == [(317, "ValueError")]
    assert stage.calls <= 2 * 9 + 1, "it is halved, not tried one by one"
    assert clock.pauses == [], "a failure that stays is not waited for"


@settings(deadline=None)
@given(size=st.integers(1, 60), data=st.data())
def test_any_number_of_poison_messages_are_cornered_in_order(size: int, data: st.DataObject) -> None:
    poison = data.draw(st.sets(st.integers(0, size - 1)))
    stage = Recorder(poison=frozenset(poison), failure=lambda: ContractError("encoding", "header"))
    asyncio.run(run_batch(stage, batch(size), Sink()))
    assert [offset for offset, _ in stage.cornered] == sorted(poison)
    assert set(stage.handled) == set(range(size)) - poison


async def test_the_log_of_a_cornered_message_says_where_and_shows_no_content() -> None:
    """Regression: the traceback was logged, and with it the error's own text and the message's bytes."""
    stage = Recorder(poison=frozenset({7}), failure=lambda: ValueError("Van den Broeck"))
    with capture_logs() as logs:
        await run_batch(stage, [message(7)], Sink())
    (entry,) = logs
    assert (entry["event"], entry["offset"], entry["error"]) == ("cornered", 7, "ValueError")
    assert "handle" in entry["where"][0]
    assert "Broeck" not in str(entry)
    assert "exc_info" not in entry


async def test_what_may_pass_is_waited_for_with_growing_pauses_and_then_goes_on(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage = Recorder(poison=frozenset({3}), failure=lambda: UnavailableError("down"))
    sleep = clock.sleep

    async def restart(seconds: float) -> None:
        await sleep(seconds)
        if len(clock.pauses) == 4:
            stage.poison = frozenset()

    monkeypatch.setattr(clock, "sleep", restart)
    monkeypatch.setattr(engine, "asyncio", SimpleNamespace(sleep=restart))
    await run_batch(stage, batch(10), Sink())
    assert clock.pauses == [0.1, 0.2, 0.4, 0.8]
    assert set(stage.handled.values()) == {1}
    assert stage.cornered == []


async def test_what_does_not_pass_is_raised_and_nothing_is_cornered(clock: Clock) -> None:
    stage = Recorder(poison=frozenset({3}), failure=lambda: UnavailableError("down"), away=True)
    with pytest.raises(UnavailableError):
        await run_batch(stage, batch(10), Sink())
    assert stage.cornered == []
    assert stage.handled == {}
    assert 25 < clock.now - 1000 <= engine.RETRY_SECONDS
    assert max(clock.pauses) == engine._LONGEST_PAUSE


async def test_a_server_that_goes_away_while_a_batch_is_halved_is_no_reason_to_corner(clock: Clock) -> None:
    class Both(Recorder):
        async def handle(self, batch: Sequence[Incoming], publisher: Publisher) -> None:
            if len(batch) < 4:
                raise UnavailableError("down")
            await super().handle(batch, publisher)

    stage = Both(poison=frozenset({3}), away=True)
    with pytest.raises(UnavailableError):
        await run_batch(stage, batch(8), Sink())
    assert stage.cornered == []
    assert clock.now > 1000


async def test_a_quarantine_that_cannot_be_written_is_raised(clock: Clock) -> None:
    class Closed(Recorder):
        async def corner(self, *_: Any, kept: bytes | None) -> None:  # noqa: ARG002
            raise UnavailableError("no broker")

    with pytest.raises(UnavailableError):
        await run_batch(Closed(poison=frozenset({0})), batch(2), Sink())
    assert clock.pauses == []


async def test_a_message_that_servers_who_answer_do_not_take_is_cornered_in_the_end(clock: Clock) -> None:
    """Regression: a batch that PostgreSQL or Kafka kept refusing was tried for ever, and with it all behind it."""
    stage = Recorder(poison=frozenset({3}), failure=lambda: UnavailableError("statement timeout"))
    alive: list[float] = []
    await run_batch(stage, batch(10), Sink(), lambda: alive.append(clock.now))
    assert stage.cornered == [(3, "not-taken")]
    assert set(stage.handled) == set(range(10)) - {3}
    assert set(stage.handled.values()) == {1}
    longest = max(after - before for before, after in pairwise([1000.0, *alive, clock.now]))
    assert longest < 40 < STALL_SECONDS - engine.DELIVERY_SECONDS
    assert len(alive) == 10


@pytest.mark.usefixtures("clock")
async def test_a_server_that_comes_back_in_the_end_takes_every_message(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stage = Recorder(poison=frozenset(range(10)), failure=lambda: UnavailableError("down"))

    async def back() -> None:
        stage.poison = frozenset()

    monkeypatch.setattr(stage, "answers", back)
    await run_batch(stage, batch(10), Sink())
    assert (stage.cornered, set(stage.handled)) == ([], set(range(10)))


async def test_a_server_that_goes_away_for_one_message_is_no_reason_to_corner_it(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage = Recorder(poison=frozenset({3}), failure=lambda: UnavailableError("down"))

    async def gone() -> None:
        if 2 in stage.handled:
            raise UnavailableError("down")

    monkeypatch.setattr(stage, "answers", gone)
    with pytest.raises(UnavailableError):
        await run_batch(stage, batch(10), Sink())
    assert stage.cornered == []
    assert clock.now > 1000


async def test_kafka_that_does_not_answer_is_no_reason_to_corner(clock: Clock) -> None:
    class Silent(Sink):
        async def answers(self) -> None:
            raise UnavailableError("down")

    stage = Recorder(poison=frozenset({3}), failure=lambda: UnavailableError("down"))
    with pytest.raises(UnavailableError):
        await run_batch(stage, batch(4), Silent())
    assert stage.cornered == []
    assert clock.now > 1000


async def test_what_is_awaited_is_never_cornered(clock: Clock) -> None:
    stage = Recorder(poison=frozenset({3}), failure=lambda: AwaitedError("no bundle yet"))
    with pytest.raises(AwaitedError):
        await run_batch(stage, batch(10), Sink())
    assert (stage.cornered, stage.handled) == ([], {})
    assert clock.now > 1000


async def test_a_quarantine_that_is_too_large_is_told_with_the_beginning_of_the_bytes() -> None:
    """Regression: the posting was looked for in the shortened bytes, could not be told, and nothing was kept."""

    class Small(Recorder):
        async def corner(
            self, message: Incoming, error: Exception, publisher: Publisher, *, kept: bytes | None
        ) -> None:
            if len(kept or b"") > engine.PREFIX_BYTES:
                raise MessageSizeTooLargeError
            assert message.value is not None
            assert (kept, len(message.value)) == (message.value[: engine.PREFIX_BYTES], 5000)
            await super().corner(message, error, publisher, kept=kept)

    stage = Small(poison=frozenset({0}))
    await run_batch(stage, [replace(message(0), value=b"x" * 5000)], Sink())
    assert stage.cornered == [(0, "MessageSizeTooLargeError")]


async def test_cancelling_is_not_taken_for_a_failure(clock: Clock) -> None:
    stage = Recorder(poison=frozenset({0}), failure=asyncio.CancelledError)
    with pytest.raises(asyncio.CancelledError):
        await run_batch(stage, batch(4), Sink())
    assert (stage.cornered, stage.calls, clock.pauses) == ([], 1, [])


class Broker:
    """Stands for the app and its producer: ``outcome`` settles each delivery."""

    def __init__(
        self, outcome: Callable[[asyncio.Future[None]], None], refuse: Exception | None = None
    ) -> None:
        self.producer = self
        self.outcome = outcome
        self.refuse = refuse
        self.sent: list[tuple[Any, ...]] = []

    async def send(self, *arguments: Any) -> asyncio.Future[None]:
        if self.refuse is not None:
            raise self.refuse
        self.sent.append(arguments)
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.outcome(future)
        return future


def publisher(broker: Broker) -> FaustPublisher:
    app: Any = broker
    return FaustPublisher(app)


MESSAGES = [Message("t", b"k", b"v", [("h", b"1")]), Message("t", None, b"w", [])]


async def test_publishing_sends_in_order_and_awaits_delivery() -> None:
    broker = Broker(lambda future: future.set_result(None))
    await publisher(broker).publish(MESSAGES)
    assert broker.sent == [("t", b"k", b"v", None, None, {"h": b"1"}), ("t", None, b"w", None, None, {})]
    await publisher(broker).publish([])
    assert len(broker.sent) == 2


async def test_delivery_that_is_not_confirmed_in_time_is_unavailable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "DELIVERY_SECONDS", 0.01)
    with pytest.raises(UnavailableError, match="confirm"):
        await publisher(Broker(lambda _future: None)).publish(MESSAGES)


@pytest.mark.parametrize("refusal", [KafkaTimeoutError(), ProducerSendError("content")])
async def test_a_refused_delivery_may_pass_and_shows_no_content(refusal: Exception) -> None:
    with pytest.raises(UnavailableError) as raised:
        await publisher(Broker(lambda future: future.set_exception(refusal))).publish(MESSAGES[:1])
    assert "content" not in str(raised.value)
    with pytest.raises(UnavailableError):
        await publisher(Broker(lambda _future: None, refuse=refusal)).publish(MESSAGES[:1])


async def test_a_message_that_is_too_large_stays_so_and_is_cornered() -> None:
    with pytest.raises(MessageSizeTooLargeError):
        await publisher(Broker(lambda _future: None, refuse=MessageSizeTooLargeError())).publish(MESSAGES[:1])
    wrapped = ProducerSendError()
    wrapped.__cause__ = MessageSizeTooLargeError()
    with pytest.raises(ProducerSendError):
        await publisher(Broker(lambda _future: None, refuse=wrapped)).publish(MESSAGES[:1])


def test_a_message_keeps_the_brokers_millisecond() -> None:
    for _ in range(200):
        millis = random.randrange(1_600_000_000_000, 2_000_000_000_000)  # noqa: S311
        read: Any = SimpleNamespace(
            topic="out.vsse",
            partition=0,
            offset=4,
            timestamp=millis / 1000,
            key=None,
            value=b"v",
            headers=[("a", b"1"), ("a", b"2")],
        )
        found = incoming(read)
        assert found.appended_at.microsecond % 1000 == 0
        assert (found.appended_at.timestamp() * 1000) == pytest.approx(millis, abs=0.01)
        assert found.headers == {"a": b"2"}


def test_posting_topics_are_an_explicit_list() -> None:
    assert own_topics(["ocad", "vsse"]) == ["out.ocad", "out.vsse"]
