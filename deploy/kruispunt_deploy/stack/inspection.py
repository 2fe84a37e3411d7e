"""What a stack looks like from outside: read from its lock, its ``stack.json`` and the kernel, never by asking it."""

from __future__ import annotations

import contextlib
import json
import re
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from kruispunt_deploy.stack.datafolder import DataFolder, holder_of
from kruispunt_deploy.stack.display import Follower, told
from kruispunt_deploy.stack.supervisor import SERVERS


@dataclass(frozen=True, slots=True)
class PartView:
    """One part; memory in MiB (proportional share, with its own children), None when it does not run."""

    name: str
    state: str
    pid: int | None = None
    address: str = ""
    ready_seconds: float | None = None
    restarts: int = 0
    memory_mib: int | None = None
    log: str = ""


@dataclass(frozen=True, slots=True)
class StackView:
    """The stack of one data folder, or the servers that the environment names ("elsewhere"); ``pid`` is the supervisor's."""

    data: str
    phase: Literal["stopped", "starting", "ready", "elsewhere"]
    pid: int | None
    parts: tuple[PartView, ...]

    @property
    def healthy(self) -> bool:
        """Whether every part is ready."""
        return self.phase in ("ready", "elsewhere") and all(part.state == "ready" for part in self.parts)

    def as_json(self) -> dict[str, object]:
        """Return the view for ``--json``."""
        return {**asdict(self), "healthy": self.healthy}


def memory_mib(pid: int) -> int | None:
    """Return the memory of a process and its direct children in MiB; None where the kernel does not tell."""
    process = Path(f"/proc/{pid}")
    try:
        children = (process / "task" / str(pid) / "children").read_text(encoding="ascii").split()
    except OSError:
        return None
    total = 0
    for each in (str(pid), *children):
        # A child may end meanwhile; smaps_rollup needs the same user, status does not.
        for file, field in (("smaps_rollup", "Pss"), ("status", "VmRSS")):
            with contextlib.suppress(OSError):
                text = Path(f"/proc/{each}/{file}").read_text(encoding="ascii", errors="replace")
                if found := re.search(rf"^{field}:\s+(\d+) kB", text, re.MULTILINE):
                    total += int(found[1])
                    break
    return total // 1024


def view(data: Path) -> StackView:
    """Return the stack of a data folder as it is now."""
    folder = DataFolder(data)
    pid = holder_of(folder.path)
    if pid is None:
        parts = tuple(PartView(name, "stopped", log=str(folder.logs / f"{name}.log")) for name in SERVERS)
        return StackView(str(folder.path), "stopped", None, parts)
    try:
        content = json.loads(folder.stack_file.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        latest = {step.part: told(step) for step in Follower(folder.events).new()}
        parts = tuple(PartView(name, words) for name, words in latest.items())
        return StackView(str(folder.path), "starting", pid, parts)
    parts = tuple(
        PartView(**part, memory_mib=memory_mib(part["pid"]) if part["pid"] else None)
        for part in content["parts"].values()
    )
    return StackView(str(folder.path), "ready", pid, parts)
