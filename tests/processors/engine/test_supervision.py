from __future__ import annotations

import asyncio
import os
from dataclasses import dataclass

import pytest
from kruispunt_deploy.stack.supervisor import WORKER_HEALTHY_SECONDS
from kruispunt_processors import exits, pool
from kruispunt_processors.engine import supervision
from kruispunt_processors.engine.supervision import STALL_SECONDS, Hearing, Progress


@dataclass
class Clock:
    now: float = 500.0

    def __call__(self) -> float:
        return self.now

    def forward(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def progress(clock: Clock) -> Progress:
    return Progress(clock=clock)


ONE, OTHER = ("admitted", 1), ("admitted", 2)


def finish(progress: Progress, *partitions: tuple[str, int], messages: int = 1) -> None:
    counts = dict.fromkeys(partitions, messages)
    with progress.batch(counts) as hand:
        hand.done(counts)


def test_a_worker_that_has_just_started_is_not_stuck(progress: Progress, clock: Clock) -> None:
    assert progress.stuck() is None
    clock.forward(STALL_SECONDS)
    assert progress.stuck() is None


def test_lag_without_a_batch_is_stuck_after_the_limit(progress: Progress, clock: Clock) -> None:
    for _ in range(int(STALL_SECONDS)):
        progress.lagging({ONE: 5, OTHER: 0})
        clock.forward(1)
    assert progress.stuck() is None
    clock.forward(0.5)
    progress.lagging({ONE: 5, OTHER: 0})
    assert progress.stuck() == [ONE]


def test_a_batch_that_ends_is_progress_however_long_the_lag(progress: Progress, clock: Clock) -> None:
    for _ in range(10):
        clock.forward(STALL_SECONDS - 1)
        progress.lagging({ONE: 100_000})
        finish(progress, ONE, messages=500)
        assert progress.stuck() is None
    assert (progress.batches, progress.messages) == (10, 5000)


def test_a_worker_without_lag_may_stand_still_for_ever(progress: Progress, clock: Clock) -> None:
    for _ in range(1000):
        clock.forward(10)
        progress.lagging({ONE: 0})
        assert progress.stuck() is None


def test_the_limit_starts_anew_when_lag_comes_after_quiet(progress: Progress, clock: Clock) -> None:
    for _ in range(100):
        clock.forward(10)
        progress.lagging({ONE: 0})
    clock.forward(1)
    progress.lagging({ONE: 7})
    clock.forward(STALL_SECONDS - 2)
    progress.lagging({ONE: 7})
    assert progress.stuck() is None
    clock.forward(2)
    progress.lagging({ONE: 7})
    assert progress.stuck() == [ONE]


def test_no_word_about_the_lag_is_stuck_as_well(progress: Progress, clock: Clock) -> None:
    progress.lagging({ONE: 0})
    clock.forward(STALL_SECONDS)
    assert progress.stuck() is None
    clock.forward(0.1)
    assert progress.stuck() == []


def test_no_word_about_the_lag_but_batches_that_end_is_not_stuck(progress: Progress, clock: Clock) -> None:
    progress.lagging({ONE: 3, OTHER: 3})
    for _ in range(20):
        clock.forward(STALL_SECONDS / 2)
        finish(progress, ONE)
        assert progress.stuck() is None


def test_one_stuck_partition_among_busy_ones_is_noticed(progress: Progress, clock: Clock) -> None:
    """Regression: a batch that ended anywhere was progress everywhere."""
    for _ in range(int(STALL_SECONDS) + 1):
        progress.lagging({ONE: 3, OTHER: 40})
        finish(progress, OTHER, messages=40)
        assert progress.stuck() is None
        clock.forward(1)
    progress.lagging({ONE: 3, OTHER: 40})
    assert progress.stuck() == [ONE]


def test_a_partition_may_wait_its_turn_behind_a_long_backlog(progress: Progress, clock: Clock) -> None:
    progress.lagging({ONE: 3, OTHER: 1_000_000})
    for passed in range(10):
        clock.forward(STALL_SECONDS)
        finish(progress, OTHER, messages=100_000)
        progress.lagging({ONE: 3, OTHER: 900_000 - passed * 100_000})
        assert progress.stuck() is None, "what lagged before it is not passed yet"
    clock.forward(1)
    finish(progress, OTHER, messages=4)
    assert progress.stuck() == [ONE]


def test_a_batch_in_hand_longer_than_the_limit_is_stuck_whatever_else_moves(
    progress: Progress, clock: Clock
) -> None:
    progress.lagging({ONE: 3, OTHER: 1_000_000})
    with progress.batch({ONE: 1}):
        for _ in range(2):
            assert progress.stuck() is None
            clock.forward(STALL_SECONDS / 2)
            finish(progress, OTHER, messages=10)
            progress.lagging({ONE: 3, OTHER: 1_000_000})
        clock.forward(1)
        assert progress.stuck() == [ONE]


def test_a_batch_of_which_parts_are_done_is_long_and_not_stuck(progress: Progress, clock: Clock) -> None:
    progress.lagging({ONE: 500})
    with progress.batch({ONE: 500}) as hand:
        for _ in range(10):
            clock.forward(STALL_SECONDS - 1)
            progress.lagging({ONE: 500})
            assert progress.stuck() is None
            hand.moved()
        clock.forward(STALL_SECONDS + 1)
        assert progress.stuck() == [ONE]


def test_a_batch_that_a_rebalance_takes_away_is_not_in_hand_and_not_counted(
    progress: Progress, clock: Clock
) -> None:
    with pytest.raises(asyncio.CancelledError), progress.batch({ONE: 7}):
        raise asyncio.CancelledError
    clock.forward(STALL_SECONDS + 1)
    progress.lagging({OTHER: 0})
    assert progress.stuck() is None
    assert progress.messages == 0


def test_what_is_put_back_is_not_counted_and_its_partition_has_not_moved(
    progress: Progress, clock: Clock
) -> None:
    progress.lagging({ONE: 3, OTHER: 500})
    for _ in range(int(STALL_SECONDS) + 1):
        clock.forward(1)
        with progress.batch({ONE: 3, OTHER: 10}) as hand:
            hand.done({OTHER: 10})
        progress.lagging({ONE: 3, OTHER: 500})
    assert progress.messages == 10 * (int(STALL_SECONDS) + 1)
    assert progress.stuck() == [ONE]


def test_a_partition_that_comes_back_starts_anew(progress: Progress, clock: Clock) -> None:
    progress.lagging({ONE: 3, OTHER: 1})
    progress.lagging({OTHER: 1})
    for _ in range(3):
        clock.forward(STALL_SECONDS / 2)
        finish(progress, OTHER, messages=10)
    progress.lagging({ONE: 3, OTHER: 1})
    assert progress.stuck() is None


def test_the_limit_exceeds_what_a_worker_needs_to_get_back_in() -> None:
    session, rebalance, retries, delivery = 6.0, 10.0, 30.0, 20.0
    assert session + rebalance + retries + delivery < STALL_SECONDS


def test_pauses_are_forgotten_only_after_more_than_the_limit() -> None:
    """Regression: what stood still for 75 s had served longer than the minute that cleared its pause."""
    assert pool.FORGET_AFTER_SECONDS > 2 * STALL_SECONDS
    assert WORKER_HEALTHY_SECONDS > 2 * STALL_SECONDS


def test_a_stuck_worker_ends_itself(
    progress: Progress, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    codes: list[int] = []
    told: list[list[tuple[str, int]]] = []
    progress.lagging({ONE: 1})
    clock.forward(STALL_SECONDS + 1)
    monkeypatch.setattr(os, "_exit", codes.append)
    supervision.watch(progress, told=told.append).join(5)
    assert codes == [exits.STALLED]
    assert told == [[ONE]]


class TestAConsumerThatDidNotOutliveABrokersRestart:
    """It answered nothing for 75 s, until the watchdog ended it: tests/kills, schedules `servers` and `outages`."""

    def test_it_is_deaf_when_the_brokers_answer_somebody_else_twice(self, clock: Clock) -> None:
        hearing = Hearing(answered=clock)
        assert [self.missed(hearing, clock) for _ in range(2)] == [False, True]

    def test_it_is_not_while_the_brokers_are_away(self, clock: Clock) -> None:
        last = clock.now
        hearing = Hearing(answered=lambda: last)
        assert not any(self.missed(hearing, clock) for _ in range(10))

    def test_one_answer_is_enough(self, clock: Clock) -> None:
        hearing = Hearing(answered=clock)
        for _ in range(5):
            assert not self.missed(hearing, clock)
            hearing.heard()

    def missed(self, hearing: Hearing, clock: Clock) -> bool:
        asked_at = clock.now
        clock.forward(10)
        return hearing.is_deaf(asked_at)
