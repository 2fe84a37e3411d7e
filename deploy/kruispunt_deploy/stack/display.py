"""Shows the steps of the stack: one moving line for each part on a terminal, one line for each change elsewhere."""

from __future__ import annotations

import json
from pathlib import Path
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Column

from kruispunt_deploy.stack.progress import Step

MB = 1_000_000  # bytes
COLOURS = {"ready": "green", "died": "red", "failed": "red", "restarting": "yellow", "stopped": "dim"}


def told(step: Step) -> str:
    """Return a step in words, without its part."""
    if step.total:
        return f"{step.state} {step.done / MB:.0f} of {step.total / MB:.0f} MB {step.detail}"
    return f"{step.state} {step.detail}".rstrip()


class Display:
    """A `Report` that draws on a console between ``with`` and its end; ``visible=False`` draws nothing."""

    def __init__(self, console: Console, *, visible: bool = True) -> None:
        self._console = console
        self._visible = visible
        self._by_line = not console.is_terminal
        self._moving = Progress(
            SpinnerColumn(finished_text="[green]✓[/green]"),
            TextColumn("{task.description:<10}"),
            BarColumn(bar_width=16, table_column=Column(min_width=16)),
            TimeElapsedColumn(table_column=Column(min_width=7, no_wrap=True)),
            TextColumn(
                "{task.fields[words]}", table_column=Column(ratio=1, no_wrap=True, overflow="ellipsis")
            ),
            console=console,
            expand=True,
            disable=not visible or self._by_line,
        )
        self._rows: dict[str, TaskID] = {}
        self._shown: dict[str, str] = {}

    def __enter__(self) -> Self:
        self._moving.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.settle()

    def settle(self) -> None:
        """Leave the moving lines as they are; what comes after is shown line by line."""
        self._moving.stop()
        self._by_line = True

    def __call__(self, step: Step) -> None:
        """Show a step."""
        if not self._visible:
            return
        if self._by_line:
            if self._shown.get(step.part) != step.state or step.state != "fetching":
                self._console.print(f"{step.part:<10} {told(step)}", markup=False)
            self._shown[step.part] = step.state
            return
        if step.part not in self._rows:
            self._rows[step.part] = self._moving.add_task(step.part, total=None, words="")
        colour = COLOURS.get(step.state, "")
        words = told(step).replace("[", "\\[")
        total, done = (float(step.total), float(step.done)) if step.total else (None, 0.0)
        if step.state in {"ready", "stopped", "failed"}:
            total, done = 1.0, 1.0
        self._moving.update(
            self._rows[step.part],
            total=total,
            completed=done,
            words=f"[{colour}]{words}[/{colour}]" if colour else words,
        )


class Follower:
    """Reads the steps that a supervisor records in ``events.jsonl``, each once."""

    def __init__(self, events: Path) -> None:
        self._events = events
        self._read = 0

    def new(self) -> list[Step]:
        """Return the steps recorded since the last call, whole lines only."""
        try:
            with self._events.open("rb") as file:
                file.seek(self._read)
                found = file.read()
        except FileNotFoundError:
            return []
        whole = found[: found.rfind(b"\n") + 1]
        self._read += len(whole)
        fields = ("part", "state", "detail", "done", "total")
        return [Step(**{name: item[name] for name in fields}) for item in map(json.loads, whole.splitlines())]
