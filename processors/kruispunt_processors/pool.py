"""All roles of the worker as children of one process, each started again when it ends.

Rules
-----
1. A child that ends with 0 was told to; any other end is followed by a start after a pause that doubles up to
   `LONGEST_PAUSE_SECONDS` and is forgotten after `FORGET_AFTER_SECONDS` of service, which is longer than it takes to
   notice that a child stands still. One that ends to be renewed is started again at once.
2. A child that is refused before any child has worked ends the pool: something is missing that waiting does not mend.
   Later it is waited for: servers come back.
3. A child ends when this process does, even by SIGKILL: it holds the reading end of a pipe (`leash`).

Must not: know what a role does.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import structlog
from kruispunt_schemas import reports
from kruispunt_schemas.failures import ConfigurationError

from kruispunt_processors import exits

FIRST_PAUSE_SECONDS: Final = 0.5
LONGEST_PAUSE_SECONDS: Final = 30.0
FORGET_AFTER_SECONDS: Final = 300.0
POLL_SECONDS: Final = 0.2

log = structlog.get_logger(__name__)


def command(role: str, data: Path, port: int) -> list[str]:
    """Return the command line of the child of a role."""
    return [
        *(sys.executable, "-m", "kruispunt_schemas", "worker", "--leash"),
        *("--role", role, "--data", str(data), "--port", str(port)),
    ]


@dataclass(slots=True)
class _Member:
    role: str
    process: subprocess.Popen[bytes]
    started_at: float
    pause: float = FIRST_PAUSE_SECONDS
    start_again_at: float | None = None


class Pool:
    """The children; `run` returns when all have ended after SIGTERM or SIGINT."""

    def __init__(
        self,
        roles: Sequence[str],
        data: Path,
        port: int = 0,
        command: Callable[[str, Path, int], list[str]] = command,
    ) -> None:
        """Start the children. port: of the first one's pages, the others' follow; 0 for free ones."""
        self._data = data
        self._ports = {role: port and port + place for place, role in enumerate(roles)}
        self._command = command
        self._stopping = False
        self._worked = False
        self._members = [self._start(role) for role in roles]

    def pids(self) -> dict[str, int]:
        """Return the process id of each role."""
        return {member.role: member.process.pid for member in self._members}

    def run(self) -> int:
        """Keep the children running until told to stop; return the highest exit code of the stop.

        Raise ConfigurationError by rule 2, everything stopped.
        """
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop)
        refused: str | None = None
        while not self._stopping:
            for member in self._members:
                refused = refused or self._look_after(member)
            if refused is not None:
                self._stop()
            time.sleep(POLL_SECONDS)
        code = max(member.process.wait() for member in self._members)
        if refused is not None:
            raise ConfigurationError(refused)
        return code

    def _stop(self, *_: object) -> None:
        self._stopping = True
        for member in self._members:
            if member.process.poll() is None:
                member.process.send_signal(signal.SIGTERM)

    def _look_after(self, member: _Member) -> str | None:
        """Start a child again when its time has come; return why it is refused by rule 2."""
        now = time.monotonic()
        code = member.process.poll()
        if code is None:
            if now - member.started_at > FORGET_AFTER_SECONDS:
                member.pause = FIRST_PAUSE_SECONDS
        elif member.start_again_at is None:
            report = reports.left_by(self._data, member.role, member.process.pid)
            self._worked |= report is not None and report.messages + report.assigned > 0
            if code == exits.REFUSED and not self._worked:
                return report.error if report is not None else f"worker {member.role} was refused"
            pause = 0.0 if code == exits.RENEWED else member.pause
            log.warning("ended", role=member.role, code=code, again_in_seconds=pause)
            member.start_again_at = now + pause
            if pause:
                member.pause = min(member.pause * 2, LONGEST_PAUSE_SECONDS)
        elif now >= member.start_again_at:
            fresh = self._start(member.role)
            member.process, member.started_at, member.start_again_at = fresh.process, fresh.started_at, None
        return None

    def _start(self, role: str) -> _Member:
        process = subprocess.Popen(self._command(role, self._data, self._ports[role]), stdin=subprocess.PIPE)
        return _Member(role, process, time.monotonic())


def leash() -> None:
    """End this process when its parent is gone: standard input is the reading end of the parent's pipe."""

    def wait() -> None:
        while os.read(sys.stdin.fileno(), 1):
            pass
        os._exit(exits.ORPHANED)

    threading.Thread(target=wait, name="leash", daemon=True).start()
