"""Who restarts what, and who ends a worker that stands still.

Rules
-----
1. With isolated partitions each revoked partition counts as a crash of its actor. It is no crash: such actors are
   discarded, not restarted, and rebalances do not use up the restarts allowed.
2. Progress is a batch that ended. With lag and no progress for `STALL_SECONDS` the process ends itself with
   `EXIT_STALLED`; whoever started it starts it again. The limit exceeds session plus rebalance timeout, or no worker
   would ever get back in.

Must not: judge by Faust's own health page, which always says OK.
"""

from __future__ import annotations

import asyncio
import json
import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import structlog
from mode.supervisors import OneForOneSupervisor
from mode.types import ServiceT

STALL_SECONDS: Final = 75.0
EXIT_STALLED: Final = 75
_RESTARTS: Final = 1000.0

log = structlog.get_logger(__name__)


class PartitionSupervisor(OneForOneSupervisor):
    """Restarts crashed actors, discards those whose partition was revoked (rule 1)."""

    def __init__(self, *services: ServiceT, **options: Any) -> None:
        super().__init__(*services, **options)
        self._bucket.capacity = _RESTARTS
        self._bucket._tokens = _RESTARTS

    async def restart_services(self, services: list[ServiceT]) -> None:
        """Restart what crashed; discard what was merely revoked."""
        for service in services:
            if isinstance(service.crash_reason, asyncio.CancelledError):
                self.discard(service)
            else:
                await self.restart_service(service)


@dataclass(slots=True)
class Progress:
    """What a worker has done: counted by its batches, read by the watchdog and the health page."""

    clock: Callable[[], float] = time.monotonic
    batches: int = 0
    messages: int = 0
    lag: int = 0
    last_batch_at: float = field(default=0.0)
    lag_read_at: float = field(default=0.0)

    def __post_init__(self) -> None:
        self.last_batch_at = self.lag_read_at = self.clock()

    def finished(self, messages: int) -> None:
        """Count a batch that ended."""
        self.batches += 1
        self.messages += messages
        self.last_batch_at = self.clock()

    def lagging(self, lag: int) -> None:
        """Note the lag: messages on the topics that no batch has ended."""
        if lag == 0 or self.lag == 0:
            self.last_batch_at = max(self.last_batch_at, self.clock() if lag == 0 else self.last_batch_at)
        self.lag = lag
        self.lag_read_at = self.clock()

    def report(self, path: Path, *, assigned: int) -> None:
        """Write what the worker has done to a file, whole: pid, partitions assigned, lag, batches, messages."""
        state = {
            "pid": os.getpid(),
            "assigned": assigned,
            "lag": self.lag,
            "batches": self.batches,
            "messages": self.messages,
        }
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_suffix(".tmp")
        temporary.write_text(json.dumps(state))
        temporary.replace(path)

    def stalled(self, limit: float = STALL_SECONDS) -> bool:
        """Tell whether there is lag, or no word about it, and no batch has ended within the limit (seconds)."""
        now = self.clock()
        silent = now - self.lag_read_at > limit
        return (self.lag > 0 or silent) and now - self.last_batch_at > limit


def watch(progress: Progress, role: str, interval: float = 5.0) -> threading.Thread:
    """Start the thread that ends the process when it stalls (rule 2); a thread, for a stuck loop watches nothing."""

    def run() -> None:
        while not progress.stalled():
            time.sleep(interval)
        log.critical("stalled", role=role, lag=progress.lag, batches=progress.batches)
        os._exit(EXIT_STALLED)

    thread = threading.Thread(target=run, name="progress-watchdog", daemon=True)
    thread.start()
    return thread
