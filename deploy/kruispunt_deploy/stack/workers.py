"""What workers, publishers and inboxes look like from outside: their reports in the data folder, and their pages.

Rules
-----
1. A report says where a process should be; its ``/health`` page says how it is. Where the two differ, it is not well.
2. What was stopped as asked, and what has only just started, is well.
3. Each process that is not well comes with what to do next.

Must not: import a room of theirs.
"""

from __future__ import annotations

import http.client
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from kruispunt_schemas import reports
from kruispunt_schemas.health import Health
from kruispunt_schemas.reports import Report, State
from pydantic import ValidationError

STAGES: Final = ("admit", "resolve", "route")
ANSWER_SECONDS: Final = 2.0
STARTING_SECONDS: Final = 60.0
"""How long a process may take to get ready before that is not well."""


@dataclass(frozen=True, slots=True)
class WorkerView:
    """One process in words and figures; ages in seconds, None where it is not known. advice: what to do, '' for nothing."""

    name: str
    state: str
    well: bool
    pid: int | None = None
    per_second: float | None = None
    behind: int | None = None
    unfinished: int | None = None
    oldest_seconds: float | None = None
    refused: int | None = None
    uptime_seconds: float | None = None
    restarts: int = 0
    error: str = ""
    error_at: datetime | None = None
    address: str = ""
    advice: str = ""
    troubles: tuple[str, ...] = field(default=())

    def as_json(self) -> dict[str, object]:
        """Return the view for ``--json``."""
        return asdict(self)


def views(data: Path) -> tuple[WorkerView, ...]:
    """Return every process that has left a report in a data folder: the stages in the order of the road, then others."""
    folder = data / reports.FOLDER
    found = [report for path in sorted(folder.glob("*.json")) if (report := reports.read(path)) is not None]
    found.sort(key=lambda report: STAGES.index(report.name) if report.name in STAGES else len(STAGES))
    if not found:
        return ()
    with ThreadPoolExecutor(len(found)) as pool:
        seen = tuple(pool.map(_seen, found))
    return (*seen, *_missing(seen))


def _missing(seen: tuple[WorkerView, ...]) -> Iterator[WorkerView]:
    """Give the stages that nobody has started although others work."""
    if any(view.name in STAGES and view.pid is not None for view in seen):
        for name in STAGES:
            if all(view.name != name for view in seen):
                yield WorkerView(name, "not started", well=False, advice=f"kruispunt worker --role {name}")


def _seen(report: Report) -> WorkerView:
    kept = {
        "restarts": report.restarts,
        "error": report.error,
        "error_at": report.error_at,
        "address": report.address,
    }
    if report.state is State.STOPPED:
        return WorkerView(_called(report), "stopped", well=True, **kept)  # type: ignore[arg-type]
    age = (datetime.now(UTC) - report.started_at).total_seconds()
    if not reports.runs(report.pid):
        return _gone(report, kept)
    health = _asked(report)
    if health is None:
        young = report.state is State.STARTING and age < STARTING_SECONDS
        state = "starting" if young else "does not answer"
        advice = "" if young else "see its log; it is started again when it ends"
        return WorkerView(_called(report), state, well=young, pid=report.pid, uptime_seconds=age, advice=advice, **kept)  # type: ignore[arg-type] # fmt: skip
    state, well, advice = _judged(health)
    return WorkerView(
        name=_called(report),
        state=state,
        well=well,
        pid=report.pid,
        per_second=health.per_second,
        behind=health.behind,
        unfinished=health.unfinished,
        oldest_seconds=health.oldest_seconds,
        refused=health.refused,
        uptime_seconds=health.uptime_seconds,
        advice=advice,
        troubles=health.troubles,
        **kept,  # type: ignore[arg-type]
    )


def _called(report: Report) -> str:
    """Return what a process is called on the screen: its slot, for there may be several of a name."""
    return report.slot or report.name


def _gone(report: Report, kept: dict[str, object]) -> WorkerView:
    if report.state is State.REFUSED:
        state, advice = "refused to start", "mend what its last error says, then kruispunt worker"
    elif report.state is State.WAITING:
        state, advice = "waits for a server", "kruispunt doctor"
    elif report.state is State.RENEWING:
        return WorkerView(_called(report), "being started again", well=True, **kept)  # type: ignore[arg-type]
    else:
        state, advice = "ended without being asked", "see its log; start it again if nothing does"
    return WorkerView(_called(report), state, well=False, advice=advice, **kept)  # type: ignore[arg-type]


def _judged(health: Health) -> tuple[str, bool, str]:
    """Return the state in words, whether that is well, and what to do."""
    if not health.live:
        return health.troubles[0], False, "it ends itself and is started again; its log says where it stood"
    if health.ready:
        busy = health.behind > 0 or health.per_second >= 0.05
        words = "working" if busy else "nothing to do"
        return (
            "; ".join((words, *health.troubles)),
            not health.troubles,
            "see its log" if health.troubles else "",
        )
    if health.uptime_seconds < STARTING_SECONDS and not health.done:
        return "starting", True, ""
    return "; ".join(health.troubles) or "not ready", False, "kruispunt doctor"


def _asked(report: Report) -> Health | None:
    """Return what its page says, None when it does not answer or another process does."""
    address = urlsplit(report.address)
    if address.hostname is None or address.port is None:
        return None
    connection = http.client.HTTPConnection(address.hostname, address.port, timeout=ANSWER_SECONDS)
    try:
        connection.request("GET", "/health")
        health = Health.model_validate_json(connection.getresponse().read())
    except (OSError, http.client.HTTPException, ValidationError):
        return None
    finally:
        connection.close()
    return health if health.pid == report.pid else None
