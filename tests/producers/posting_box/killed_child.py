"""A publisher that kills itself with SIGKILL at a chosen step; started by test_kill.

Usage: killed_child.py DATA EXPORTS BROKER_FILE STEP COUNT
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

from kruispunt_producers import adapters, publishing
from kruispunt_producers.posting_box import PostingBox, Work
from kruispunt_producers.publishing import Job, publish
from kruispunt_schemas.settings import Addresses

from tests.producers.simulated import FileBroker, wire_id

PARTICIPANT = "police-gent"
STEPS: dict[str, tuple[type, str, bool]] = {
    "first record enqueued, not committed": (Work, "enqueue", True),
    "cursor set, not committed": (Work, "set_cursor", True),
    "before the first batch is committed": (PostingBox, "transaction", False),
    "sent, not reported": (FileBroker, "send", True),
    "reported, not marked": (PostingBox, "acknowledge", False),
    "marked": (PostingBox, "acknowledge", True),
}


def die() -> NoReturn:
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError


def arm(owner: type, name: str, count: int, *, after: bool) -> None:
    """Kill the process before or after the count-th call."""
    original: Callable[..., Any] = getattr(owner, name)
    calls = 0

    def armed(*args: Any, **kwargs: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == count and not after:
            die()
        result = original(*args, **kwargs)
        if calls == count:
            die()
        return result

    setattr(owner, name, armed)


def job(data: Path, exports: Path) -> Job:
    return Job(
        participant=PARTICIPANT,
        source=f"csv:{exports}",
        adapter=adapters.choose(PARTICIPANT, f"csv:{exports}"),
        addresses=Addresses(brokers="", registry=""),
        data=data,
    )


def run(data: Path, exports: Path, broker: Path) -> publishing.Published:
    """Publish into the broker in a file."""
    vars(publishing).update(kafka_sender=lambda *_: lambda: FileBroker(broker), wire_ids=lambda *_: wire_id)
    return publish(job(data, exports), wait_seconds=10)


if __name__ == "__main__":
    step_owner, step_name, step_after = STEPS[sys.argv[4]]
    arm(step_owner, step_name, int(sys.argv[5]), after=step_after)
    run(Path(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3]))
