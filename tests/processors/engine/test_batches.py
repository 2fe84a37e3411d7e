from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka.errors import MessageSizeTooLargeError
from hypothesis import given, settings
from hypothesis import strategies as st
from kruispunt_processors.engine import batches as engine
from kruispunt_processors.engine.backlog import Left
from kruispunt_processors.engine.batches import run_batch
from kruispunt_processors.engine.delivery import DELIVERY_SECONDS
from kruispunt_processors.engine.stage import Incoming, Publisher, WorkerLostError
from kruispunt_processors.engine.supervision import STALL_SECONDS
from kruispunt_schemas.failures import AwaitedError, ContractError, UnavailableError
from structlog.testing import capture_logs

from tests.drafts import MONDAY
from tests.processors.engine.sink import Sink


def message(offset: int, partition: int = 0) -> Incoming:
    return Incoming("admitted", partition, offset, MONDAY, None, str(offset).encode(), {})


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
    assert longest < 40 < STALL_SECONDS - DELIVERY_SECONDS
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


class TestWhatAwaitsSomethingElse:
    """It is left with all that came after it on its partition; every other message goes on, and none is cornered."""

    async def test_it_is_never_cornered_and_not_waited_for(self, clock: Clock) -> None:
        stage = Recorder(poison=frozenset({3}), failure=lambda: AwaitedError("no bundle yet"))
        left = await run_batch(stage, batch(10), Sink())
        assert left is not None
        assert [item.offset for item in left.messages] == [3, 4, 5, 6, 7, 8, 9]
        assert str(left.error) == "no bundle yet"
        assert (stage.cornered, set(stage.handled), clock.pauses) == ([], {0, 1, 2}, [])

    @settings(deadline=None)
    @given(data=st.data())
    def test_other_partitions_go_on_and_poison_among_them_is_cornered(self, data: st.DataObject) -> None:
        size = data.draw(st.integers(1, 60))
        places = data.draw(st.lists(st.integers(0, 4), min_size=size, max_size=size))
        awaiting = data.draw(st.sets(st.integers(0, size - 1)))
        rotten = data.draw(st.sets(st.integers(0, size - 1))) - awaiting
        stage = Mixed(awaiting=frozenset(awaiting), poison=frozenset(rotten))
        messages = [message(offset, place) for offset, place in enumerate(places)]
        left = asyncio.run(run_batch(stage, messages, Sink()))
        first = {place: min((o for o in awaiting if places[o] == place), default=size) for place in range(5)}
        behind = [offset for offset in range(size) if offset >= first[places[offset]]]
        assert sorted(item.offset for item in (left.messages if left else ())) == behind
        for place in range(5):
            found = [item.offset for item in (left.messages if left else ()) if item.partition == place]
            assert found == sorted(found), "in order within a partition"
        assert set(stage.handled) == set(range(size)) - set(behind) - rotten
        assert {offset for offset, _ in stage.cornered} == rotten - set(behind)

    async def test_it_is_left_too_where_messages_are_tried_one_by_one(self, clock: Clock) -> None:
        stage = Mixed(awaiting=frozenset({4}), down=frozenset({1}), poison=frozenset())
        left = await run_batch(stage, [message(offset, offset % 2) for offset in range(8)], Sink())
        assert isinstance(left, Left)
        assert [item.offset for item in left.messages] == [4, 6]
        assert stage.cornered == [(1, "not-taken")]
        assert set(stage.handled) == {0, 2, 3, 5, 7}
        assert clock.now > 1000


@dataclass
class Mixed(Recorder):
    """Fails on poison, waits on what is awaiting, and finds the servers unwilling for what is down."""

    awaiting: frozenset[int] = frozenset()
    down: frozenset[int] = frozenset()

    async def handle(self, batch: Sequence[Incoming], publisher: Publisher) -> None:
        if any(item.offset in self.down for item in batch):
            raise UnavailableError("statement timeout")
        if any(item.offset in self.awaiting for item in batch):
            raise AwaitedError("an earlier version")
        await super().handle(batch, publisher)


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


async def test_a_quarantine_that_the_headers_make_too_large_is_told_with_the_short_ones() -> None:
    """Regression: a header whose name was 5 MiB of other than UTF-8 kept admit from everything behind it, for ever."""

    class Small(Recorder):
        async def corner(
            self, message: Incoming, error: Exception, publisher: Publisher, *, kept: bytes | None
        ) -> None:
            if sum(len(name) + len(value) for name, value in message.headers.items()) > 10_000:
                raise MessageSizeTooLargeError
            assert message.headers == {"ce_type": b"signal"}
            await super().corner(message, error, publisher, kept=kept)

    stage = Small(poison=frozenset({0}))
    headers = {"\\xff" * 5_000: b"", "ce_type": b"signal", "long": b"v" * 400}
    await run_batch(stage, [replace(message(0), headers=headers)], Sink())
    assert stage.cornered == [(0, "MessageSizeTooLargeError")]


async def test_where_the_process_cannot_go_on_nothing_is_tried_again_or_cornered(clock: Clock) -> None:
    stage = Recorder(poison=frozenset({3}), failure=lambda: WorkerLostError("refused for good"))
    with pytest.raises(WorkerLostError):
        await run_batch(stage, batch(10), Sink())
    assert (stage.cornered, stage.calls, clock.pauses) == ([], 1, [])


async def test_cancelling_is_not_taken_for_a_failure(clock: Clock) -> None:
    stage = Recorder(poison=frozenset({0}), failure=asyncio.CancelledError)
    with pytest.raises(asyncio.CancelledError):
        await run_batch(stage, batch(4), Sink())
    assert (stage.cornered, stage.calls, clock.pauses) == ([], 1, [])
