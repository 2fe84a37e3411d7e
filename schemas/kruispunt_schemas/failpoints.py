"""Instants at which a process ends itself by SIGKILL when it is told to: so a test hits exactly where it means to.

Rules
-----
1. The names are here and nowhere else. A stage or a box says ``reached(NAME)``; what happens then is not its business.
2. Off unless ``KRUISPUNT_FAILPOINT`` asks for one: ``NAME``, or ``NAME:N`` for the N-th passage. `arm` reads the
   setting once, when a process starts; an unknown name or number is refused, so nothing goes on unarmed by mistake.
3. What is armed says so at once, as a critical line of the log, and again with the passage before it dies.
4. Off, a passage costs one comparison.

Must not: be armed by anything but the setting, or clean up: the process ends as if its machine had.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Final, Literal, get_args

from kruispunt_schemas.failures import ConfigurationError

Name = Literal[
    "stage.claimed",  # resolve, route: the claim is committed, nothing is sent
    "stage.sending",  # the broker has confirmed an output of a batch, others are not sent yet (counts outputs)
    "stage.sent",  # every output of a batch is confirmed, nothing is marked; in admit: nothing is acknowledged
    "stage.marked",  # everything is marked, nothing is acknowledged to Kafka
    "box.committed",  # a batch of postings is on disk with its cursor, none of it is sent
    "box.sending",  # a posting is handed to the client, others wait (counts postings)
    "box.sent",  # the broker has confirmed postings, the box has not recorded it
    "box.recorded",  # the box has recorded what the broker confirmed
    "inbox.kept",  # what arrived is kept, with the receipts owed; the posting box does not have them
    "inbox.posted",  # the posting box has the receipts, the inbox has not recorded it
]
NAMES: Final[tuple[str, ...]] = get_args(Name)
SETTING: Final = "KRUISPUNT_FAILPOINT"


@dataclass(slots=True)
class _Armed:
    name: str
    left: int


_armed: _Armed | None = None


def arm(setting: str | None) -> None:
    """Arm what the setting says, nothing without one; raise ConfigurationError when it names no failpoint."""
    global _armed  # noqa: PLW0603 - one process, one failpoint
    if not setting:
        _armed = None
        return
    name, colon, number = setting.partition(":")
    if name not in NAMES:
        raise ConfigurationError(f"{SETTING} names no failpoint ({name}): one of {', '.join(NAMES)}")
    if colon and not (number.isascii() and number.isdigit() and int(number) > 0):
        raise ConfigurationError(f"{SETTING} takes NAME or NAME:N, N from 1: {setting}")
    _armed = _Armed(name, int(number) if colon else 1)
    _say("failpoint-armed: this process will kill itself", name, _armed.left)


def reached(name: Name) -> None:
    """Pass an instant; the process ends here when this is the passage that it was armed for."""
    if _armed is None or _armed.name != name:
        return
    _armed.left -= 1
    if _armed.left == 0:
        _say("failpoint-reached", name, 0)
        os.kill(os.getpid(), signal.SIGKILL)


def is_armed(name: Name) -> bool:
    """Tell whether this process ends at that instant."""
    return _armed is not None and _armed.name == name


def reached_when_done(name: Name, result: Awaitable[object], times: int = 1) -> Awaitable[object]:
    """Pass an instant so many times when a result has come, unless it is an error; return what to await."""
    if not is_armed(name):
        return result
    import asyncio  # noqa: PLC0415 - not for the commands, which need none of it

    def passed(done: asyncio.Future[object]) -> None:
        if not (done.cancelled() or done.exception()):
            for _ in range(times):
                reached(name)

    future = asyncio.ensure_future(result)
    future.add_done_callback(passed)
    return future


def _say(event: str, name: str, left: int) -> None:
    """Write a line of the log past every buffer: what comes next may be the end."""
    line = {"level": "critical", "event": event, "failpoint": name, "passages_left": left, "pid": os.getpid()}
    os.write(sys.stderr.fileno(), json.dumps(line).encode() + b"\n")
