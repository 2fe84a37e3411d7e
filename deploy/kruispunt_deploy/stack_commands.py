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
from rich.live import Live
from rich.table import Table

from kruispunt_deploy.stack import LocalStack, ended_by_signals
from kruispunt_deploy.stack.datafolder import DataFolder, holder_of, taken
from kruispunt_deploy.stack.display import Display, Follower, told
from kruispunt_deploy.stack.doctor import examine, servers
from kruispunt_deploy.stack.inspection import PartView, StackView, view
from kruispunt_deploy.stack.processes import last_lines
from kruispunt_deploy.stack.status import advice, servers_table, status_page
from kruispunt_deploy.stack.workers import views

STOP_SECONDS = 120  # for a supervisor to stop its parts and make archives, each with a bound of its own
LOOK_SECONDS = 0.1  # between two looks at another process
WATCH_SECONDS = 1.0  # between two drawings of the status
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

    The first time, 212 MB of Java artifacts are fetched and checked. Ctrl-C stops everything. What ends by itself, and
    `kruispunt down`, makes archives for quicker starts, once (162 MB in the cache).
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
            LocalStack(folder, brokers=3 if brokers == "3" else 1, progress=display, record=False),
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
    follower = Follower(DataFolder(folder).events)
    follower.new()

    def stopped() -> bool:
        for step in follower.new():
            if step.state == "preparing" and not as_json:
                stderr.print(f"{step.part:<10} {told(step)}", markup=False)
        return holder_of(folder) != pid

    if pid is not None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)
        if not _within(STOP_SECONDS, stopped):
            forced = True
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)  # its children die with it
            if not _within(STOP_SECONDS, stopped):
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


@click.command(epilog="Example: kruispunt status --watch")
@click.option("--watch", is_flag=True, help="Look again each second until Ctrl-C.")
@data_option
@json_option
def status(*, watch: bool, data: Path | None, as_json: bool) -> None:
    """Show the servers and the workers: what each does, how fast, what waits, what went wrong and what to do.

    Ends with 1 when something is not well.
    """
    settings = Settings().model_copy(update={"data": _data(data)})
    if watch:
        if as_json:
            raise click.UsageError("--watch is for people, --json for scripts: choose one")
        _watch(settings)
        return
    found, workers = _servers(settings), views(settings.data)
    well = found.healthy and all(each.well for each in workers)
    if as_json:
        print_json(
            {
                **found.as_json(),
                "workers": [each.as_json() for each in workers],
                "well": well,
                "next": advice(found, workers),
            }
        )
    else:
        console.print(status_page(found, workers))
    if not well:
        sys.exit(1)


def _servers(settings: Settings) -> StackView:
    """Return the servers that the processes of this data folder work with: named by the environment, or its stack's."""
    if not settings.names_servers:
        return view(settings.data)
    found = servers(settings)
    parts = (
        PartView(item.name, "ready" if item.state == "ok" else "does not answer", address=item.detail)
        for item in found
    )
    return StackView(str(settings.data), "elsewhere", None, tuple(parts))


def _watch(settings: Settings) -> None:
    """Draw the page again each second; Ctrl-C ends it."""
    with contextlib.suppress(KeyboardInterrupt), Live(console=console, auto_refresh=False) as live:
        while True:
            live.update(status_page(_servers(settings), views(settings.data)), refresh=True)
            time.sleep(WATCH_SECONDS)


def _show(found: StackView, *, as_json: bool) -> None:
    if as_json:
        print_json(found.as_json())
        return
    console.print(servers_table(found))


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
