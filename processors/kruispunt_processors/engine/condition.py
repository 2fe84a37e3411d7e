"""The health of a worker, judged from what it has done and from when each server last answered.

Rules
-----
1. A server counts as connected while its last answer is younger than `ANSWER_SECONDS`: the broker by the reading of the
   lag, the database by the question for unfinished claims. The copy of the bundles must be fresh.
2. Live: not stuck, by the watchdog's rule. Ready: partitions assigned, every server connected, nothing waited for.
3. A claim unfinished for longer than a worker may stand still is a trouble, whoever made it.

Must not: open a connection; `look` is given what asks the database.
"""

from __future__ import annotations

import os
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Final, Protocol, cast

from kruispunt_schemas.failures import KruispuntError
from kruispunt_schemas.health import Health, Rate, Role
from kruispunt_schemas.reports import Report

from kruispunt_processors.engine import metrics
from kruispunt_processors.engine.supervision import STALL_SECONDS, Progress

ANSWER_SECONDS: Final = 15.0
_SHOWN: Final = 20


class Unfinished(Protocol):
    """What is claimed and not marked."""

    @property
    def count(self) -> int:
        """How many claims."""
        ...

    @property
    def oldest_seconds(self) -> float | None:
        """Age of the oldest, None when there is none."""
        ...


Look = Callable[[], Awaitable[Unfinished]]
"""Asks the database; raises a KruispuntError when it does not answer."""


@dataclass(slots=True)
class Condition:
    """See the module. look: None for a stage without a database. fresh: whether the copy of the bundles is."""

    progress: Progress
    report: Report
    fresh: Callable[[], bool]
    look: Look | None = None
    limit: float = STALL_SECONDS
    clock: Callable[[], float] = time.monotonic
    _rate: Rate = field(default_factory=Rate)
    _unfinished: Unfinished | None = None
    _database_answered_at: float | None = None
    _began_at: float = 0.0

    def __post_init__(self) -> None:
        self._began_at = self.clock()

    async def examine(self) -> None:
        """Note how fast it goes and ask the database for the claims; a refusal is noted, not raised."""
        self._rate.note(self.progress.messages)
        if self.look is None:
            return
        try:
            self._unfinished = await self.look()
        except KruispuntError:
            return
        self._database_answered_at = self.clock()

    def health(self) -> Health:
        """Return the health as it is now; any thread may ask."""
        progress, report, now = self.progress, self.report, self.clock()
        stuck = progress.stuck(self.limit)
        connected = {"broker": now - progress.lag_read_at < ANSWER_SECONDS, "bundles": self.fresh()}
        if self.look is not None:
            answered = self._database_answered_at
            connected["database"] = answered is not None and now - answered < ANSWER_SECONDS
        unfinished = self._unfinished
        oldest = unfinished.oldest_seconds if unfinished is not None else None
        troubles = list(self._troubles(connected))
        if stuck is not None:
            places = ", ".join(f"{topic}/{number}" for topic, number in stuck[:_SHOWN]) or "everything"
            troubles.insert(0, f"it stands still on {places}")
        if oldest is not None and oldest > self.limit:
            troubles.append(f"a claim is unfinished for {oldest:.0f} s")
        lag = sorted(((behind, at) for at, behind in dict(progress.lag).items() if behind), reverse=True)
        return Health(
            role=cast("Role", report.name),
            pid=os.getpid(),
            live=stuck is None,
            ready=report.assigned > 0 and stuck is None and all(connected.values()) and not metrics.waits(),
            troubles=tuple(troubles),
            uptime_seconds=now - self._began_at,
            restarts=report.restarts,
            done=progress.messages,
            per_second=self._rate.per_second(),
            behind=progress.behind,
            behind_on={f"{topic}/{number}": behind for behind, (topic, number) in lag[:_SHOWN]},
            unfinished=unfinished.count if unfinished is not None else 0,
            oldest_seconds=oldest,
            idle_seconds=now - progress.last_batch_at,
            refused=metrics.refusals(),
            connected=connected,
        )

    def _troubles(self, connected: dict[str, bool]) -> list[str]:
        troubles = []
        if not self.report.assigned:
            troubles.append("no partition is assigned to it")
        if not connected["broker"]:
            troubles.append("the broker does not answer")
        if not connected["bundles"]:
            troubles.append("its copy of the bundles is stale")
        if not connected.get("database", True):
            troubles.append("the database does not answer")
        if metrics.waits():
            troubles.append("it waits for a server")
        return troubles
