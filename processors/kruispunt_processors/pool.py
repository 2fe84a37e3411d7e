"""All roles of the worker as children of one process, each started again when it ends.

Rules
-----
1. A child that ends with 0 was told to; any other end is followed by a start after a pause that doubles up to
   `LONGEST_PAUSE_SECONDS` and is forgotten after a minute of service.
2. A child ends when this process does, even by SIGKILL: it holds the reading end of a pipe (`leash`).

Must not: know what a role does.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import structlog

FIRST_PAUSE_SECONDS: Final = 0.5
LONGEST_PAUSE_SECONDS: Final = 30.0
FORGET_AFTER_SECONDS: Final = 60.0
POLL_SECONDS: Final = 0.2
EXIT_ORPHANED: Final = 76

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class _Member:
    role: str
    process: subprocess.Popen[bytes]
    started_at: float
    pause: float = FIRST_PAUSE_SECONDS
    start_again_at: float | None = None


class Pool:
    """The children; `run` returns when all have ended after SIGTERM or SIGINT."""

    def __init__(self, roles: Sequence[str], data: Path) -> None:
        self._data = data
        self._stopping = False
        self._members = [self._start(role) for role in roles]

    def pids(self) -> dict[str, int]:
        """Return the process id of each role."""
        return {member.role: member.process.pid for member in self._members}

    def run(self) -> int:
        """Keep the children running until told to stop; return the highest exit code of the stop."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop)
        while not self._stopping:
            for member in self._members:
                self._look_after(member)
            time.sleep(POLL_SECONDS)
        return max(member.process.wait() for member in self._members)

    def _stop(self, *_: object) -> None:
        self._stopping = True
        for member in self._members:
            if member.process.poll() is None:
                member.process.send_signal(signal.SIGTERM)

    def _look_after(self, member: _Member) -> None:
        now = time.monotonic()
        code = member.process.poll()
        if code is None:
            if now - member.started_at > FORGET_AFTER_SECONDS:
                member.pause = FIRST_PAUSE_SECONDS
        elif member.start_again_at is None:
            log.warning("ended", role=member.role, code=code, again_in_seconds=member.pause)
            member.start_again_at = now + member.pause
            member.pause = min(member.pause * 2, LONGEST_PAUSE_SECONDS)
        elif now >= member.start_again_at:
            fresh = self._start(member.role)
            member.process, member.started_at, member.start_again_at = fresh.process, fresh.started_at, None

    def _start(self, role: str) -> _Member:
        command = [sys.executable, "-m", "kruispunt_schemas", "worker", "--leash"]
        process = subprocess.Popen(
            [*command, "--role", role, "--data", str(self._data)], stdin=subprocess.PIPE
        )
        return _Member(role, process, time.monotonic())


def leash() -> None:
    """End this process when its parent is gone: standard input is the reading end of the parent's pipe."""

    def wait() -> None:
        while os.read(sys.stdin.fileno(), 1):
            pass
        os._exit(EXIT_ORPHANED)

    threading.Thread(target=wait, name="leash", daemon=True).start()
