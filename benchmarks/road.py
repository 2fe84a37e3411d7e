"""The whole road with all its servers on the machine's cores: how many signals a second, and who uses the CPU.

Method: the workers run and are idle; the postings are sent as fast as the broker takes them; measured from the first
posting sent until route has committed the last. CPU time is counted for every process of the stack and every worker.

Must not: leave a server out of the count.
"""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmarks.bed import ROLES, Bed, cpu_seconds
from benchmarks.workload import Prepared

READY_SECONDS: Final = 60.0
WITHIN_SECONDS: Final = 1800.0
LOOK_SECONDS: Final = 0.25


@dataclass(frozen=True, slots=True)
class RoadRun:
    """One pass: postings per second over the whole road, CPU microseconds per posting by process."""

    postings: int
    seconds: float
    cpu_micros: dict[str, float]

    @property
    def per_second(self) -> float:
        """Return the rate."""
        return self.postings / self.seconds


def run(bed: Bed, postings: Sequence[Prepared], warm_up: Sequence[Prepared]) -> RoadRun:
    """Return what one pass took. warm_up: a few postings that are done before anything is measured."""
    with at_work(bed) as workers:
        bed.send(warm_up)
        wait_quiet(bed, READY_SECONDS)
        pids = {role: [process.pid] for role, process in workers.items()}
        pids |= {name: [part.pid, *_children(part.pid)] for name, part in bed.stack.parts.items() if part.pid}
        before = {name: sum(map(_cpu, found)) for name, found in pids.items()}
        start = time.monotonic()
        bed.send(postings)
        wait_quiet(bed, WITHIN_SECONDS)
        seconds = time.monotonic() - start
        pids |= {name: [part.pid, *_children(part.pid)] for name, part in bed.stack.parts.items() if part.pid}
        used = {name: sum(map(_cpu, found)) - before[name] for name, found in pids.items()}
    return RoadRun(len(postings), seconds, {name: cpu / len(postings) * 1e6 for name, cpu in used.items()})


@contextmanager
def at_work(bed: Bed) -> Iterator[dict[str, subprocess.Popen[bytes]]]:
    """Run one worker of each role for the length of the block."""
    with ExitStack() as running:
        yield {role: running.enter_context(bed.running(bed.engine(role))) for role in ROLES}


def wait_quiet(bed: Bed, within: float) -> None:
    """Return once every role has done all that lies on its topics; raise TimeoutError after so many seconds."""
    deadline = time.monotonic() + within
    # In the order of the road: what slips from one stage into the next is found there.
    while not all(bed.done(role, f"kruispunt.{role}") >= bed.ends(role) > 0 for role in ROLES):
        if time.monotonic() > deadline:
            raise TimeoutError(f"the road was not done after {within:.0f} s")
        time.sleep(LOOK_SECONDS)


def _children(pid: int) -> list[int]:
    found: list[int] = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        found += [int(child) for child in (task / "children").read_text(encoding="ascii").split()]
    return found


def _cpu(pid: int) -> float:
    try:
        return cpu_seconds(pid)
    except FileNotFoundError:  # a connection's process of PostgreSQL that has ended
        return 0.0
