"""The operator's commands of this room: ``kruispunt worker`` and ``kruispunt quarantine``.

Must not: hold a rule; Faust and the database are imported when a command runs, so that help is quick.
"""

from __future__ import annotations

import asyncio
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import click
from kruispunt_schemas import identity
from kruispunt_schemas.command import console, json_option, log_to_stderr, port_option, print_json
from kruispunt_schemas.failures import KruispuntError, UnavailableError
from kruispunt_schemas.settings import Settings
from kruispunt_schemas.untrusted import MAX_ROWS, more_rows, shown
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from kruispunt_schemas.records.backbone import QuarantineEntry

WHOLE = "the whole record"
"""Where a refusal is about no field of its own."""

data_option = click.option(
    "--data",
    type=click.Path(path_type=Path, file_okay=False),
    default=None,
    help="Data directory (KRUISPUNT_DATA, .kruispunt).",
)


def _settings(data: Path | None) -> Settings:
    return Settings() if data is None else Settings(data=data)


@click.command(epilog="Example: kruispunt worker --role admit")
@click.option(
    "--role",
    type=click.Choice(["admit", "resolve", "route"]),
    default=None,
    help="One stage only; all by default.",
)
@port_option
@click.option("--leash", is_flag=True, hidden=True, help="End when standard input does.")
@data_option
@json_option
def worker(role: str | None, port: int, leash: bool, data: Path | None, as_json: bool) -> None:
    """Run the processors: admit, resolve and route, each a process of its own that is started again when it ends.

    Health, readiness and metrics are served on loopback: `kruispunt status` says where; with all roles, a --port is the
    first of three. Logs are JSON lines on standard error. Ends with 2 and what to do when nothing is provisioned; a server that is away
    is waited for. One role ends with 0 on SIGTERM, 1 after a crash, 69 when a server does not answer at the start, 75
    when it stood still, 77 when participants were added and it is to be started again.
    """
    import structlog  # noqa: PLC0415

    from kruispunt_processors import exits, pool  # noqa: PLC0415

    settings = _settings(data)
    log_to_stderr()
    if role is None:
        settings.addresses()
        workers = pool.Pool(("admit", "resolve", "route"), settings.data, port)
        if as_json:
            print_json(workers.pids())
        sys.exit(workers.run())
    from kruispunt_processors.workers import run  # noqa: PLC0415 - Faust takes a second to import

    if leash:
        pool.leash()
    try:
        run(role, settings, port)
    except KruispuntError as error:
        if not leash and not isinstance(error, UnavailableError):
            raise
        structlog.get_logger(__name__).error("not-started", role=role, reason=str(error))
        sys.exit(exits.UNAVAILABLE if isinstance(error, UnavailableError) else exits.REFUSED)


@click.group()
def quarantine() -> None:
    """Look at what was refused, and send it on its way again."""


@quarantine.command("list", epilog="Example: kruispunt quarantine list --reason signature")
@click.option("--reason", default=None, help="Only entries with this reason.")
@data_option
@json_option
def list_entries(reason: str | None, data: Path | None, as_json: bool) -> None:
    """List what was refused: where it was posted, by which stage, why, and which field."""
    found = [entry for entry in _entries(data) if reason is None or entry.reason == reason]
    if as_json:
        print_json([_facts(entry) for entry in found])
        return
    table = Table(title=f"Quarantine: {len(found)} entries", title_justify="left")
    for column in ("id", "posted", "reason and field", "type, refused by"):
        table.add_column(column, overflow="fold")
    for entry in found[-MAX_ROWS:]:
        facts = _facts(entry)
        table.add_row(
            facts["id"][:8],
            shown(f"{facts['posting']}\n{facts['appended_at'][:19]}", lines=True),
            shown(f"{facts['reason']}\n{facts['field'] or WHOLE}", lines=True),
            shown(f"{facts['type']}\n{facts['stage']}", lines=True),
        )
    console.print(table)
    if (rest := more_rows(len(found))) is not None:
        console.print(Text(rest, style="bold"))
    counts = Counter(entry.reason for entry in found)
    console.print(
        shown(", ".join(f"{name}: {count}" for name, count in counts.most_common()) or "Nothing was refused.")
    )
    if found:
        console.print(f"Next: kruispunt quarantine show {str(found[-1].entry_id)[:8]}")


@quarantine.command(epilog="Example: kruispunt quarantine show police-antwerpen/41")
@click.argument("entry")
@click.option("--bytes", "with_bytes", is_flag=True, help="Show the bytes too (hex): they are content.")
@data_option
@json_option
def show(entry: str, with_bytes: bool, data: Path | None, as_json: bool) -> None:
    """Show one entry, named by the start of its id or by its position."""
    from kruispunt_processors.quarantine import named  # noqa: PLC0415

    chosen = named(_entries(data), entry)
    facts = {**_facts(chosen), "detail": chosen.detail, "bytes": str(len(chosen.value))}
    if with_bytes:
        facts["value"] = chosen.value.hex()
    if as_json:
        print_json(facts)
        return
    table = Table(show_header=False)
    for name, value in facts.items():
        table.add_row(name, shown(value or (WHOLE if name == "field" else "-")))
    console.print(table)
    console.print(f"Next: kruispunt quarantine retry {facts['id'][:8]}")


@quarantine.command(epilog="Example: kruispunt quarantine retry --reason internal-error")
@click.argument("entry", required=False)
@click.option("--reason", default=None, help="Every entry with this reason.")
@data_option
@json_option
def retry(entry: str | None, reason: str | None, data: Path | None, as_json: bool) -> None:
    """Send entries to the stage that refused them, with their bytes and original position."""
    from kruispunt_processors.quarantine import named  # noqa: PLC0415
    from kruispunt_processors.quarantine import retry as send_again  # noqa: PLC0415

    if (entry is None) == (reason is None):
        raise click.UsageError("name one entry, or a --reason")
    found = _entries(data)
    chosen = [named(found, entry)] if entry is not None else [item for item in found if item.reason == reason]
    count = asyncio.run(send_again(_settings(data).addresses().brokers, chosen))
    if as_json:
        print_json({"retried": count})
    else:
        console.print(f"{count} sent to the stage that refused. Next: kruispunt audit replay")


def _entries(data: Path | None) -> list[QuarantineEntry]:
    from kruispunt_processors.quarantine import entries  # noqa: PLC0415

    return asyncio.run(entries(_settings(data).addresses().brokers))


def _facts(entry: QuarantineEntry) -> dict[str, str]:
    return {
        "id": str(entry.entry_id),
        "posting": identity.posting_name(entry.posting),
        "appended_at": entry.posting.appended_at.isoformat(),
        "stage": entry.stage.value.lower(),
        "type": entry.record_type or "unknown",
        "signal_id": str(entry.signal_id or ""),
        "reason": entry.reason,
        "field": entry.field,
    }
