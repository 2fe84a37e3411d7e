"""The command ``kruispunt audit``.

Exit codes of ``replay``: 0 it adds up; 1 it does not, with the offending ids; 2 it could not be told (no broker, no
topics). Must not: check anything.
"""

from __future__ import annotations

import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final, Self

import click
from kruispunt_schemas.command import console, json_option, print_json, stderr
from kruispunt_schemas.settings import Settings
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from kruispunt_consumers.audit import tables
from kruispunt_consumers.audit.findings import BOUND
from kruispunt_consumers.audit.ledger import Scope
from kruispunt_consumers.audit.replay import PHASE_NAMES, Step, replay

BOUND_MINUTES: Final = BOUND / timedelta(minutes=1)


@click.group()
def audit() -> None:
    """Account for every signal from the topics alone, without trusting the operator."""


@audit.command(name="replay", epilog="Example: kruispunt audit replay --complete --json --postings")
@click.option(
    "--data",
    type=click.Path(path_type=Path, file_okay=False),
    default=None,
    help="Data folder of the local stack (default: KRUISPUNT_DATA, else .kruispunt).",
)
@click.option(
    "--participant",
    "participants",
    multiple=True,
    metavar="NAME",
    help="Judge the postings of this participant only; may be repeated.",
)
@click.option(
    "--since",
    type=click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"]),
    default=None,
    help="Judge postings that the broker took at this time (UTC) or later.",
)
@click.option("--complete", is_flag=True, help="Everything has arrived: what is under way is a failure.")
@click.option(
    "--patience",
    type=click.FloatRange(min=0),
    default=BOUND_MINUTES,
    show_default=True,
    metavar="MINUTES",
    help="How long a posting may be under way before it counts as lost.",
)
@click.option("--postings", is_flag=True, help="With --json: the outcome of each posting.")
@json_option
def replay_command(
    *,
    data: Path | None,
    participants: tuple[str, ...],
    since: datetime | None,
    complete: bool,
    patience: float,
    postings: bool,
    as_json: bool,
) -> None:
    """Replay every topic: each posting ended once, each delivery was decided, each decision follows.

    Decisions are derived again from facts rebuilt out of the signed records and the bundle in force at the broker's
    append time. Exits with 1 and the offending ids when anything does not add up.
    """
    settings = Settings() if data is None else Settings(data=data)
    scope = Scope(
        participants=frozenset(participants) or None,
        since=None if since is None else since.replace(tzinfo=UTC),
    )
    with _progress(visible=not as_json) as report:
        verdict = replay(
            settings.addresses(),
            scope=scope,
            complete=complete,
            bound=timedelta(minutes=patience),
            report=report.step,
        )
    if as_json:
        print_json(verdict.as_json(postings=postings))
    else:
        tables.show(verdict, console)
    sys.exit(0 if verdict.adds_up else 1)


class _Bars:
    """One bar for each phase of a replay."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._tasks: dict[str, TaskID] = {}

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._progress.stop()

    def step(self, step: Step) -> None:
        """Show where a phase is."""
        if step.phase not in self._tasks:
            self._tasks[step.phase] = self._progress.add_task(step.phase, total=step.total)
        self._progress.update(self._tasks[step.phase], completed=step.read, total=step.total)


def _progress(*, visible: bool) -> _Bars:
    width = max(len(name) for name in PHASE_NAMES)
    return _Bars(
        Progress(
            TextColumn(f"reading {{task.description:<{width}}}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=stderr,
            disable=not visible,
        )
    )
