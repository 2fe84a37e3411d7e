"""Tests wait for conditions up to a deadline; they never sleep for a time that seemed enough."""

from __future__ import annotations

import time
from collections.abc import Callable
from threading import Event
from typing import Literal, TypeVar

T = TypeVar("T")
LOOK_SECONDS = 0.02  # between two looks


def wait_until(condition: Callable[[], T | Literal[False] | None], *, within: float, what: str) -> T:
    """Return the first truthy value of the condition; fail, naming what was awaited, after ``within`` seconds."""
    deadline = time.monotonic() + within
    pause = Event()
    while not (value := condition()):
        if time.monotonic() > deadline:
            message = f"{what} did not happen within {within:.0f} s"
            raise AssertionError(message)
        pause.wait(LOOK_SECONDS)
    return value
