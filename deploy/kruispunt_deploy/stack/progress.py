"""What the stack tells while it works: one small value for every step, for whoever shows or records it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

State = Literal[
    "fetching", "preparing", "starting", "ready", "died", "restarting", "failed", "stopping", "stopped"
]


@dataclass(frozen=True, slots=True)
class Step:
    """One step of one part; ``done`` and ``total`` are bytes while fetching, else 0."""

    part: str
    state: State
    detail: str = ""
    done: int = 0
    total: int = 0


Report = Callable[[Step], None]


def silence(_step: Step) -> None:
    """Report nothing."""
