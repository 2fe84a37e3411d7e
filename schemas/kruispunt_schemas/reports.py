"""What a long-running process says of itself in a file, so that others find it: ``<data>/workers/<slot>.json``.

Rules
-----
1. One file for each process that runs on: its slot is its name (``admit``, ``resolve``, ``route``, ``agency-<participant>``,
   ``inbox-<participant>``), or ``<name>-2`` and so on while other processes of that name run. It is written whole, about
   once a second.
2. A start that finds a report whose process ended without being asked to is a restart: the count goes on, and so does
   the last error. A start after a clean end, or after a refusal, begins at 0.
3. No content of a signal: an error is the text of one of our own failures, or the name of a foreign one.

Must not: ask a process anything (`kruispunt status` does).
"""

from __future__ import annotations

import os
from datetime import UTC, datetime
from enum import StrEnum
from itertools import count
from pathlib import Path
from typing import Final, Self

from pydantic import BaseModel, ConfigDict, ValidationError

FOLDER: Final = "workers"


class State(StrEnum):
    """Where a process stands.

    REFUSED: something is missing that waiting does not mend. RENEWING: it ended to be started again at once.
    """

    STARTING = "starting"
    WORKING = "working"
    WAITING = "waiting"
    REFUSED = "refused"
    FAILED = "failed"
    STOPPED = "stopped"
    RENEWING = "renewing"


class Report(BaseModel):
    """The report of one process. address: its pages' base URL, '' when it serves none."""

    model_config = ConfigDict(extra="ignore")

    name: str
    slot: str = ""
    pid: int
    state: State
    started_at: datetime
    restarts: int = 0
    error: str = ""
    error_at: datetime | None = None
    address: str = ""
    assigned: int = 0
    lag: int = 0
    batches: int = 0
    messages: int = 0

    @classmethod
    def begin(cls, data: Path, name: str) -> Self:
        """Return the report of a process that starts now (rule 2), written."""
        slot, before = _free(data, name)
        made = cls(name=name, slot=slot, pid=os.getpid(), state=State.STARTING, started_at=datetime.now(UTC))
        if before is not None and before.state not in (State.STOPPED, State.REFUSED):
            made.restarts = before.restarts + (before.state is not State.RENEWING)
            made.error, made.error_at = before.error, before.error_at
        made.write(data)
        return made

    def failed(self, state: State, error: str) -> None:
        """Note why the process cannot go on, or waits."""
        self.state, self.error, self.error_at = state, error, datetime.now(UTC)

    def write(self, data: Path) -> None:
        """Write the file, whole."""
        path = path_of(data, self.slot or self.name)
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_suffix(f".{self.pid}.tmp")
        temporary.write_text(self.model_dump_json())
        temporary.replace(path)


def path_of(data: Path, slot: str) -> Path:
    """Return where the report in a slot lies."""
    return data / FOLDER / f"{slot}.json"


def left_by(data: Path, name: str, pid: int) -> Report | None:
    """Return the report of a process, None when it has left none."""
    found = (read(path) for path in (data / FOLDER).glob(f"{name}*.json"))
    return next((report for report in found if report and (report.name, report.pid) == (name, pid)), None)


def _free(data: Path, name: str) -> tuple[str, Report | None]:
    """Return the first slot whose process has ended, and what that one said."""
    for number in count(1):
        slot = name if number == 1 else f"{name}-{number}"
        before = read(path_of(data, slot))
        # In a container every process may have the same id.
        if before is None or before.pid == os.getpid() or not runs(before.pid):
            return slot, before
    raise AssertionError


def read(path: Path) -> Report | None:
    """Return the report in a file, None when there is none that can be read."""
    try:
        return Report.model_validate_json(path.read_bytes())
    except (OSError, ValidationError):
        return None


def runs(pid: int) -> bool:
    """Tell whether a process of that id runs."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
