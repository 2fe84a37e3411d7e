"""Who ends a worker that stands still.

Rules
-----
1. A worker is stuck when a batch has been in hand longer than `STALL_SECONDS`; when there is lag, or no word about it,
   and no batch has ended for so long; or when one partition lags and stands still for so long, although as many messages
   as lagged in all when it last moved have been passed since (until then it may only be waiting its turn).
2. A worker that is stuck ends itself with `exits.STALLED`; whoever started it starts it again. The limit exceeds session
   plus rebalance timeout, or no worker would ever get back in.
3. A consumer is deaf when it does not say where its partitions end, `DEAF_READINGS` times in a row, although the brokers
   answered another client of this process meanwhile: aiokafka's client does not always outlive a broker's restart. Then
   nothing is gained by waiting for rule 1.

Must not: judge by Faust's own health page, which always says OK.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

import structlog
from kruispunt_schemas.topics import Partition

from kruispunt_processors import exits

STALL_SECONDS: Final = 75.0
WATCH_SECONDS: Final = 5.0
DEAF_READINGS: Final = 2

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Turn:
    """When a partition last moved, and the count of messages by which its turn must have come again."""

    since: float
    passed_at: int


@dataclass(slots=True)
class Progress:
    """What a worker has done: counted by its batches, read by the watchdog and the health page.

    lag: messages not committed, of each partition assigned. Times are the clock's seconds.
    """

    clock: Callable[[], float] = time.monotonic
    batches: int = 0
    messages: int = 0
    lag: dict[Partition, int] = field(default_factory=dict)
    last_batch_at: float = 0.0
    lag_read_at: float = 0.0
    _in_hand: dict[Partition, float] = field(default_factory=dict)
    _turns: dict[Partition, Turn] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.last_batch_at = self.lag_read_at = self.clock()

    @property
    def behind(self) -> int:
        """Return how many messages on all partitions no batch has ended."""
        return sum(self.lag.values())

    @contextmanager
    def batch(self, counts: Mapping[Partition, int]) -> Iterator[Hand]:
        """Hold a batch in hand, so many messages of each partition."""
        self._in_hand.update(dict.fromkeys(counts, self.clock()))
        try:
            yield Hand(self, counts)
        finally:
            for partition in counts:
                self._in_hand.pop(partition, None)

    def _moved(self, counts: Mapping[Partition, int]) -> None:
        self.last_batch_at = self.clock()
        self._in_hand.update(dict.fromkeys(counts, self.last_batch_at))
        self._turns.update(dict.fromkeys(counts, self._turn()))

    def _finished(self, counts: Mapping[Partition, int]) -> None:
        self.batches += 1
        self.messages += sum(counts.values())
        self.last_batch_at = self.clock()
        self._turns.update(dict.fromkeys(counts, self._turn()))

    def lagging(self, lag: Mapping[Partition, int]) -> None:
        """Note the lag of every partition assigned; the limit starts anew when lag comes after quiet."""
        self.lag = dict(lag)
        self.lag_read_at = self.clock()
        turn = self._turn()
        for partition, behind in lag.items():
            if behind == 0 or partition not in self._turns:
                self._turns[partition] = turn
        for revoked in self._turns.keys() - lag.keys():
            del self._turns[revoked]
        if not self.behind:
            self.last_batch_at = self.lag_read_at

    def stuck(self, limit: float = STALL_SECONDS) -> list[Partition] | None:
        """Return the partitions that stand still by rule 1, all that lag when none does move; None when it works on.

        limit: seconds.
        """
        now = self.clock()
        held = sorted(partition for partition, since in list(self._in_hand.items()) if now - since > limit)
        silent = now - self.lag_read_at > limit
        lagging = sorted(partition for partition, behind in list(self.lag.items()) if behind > 0)
        if held:
            return held
        if now - self.last_batch_at > limit and (lagging or silent):
            return lagging
        if silent:
            return None
        still = [partition for partition in lagging if self._overdue(partition, now, limit)]
        return still or None

    def _overdue(self, partition: Partition, now: float, limit: float) -> bool:
        turn = self._turns.get(partition)
        return turn is not None and now - turn.since > limit and self.messages > turn.passed_at

    def _turn(self) -> Turn:
        return Turn(self.clock(), self.messages + self.behind)


@dataclass(frozen=True, slots=True)
class Hand:
    """A batch in hand."""

    _progress: Progress
    _counts: Mapping[Partition, int]

    def moved(self) -> None:
        """Note that a part of it is done: a long batch is not a stuck one."""
        self._progress._moved(self._counts)

    def done(self, counts: Mapping[Partition, int]) -> None:
        """Note how many messages of each partition are handled."""
        self._progress._finished(counts)


@dataclass(slots=True)
class Hearing:
    """Judges a consumer by rule 3. answered: when the brokers last answered another client (monotonic, in seconds)."""

    answered: Callable[[], float]
    missed: int = 0

    def heard(self) -> None:
        """Note that the consumer said where its partitions end."""
        self.missed = 0

    def is_deaf(self, asked_at: float) -> bool:
        """Note that it did not, when asked at that time; tell whether it is deaf."""
        self.missed = self.missed + 1 if self.answered() > asked_at else 0
        return self.missed >= DEAF_READINGS


def watch(
    progress: Progress,
    limit: float = STALL_SECONDS,
    told: Callable[[list[Partition]], None] = lambda _stuck: None,
) -> threading.Thread:
    """Start the thread that ends the process when it is stuck (rule 2); a thread, for a stuck loop watches nothing.

    told: called first, with the partitions that stand still.
    """

    def run() -> None:
        while (stuck := progress.stuck(limit)) is None:
            time.sleep(min(limit / 15, WATCH_SECONDS))
        try:
            log.critical("stalled", partitions=[f"{topic}/{number}" for topic, number in stuck])
            told(stuck)
        finally:
            os._exit(exits.STALLED)

    thread = threading.Thread(target=run, name="progress-watchdog", daemon=True)
    thread.start()
    return thread
