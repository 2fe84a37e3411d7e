"""What a long-running process says of its own health: one shape for workers, publishers and inboxes.

Rules
-----
1. *Live* is making progress, or having nothing to do. *Ready* is having work assigned and being able to do it.
2. Whatever is not well is a sentence in ``troubles``; live and ready without troubles is well.
3. No content, no id of a signal, no reference: counts, ages and names of our own.

Must not: ask anything.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict

Role = Literal["admit", "resolve", "route", "agency", "inbox"]
RATE_SECONDS: Final = 10.0
"""Over how long a rate is taken."""


class Health(BaseModel):
    """One look at a process; ages in seconds.

    behind: messages not done yet, or postings that wait. behind_on: the partitions of them that are behind most.
    unfinished: claims made and not marked; oldest_seconds: age of the oldest of them, or of the oldest posting that
    waits; None when there is none or it is not known.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    role: Role
    pid: int
    live: bool
    ready: bool
    troubles: tuple[str, ...] = ()
    uptime_seconds: float
    restarts: int = 0
    done: int = 0
    per_second: float = 0.0
    behind: int = 0
    behind_on: dict[str, int] = {}
    unfinished: int = 0
    oldest_seconds: float | None = None
    idle_seconds: float | None = None
    refused: int = 0
    connected: dict[str, bool] = {}


class Rate:
    """How fast a counter grows, from what it was noted to be over the last `RATE_SECONDS`."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._noted: deque[tuple[float, int]] = deque()

    def note(self, count: int) -> None:
        """Note the counter as it is now."""
        now = self._clock()
        self._noted.append((now, count))
        while len(self._noted) > 2 and self._noted[1][0] <= now - RATE_SECONDS:
            self._noted.popleft()

    def per_second(self) -> float:
        """Return the rate; 0 before it is known."""
        noted = tuple(self._noted)
        if len(noted) < 2:
            return 0.0
        (since, before), (until, after) = noted[0], noted[-1]
        return (after - before) / (until - since) if until > since else 0.0
