"""``python -m tests.kills [SCHEDULE...]``: the long run. What is found goes to ``.kruispunt/kills`` and to docs/reports.

Ends with 1 when anything is wrong; the report is written all the same.
"""

from __future__ import annotations

import json
import logging
import shutil
import sys
import tempfile
import time
from dataclasses import asdict
from pathlib import Path

import structlog
from kruispunt_deploy.stack import ended_by_signals
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from tests.kills import report
from tests.kills.running import perform
from tests.kills.schedules import LONG, SMALL, Schedule

ROOT = Path(__file__).parents[2]
KEPT = ROOT / ".kruispunt" / "kills"
console = Console(stderr=True, highlight=False)


def main(names: list[str]) -> int:
    known = {item.name: item for item in (*LONG, SMALL)}
    unknown = [name for name in names if name not in known]
    if unknown:
        console.print(f"no schedule is called {', '.join(unknown)}: {', '.join(known)}")
        return 2
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    KEPT.mkdir(parents=True, exist_ok=True)
    sound = True
    columns = (
        SpinnerColumn(finished_text="[green]✓"),
        TextColumn("{task.description}"),
        TextColumn("[dim]{task.fields[detail]}"),
        TimeElapsedColumn(),
    )
    with ended_by_signals(), Progress(*columns, console=console) as progress:
        for schedule in [known[name] for name in names] or LONG:
            sound &= _run(schedule, progress)
    written = report.write(KEPT, ROOT / "docs" / "reports", [item.name for item in LONG])
    console.print(f"report: {written.relative_to(ROOT)}")
    return 0 if sound else 1


def _run(schedule: Schedule, progress: Progress) -> bool:
    task = progress.add_task(schedule.title, total=1, detail="")
    said = time.monotonic()

    def say(text: str) -> None:
        nonlocal said
        progress.update(task, detail=text)
        if not progress.console.is_terminal:
            console.print(f"{schedule.name} {time.monotonic() - said:6.1f} s  {text}")

    circumstances = report.circumstances(ROOT)
    folder = Path(tempfile.mkdtemp(prefix=f"kruispunt-kills-{schedule.name}-"))
    folder.chmod(0o711)
    outcome = perform(folder / "data", schedule, say)
    (KEPT / f"{schedule.name}.json").write_text(
        json.dumps({**circumstances, **asdict(outcome)}), encoding="utf-8"
    )
    progress.update(
        task, completed=1, detail=f"{len(outcome.hits)} kills, {len(outcome.reckoning.wrong)} wrong"
    )
    for sentence in outcome.reckoning.wrong:
        console.print(f"[red]{schedule.name}: {sentence}", markup=True)
    if outcome.sound:
        shutil.rmtree(folder, ignore_errors=True)
    else:
        console.print(f"kept: {folder}")
    return outcome.sound


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
