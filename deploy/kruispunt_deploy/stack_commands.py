"""The commands of the local stack: ``up``, ``down``, ``status``, ``doctor``.

Exit codes: 0 as asked; 1 the stack or a check is not well; 2 refused or failed, with what to do; 130 interrupted
while starting.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from threading import Event

import click
from kruispunt_schemas.command import console, json_option, print_json, stderr
from kruispunt_schemas.failures import UnavailableError
from kruispunt_schemas.settings import Settings
from rich.box import SIMPLE_HEAD
from rich.table import Table

from kruispunt_deploy.stack import LocalStack, ended_by_signals
from kruispunt_deploy.stack.datafolder import DataFolder, holder_of, taken
from kruispunt_deploy.stack.display import Display, Follower
from kruispunt_deploy.stack.doctor import examine
from kruispunt_deploy.stack.inspection import StackView, view
from kruispunt_deploy.stack.processes import last_lines

STOP_SECONDS = 60  # for a supervisor to stop its parts, each of which has a bound of its own
LOOK_SECONDS = 0.1  # between two looks at another process
INTERRUPTED = 130

data_option = click.option(
    "--data",
    type=click.Path(path_type=Path, file_okay=False),
    default=None,
    help="Data folder of the stack (default: KRUISPUNT_DATA, else .kruispunt).",
)


def _data(given: Path | None) -> Path:
    return DataFolder(given or Settings().data).path


@click.command(epilog="Example: kruispunt up --detach --brokers 3")
@click.option("--detach", is_flag=True, help="Return when everything is ready; `kruispunt down` stops it.")
@click.option("--brokers", type=click.Choice(["1", "3"]), default="1", show_default=True, help="Kafka nodes.")
@data_option
@json_option
def up(*, detach: bool, brokers: str, data: Path | None, as_json: bool) -> None:
    """Start Kafka, PostgreSQL and the schema registry here, without containers, and keep them running.

    The first time, 212 MB of Java artifacts are fetched and checked. Ctrl-C stops everything.
    """
    folder = _data(data)
    if detach:
        _detached(folder, brokers, visible=not as_json)
        _show(view(folder), as_json=as_json)
        return
    was_ready = False
    try:
        with (
            ended_by_signals(),
            Display(stderr, visible=not as_json) as display,
            LocalStack(folder, brokers=3 if brokers == "3" else 1, progress=display),
        ):
            was_ready = True
            display.settle()
            _show(view(folder), as_json=as_json)
            if not as_json:
                console.print("Ready. Ctrl-C stops everything.")
            Event().wait()
    except KeyboardInterrupt:
        stderr.print("Everything is stopped.")
        sys.exit(0 if was_ready else INTERRUPTED)


def _detached(folder: Path, brokers: str, *, visible: bool) -> None:
    """Start a supervisor of its own and follow it until it is ready."""
    if (pid := holder_of(folder)) is not None:
        raise taken(folder, pid)
    paths = DataFolder(folder)
    paths.path.mkdir(parents=True, exist_ok=True)
    paths.logs.mkdir(mode=0o700, exist_ok=True)
    paths.events.unlink(missing_ok=True)
    log = paths.logs / "supervisor.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "kruispunt_deploy.stack", str(folder), brokers],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    follower = Follower(paths.events)
    try:
        with ended_by_signals(), Display(stderr, visible=visible) as display:
            while not (holder_of(folder) == process.pid and paths.stack_file.exists()):
                for step in follower.new():
                    display(step)
                if process.poll() is not None:
                    raise UnavailableError(
                        f"the stack did not start:\n{last_lines(log)}\n`kruispunt doctor` may tell why"
                    )
                time.sleep(LOOK_SECONDS)
            for step in follower.new():
                display(step)
    except KeyboardInterrupt:
        process.terminate()
        process.wait(STOP_SECONDS)
        stderr.print("Interrupted; everything is stopped.")
        sys.exit(INTERRUPTED)


@click.command(epilog="Example: kruispunt down")
@data_option
@json_option
def down(*, data: Path | None, as_json: bool) -> None:
    """Stop the stack of a data folder: workers, registry and Kafka, then PostgreSQL. What it stored stays."""
    folder = _data(data)
    pid = holder_of(folder)
    forced = False
    if pid is not None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)
        if not _within(STOP_SECONDS, lambda: holder_of(folder) != pid):
            forced = True
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)  # its children die with it
            if not _within(STOP_SECONDS, lambda: holder_of(folder) != pid):
                raise UnavailableError(f"the supervisor (pid {pid}) cannot be killed: look at it with ps")
    if as_json:
        print_json({"data": folder, "pid": pid, "stopped": pid is not None, "forced": forced})
    elif pid is None:
        console.print(f"Nothing runs in {folder}.", markup=False)
    else:
        how = f"did not stop within {STOP_SECONDS} s and was killed" if forced else "stopped"
        console.print(
            f"The stack in {folder} (pid {pid}) {how}. `kruispunt up` starts it again.", markup=False
        )


def _within(seconds: float, condition: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(LOOK_SECONDS)
    return True


@click.command(epilog="Example: kruispunt status --json")
@data_option
@json_option
def status(*, data: Path | None, as_json: bool) -> None:
    """Show each part of the stack: state, process, address, start time, memory, log."""
    found = view(_data(data))
    _show(found, as_json=as_json)
    if found.phase == "stopped" and not as_json:
        console.print("It does not run: `kruispunt up --detach` starts it.")
    if not found.healthy:
        sys.exit(1)


def _show(found: StackView, *, as_json: bool) -> None:
    if as_json:
        print_json(found.as_json())
        return
    supervisor = f", supervisor pid {found.pid}" if found.pid else ""
    console.print(f"stack in {found.data}: {found.phase}{supervisor}", markup=False)
    table = Table("part", "state", "pid", "ready in", "memory", box=SIMPLE_HEAD)
    table.add_column("address", overflow="fold")
    for part in found.parts:
        table.add_row(
            part.name,
            f"[{'green' if part.state == 'ready' else 'yellow'}]{part.state}[/]"
            + (f", {part.restarts} restarts" if part.restarts else ""),
            str(part.pid or "-"),
            f"{part.ready_seconds:.1f} s" if part.ready_seconds is not None else "-",
            f"{part.memory_mib} MiB" if part.memory_mib is not None else "-",
            part.address or "-",
        )
    console.print(table)
    console.print(f"logs: {DataFolder(Path(found.data)).logs}/<part>.log", markup=False)


@click.command(epilog="Example: kruispunt doctor --json")
@data_option
@json_option
def doctor(*, data: Path | None, as_json: bool) -> None:
    """Check what the stack needs and whether the servers answer; say how to mend what is wrong."""
    settings = Settings()
    if data is not None:
        settings = settings.model_copy(update={"data": data})
    checks = examine(settings)
    if as_json:
        print_json([
            {"check": item.name, "state": item.state, "detail": item.detail, "mend": item.mend} for item in checks
        ])  # fmt: skip
    else:
        colours = {"ok": "green", "note": "yellow", "problem": "red"}
        table = Table("check", "state", "found", "what to do", box=SIMPLE_HEAD)
        for item in checks:
            table.add_row(item.name, f"[{colours[item.state]}]{item.state}[/]", item.detail, item.mend)
        console.print(table)
    if any(item.state == "problem" for item in checks):
        sys.exit(1)
