"""The page of ``kruispunt status``: servers and workers as tables that a person understands, and what to do next.

Must not: look at anything; `inspection` and `workers` do.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from rich.box import SIMPLE_HEAD
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from kruispunt_deploy.stack.datafolder import DataFolder
from kruispunt_deploy.stack.inspection import StackView
from kruispunt_deploy.stack.workers import STAGES, WorkerView

RECENT_SECONDS: Final = 3600.0
NAME_WIDTH: Final = 14


def status_page(found: StackView, workers: Sequence[WorkerView]) -> RenderableType:
    """Return the whole page."""
    parts: list[RenderableType] = [servers_table(found)]
    if workers:
        parts.append(_workers_table(workers))
    parts += [Text(text, "yellow") for text in _errors(workers)]
    parts += [Text(f"Next: {each}") for each in advice(found, workers)]
    well = found.healthy and all(each.well for each in workers)
    if well:
        parts.append(Text("All is well.", "green"))
    return Group(*parts)


def servers_table(found: StackView) -> RenderableType:
    """Return the servers of a stack."""
    supervisor = f", supervisor pid {found.pid}" if found.pid else ""
    table = Table("server", "state", "pid", "ready in", "memory", box=SIMPLE_HEAD)
    table.add_column("address", overflow="fold")
    for part in found.parts:
        table.add_row(
            part.name,
            Text(part.state, "green" if part.state == "ready" else "yellow")
            + (f", {part.restarts} restarts" if part.restarts else ""),
            str(part.pid or "-"),
            f"{part.ready_seconds:.1f} s" if part.ready_seconds is not None else "-",
            f"{part.memory_mib} MiB" if part.memory_mib is not None else "-",
            part.address or "-",
        )
    if found.phase == "elsewhere":
        return Group(
            Text("servers that the environment names (KRUISPUNT_BROKERS, KRUISPUNT_REGISTRY)"), table
        )
    return Group(
        Text(f"stack in {found.data}: {found.phase}{supervisor}"),
        table,
        Text(f"logs: {DataFolder(Path(found.data)).logs}/<part>.log"),
    )


def advice(found: StackView, workers: Sequence[WorkerView]) -> list[str]:
    """Return what to do next, the most pressing first; empty when there is nothing to do."""
    if found.phase == "stopped":
        return ["kruispunt up --detach"]
    told = [
        f"{part.name}: {part.state}" + (f", see {part.log}" if part.log else "") + ", then kruispunt doctor"
        for part in found.parts
        if part.state != "ready"
    ]
    told += [f"{names}: {text}" for text, names in _together((each, each.advice) for each in workers)]
    if not any(each.name in STAGES and each.pid is not None for each in workers) and not told:
        told.append("kruispunt worker (none runs)")
    if any(each.refused for each in workers if each.name in STAGES):
        told.append("kruispunt quarantine list (something was refused)")
    return told


def _errors(workers: Sequence[WorkerView]) -> list[str]:
    """Return the last error of each that is not well, and of others for an hour."""
    now = datetime.now(UTC)
    ages = {each.name: (now - each.error_at).total_seconds() for each in workers if each.error_at is not None}
    told = [each for each in workers if not each.well or ages.get(each.name, RECENT_SECONDS) < RECENT_SECONDS]
    latest = {each.error: _span(ages.get(each.name)) for each in told}
    found = _together((each, each.error) for each in told)
    return [f"last error of {names}, {latest[text]} ago: {text}" for text, names in found]


def _together(texts: Iterable[tuple[WorkerView, str]]) -> list[tuple[str, str]]:
    """Return each text once, with the names of those that say it."""
    names: dict[str, list[str]] = {}
    for each, text in texts:
        if text:
            names.setdefault(text, []).append(each.name)
    return [(text, ", ".join(said)) for text, said in names.items()]


def _workers_table(workers: Sequence[WorkerView]) -> Table:
    table = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    table.add_column(
        "worker", overflow="fold", min_width=min(NAME_WIDTH, max(len(each.name) for each in workers))
    )
    table.add_column("state", overflow="fold", min_width=13)
    for column in ("per s", "lag", "oldest", "refused", "up", "restarts"):
        table.add_column(column, justify="right", no_wrap=True)
    for each in workers:
        table.add_row(
            each.name,
            Text(each.state, "green" if each.well else "red"),
            "-" if each.per_second is None else f"{each.per_second:,.1f}",
            "-" if each.behind is None else f"{each.behind:,}",
            _span(each.oldest_seconds),
            "-" if each.refused is None else f"{each.refused:,}",
            _span(each.uptime_seconds),
            str(each.restarts),
        )
    return table


def _span(seconds: float | None) -> str:
    """Return a span of time in one unit, '-' when it is not known."""
    if seconds is None:
        return "-"
    for unit, size in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
