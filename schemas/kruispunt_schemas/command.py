"""The one command, ``kruispunt``: it shows the subcommands of whatever is installed.

Rules
-----
1. A room contributes click commands through the entry-point group ``kruispunt.commands``; this module names none. A group
   within the command may have an entry-point group of its own (`InstalledCommands.entries`).
2. A KruispuntError ends with exit code 2 and its text; nothing else is caught here.
3. Every command takes ``--json`` through `json_option` and prints with `console` or `print_json`.

Must not: import a room.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from importlib.metadata import EntryPoint, entry_points
from typing import Any, NoReturn, TypeVar

import click
from rich.console import Console

from kruispunt_schemas.failures import KruispuntError

GROUP = "kruispunt.commands"

console = Console(soft_wrap=False, highlight=False)
stderr = Console(stderr=True, highlight=False)

F = TypeVar("F", bound=Callable[..., Any])


def json_option(function: F) -> F:
    """Add ``--json``: the command's result as one JSON document on standard output, and nothing else there."""
    return click.option("--json", "as_json", is_flag=True, help="Print one JSON document for scripts.")(
        function
    )


def port_option(function: F) -> F:
    """Add ``--port``: where a long-running process serves its health and metrics (`pages`)."""
    return click.option(
        "--port",
        type=click.IntRange(0, 65_533),
        default=0,
        envvar="KRUISPUNT_PORT",
        help="Loopback port of /health, /ready and /metrics (KRUISPUNT_PORT); a free one by default.",
    )(function)


def print_json(value: object) -> None:
    """Print a value as one JSON document; datetimes, UUIDs and paths as strings, bytes as hex.

    In ASCII: control and direction characters of others' texts must not reach a terminal raw.
    """

    def fallback(item: object) -> object:
        if isinstance(item, bytes):
            return item.hex()
        return sorted(item) if isinstance(item, set | frozenset) else str(item)

    click.echo(json.dumps(value, default=fallback, ensure_ascii=True, indent=2))


def log_to_stderr() -> None:
    """Log as JSON lines on standard error, which keeps standard output for what was asked."""
    import structlog  # noqa: PLC0415 - a third of a second that most commands need not spend

    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ],
        # The stream of the moment: whoever runs a command may have put another one in its place.
        logger_factory=lambda *_: structlog.PrintLogger(sys.stderr),
    )


class InstalledCommands(click.Group):
    """A group whose members are the entry points of the installed rooms, loaded when asked for."""

    entries = GROUP
    """Name of the entry-point group."""

    def _found(self) -> dict[str, EntryPoint]:
        return {entry.name: entry for entry in entry_points(group=self.entries)}

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all subcommands, sorted."""
        return sorted({*super().list_commands(ctx), *self._found()})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Load one subcommand; None when no installed room has it."""
        if (own := super().get_command(ctx, cmd_name)) is not None:
            return own
        entry = self._found().get(cmd_name)
        if entry is None:
            return None
        loaded = entry.load()
        return loaded if isinstance(loaded, click.Command) else None


@click.group(
    cls=InstalledCommands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    epilog="Example: kruispunt demo",
)
@click.version_option(package_name="kruispunt-schemas", prog_name="kruispunt")
def kruispunt() -> None:
    """Exchange signals between security agencies: publish, route by need to know, receive, and prove it."""


def main() -> NoReturn:
    """Run the command; a failure of ours becomes exit code 2 with its text."""
    try:
        kruispunt(standalone_mode=True)
    except KruispuntError as error:
        stderr.print(f"[red]error[/red] {type(error).__name__}: ", end="")
        stderr.print(str(error), markup=False)
        sys.exit(2)
    sys.exit(0)
