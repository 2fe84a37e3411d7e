"""A process that follows something in one loop, seen from outside: its report, its pages, whether the loop still turns.

Rule: the loop notes its figures as often as it turns; a loop that has noted nothing for `STILL_SECONDS` is not live.

Example::

    with Followed(data, "inbox", participant, registry) as followed:
        followed.note(lambda: Figures(done=store.count()))      # taken once a second at most

Must not: end the process.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from prometheus_client import CollectorRegistry

from kruispunt_schemas import pages
from kruispunt_schemas.failures import KruispuntError
from kruispunt_schemas.health import Health, Rate, Role
from kruispunt_schemas.reports import Report, State

STILL_SECONDS: Final = 75.0
NOTE_SECONDS: Final = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What the loop has done; see `Health`. trouble: why it cannot go on at the moment."""

    done: int = 0
    behind: int = 0
    oldest_seconds: float | None = None
    refused: int = 0
    trouble: str | None = None


class Followed:
    """See the module. role and participant name the report: ``workers/<role>-<participant>.json``."""

    def __init__(
        self, data: Path, role: Role, participant: str, registry: CollectorRegistry, port: int = 0
    ) -> None:
        self._data = data
        self._role: Role = role
        self._name = f"{role}-{participant}"
        self._registry = registry
        self._port = port
        self._figures = Figures()
        self._rate = Rate()
        self._began_at = self._noted_at = time.monotonic()

    def __enter__(self) -> Self:
        self._report = Report.begin(self._data, self._name)
        try:
            self._report.address = pages.serve(self.health, self._registry, self._port)
        except KruispuntError as error:
            self._end(error)
            raise
        self._report.write(self._data)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end(error)

    def note(self, figures: Callable[[], Figures]) -> None:
        """Say that the loop turns; the figures are taken when the last ones are a second old."""
        now = time.monotonic()
        due = self._report.state is State.STARTING or now - self._noted_at >= NOTE_SECONDS
        if not due:
            return
        self._noted_at = now
        found = self._figures = figures()
        self._rate.note(found.done)
        report = self._report
        report.messages, report.lag, report.assigned = found.done, found.behind, 1
        if found.trouble is None:
            report.state = State.WORKING
        elif report.state is not State.WAITING or report.error != found.trouble:
            report.failed(State.WAITING, found.trouble)
        report.write(self._data)

    def health(self) -> Health:
        """Return the health as it is now; any thread may ask."""
        now, figures = time.monotonic(), self._figures
        still = now - self._noted_at
        troubles = [figures.trouble] if figures.trouble is not None else []
        if still > STILL_SECONDS:
            troubles.insert(0, f"it stands still for {still:.0f} s")
        return Health(
            role=self._role,
            pid=os.getpid(),
            live=still <= STILL_SECONDS,
            ready=not troubles and self._report.state is State.WORKING,
            troubles=tuple(troubles),
            uptime_seconds=now - self._began_at,
            restarts=self._report.restarts,
            done=figures.done,
            per_second=self._rate.per_second(),
            behind=figures.behind,
            oldest_seconds=figures.oldest_seconds,
            idle_seconds=still,
            refused=figures.refused,
            connected={"broker": figures.trouble is None},
        )

    def _end(self, error: BaseException | None) -> None:
        if isinstance(error, Exception):
            told = str(error) if isinstance(error, KruispuntError) else f"it crashed ({type(error).__name__})"
            self._report.failed(State.FAILED, told)
        else:
            self._report.state = State.STOPPED
        self._report.write(self._data)
