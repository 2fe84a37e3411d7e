from __future__ import annotations

import asyncio
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from kruispunt_processors.engine import supervision
from kruispunt_processors.engine.supervision import STALL_SECONDS, PartitionSupervisor, Progress


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


def test_a_worker_that_has_just_started_does_not_stall(progress: Progress, clock: Clock) -> None:
    assert not progress.stalled()
    clock.forward(STALL_SECONDS)
    assert not progress.stalled()


def test_lag_without_a_batch_stalls_after_the_limit(progress: Progress, clock: Clock) -> None:
    for _ in range(int(STALL_SECONDS)):
        progress.lagging(5)
        clock.forward(1)
    assert not progress.stalled()
    clock.forward(0.5)
    progress.lagging(5)
    assert progress.stalled()


def test_a_batch_that_ends_is_progress_however_long_the_lag(progress: Progress, clock: Clock) -> None:
    for _ in range(10):
        clock.forward(STALL_SECONDS - 1)
        progress.lagging(100_000)
        progress.finished(500)
        assert not progress.stalled()
    assert (progress.batches, progress.messages) == (10, 5000)


def test_a_worker_without_lag_may_stand_still_for_ever(progress: Progress, clock: Clock) -> None:
    for _ in range(1000):
        clock.forward(10)
        progress.lagging(0)
        assert not progress.stalled()


def test_the_limit_starts_anew_when_lag_comes_after_quiet(progress: Progress, clock: Clock) -> None:
    for _ in range(100):
        clock.forward(10)
        progress.lagging(0)
    clock.forward(1)
    progress.lagging(7)
    clock.forward(STALL_SECONDS - 2)
    progress.lagging(7)
    assert not progress.stalled()
    clock.forward(2)
    progress.lagging(7)
    assert progress.stalled()


def test_no_word_about_the_lag_stalls_as_well(progress: Progress, clock: Clock) -> None:
    progress.lagging(0)
    clock.forward(STALL_SECONDS)
    assert not progress.stalled()
    clock.forward(0.1)
    assert progress.stalled()


def test_no_word_about_the_lag_but_batches_that_end_do_not_stall(progress: Progress, clock: Clock) -> None:
    progress.lagging(3)
    for _ in range(20):
        clock.forward(STALL_SECONDS / 2)
        progress.finished(1)
        assert not progress.stalled()


def test_the_limit_exceeds_what_a_worker_needs_to_get_back_in() -> None:
    session, rebalance, retries, delivery = 6.0, 10.0, 30.0, 20.0
    assert session + rebalance + retries + delivery < STALL_SECONDS


def test_a_stalled_worker_ends_itself(
    progress: Progress, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    codes: list[int] = []
    progress.lagging(1)
    clock.forward(STALL_SECONDS + 1)
    monkeypatch.setattr(supervision.os, "_exit", codes.append)
    supervision.watch(progress, "route", interval=0.001).join(5)
    assert codes == [supervision.EXIT_STALLED]


def test_the_report_is_whole_and_says_what_was_done(progress: Progress, tmp_path: Path) -> None:
    progress.lagging(3)
    progress.finished(17)
    path = tmp_path / "workers" / "admit.json"
    progress.report(path, assigned=4)
    assert json.loads(path.read_text()) == {
        "pid": os.getpid(),
        "assigned": 4,
        "lag": 3,
        "batches": 1,
        "messages": 17,
    }
    assert list(path.parent.iterdir()) == [path]


async def test_a_revoked_partition_is_no_crash() -> None:
    class Actor:
        def __init__(self, reason: BaseException | None) -> None:
            self.crash_reason = reason

    supervisor: Any = PartitionSupervisor()
    restarted, discarded = [], []

    async def restart(service: Any) -> None:
        restarted.append(service)

    supervisor.restart_service = restart
    supervisor.discard = discarded.append
    revoked, crashed = Actor(asyncio.CancelledError()), Actor(ValueError())
    await supervisor.restart_services([revoked, crashed])
    assert (discarded, restarted) == ([revoked], [crashed])
    assert supervisor._bucket.tokens >= 100, "rebalances do not use up the restarts allowed"
