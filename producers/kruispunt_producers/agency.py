"""The command ``kruispunt agency``: publish from a source, and show how a participant's posting box stands.

Must not: decide anything; `publishing` and `posting_box` do.
"""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

import click
from kruispunt_schemas import failpoints, tracing
from kruispunt_schemas.command import console, json_option, log_to_stderr, port_option, print_json, stderr
from kruispunt_schemas.failures import ConfigurationError
from kruispunt_schemas.settings import Settings
from kruispunt_schemas.untrusted import MAX_ROWS, more_rows, shown
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
)
from rich.table import Table
from rich.text import Text

from kruispunt_producers import adapters, publishing
from kruispunt_producers.posting_box import FlusherLock, PostingBox, box_path
from kruispunt_producers.publishing import Job, Published, Watch

_participant = click.option(
    "--as",
    "participant",
    required=True,
    metavar="PARTICIPANT",
    help="Whose topic and keys, e.g. police-gent.",
)
_data = click.option(
    "--data",
    type=click.Path(path_type=Path, file_okay=False),
    default=None,
    help="Where keys and posting boxes lie (default: KRUISPUNT_DATA, else .kruispunt).",
)


@click.group(epilog="Example: kruispunt agency publish --as police-gent --from csv:./exports")
def agency() -> None:
    """Publish from an agency's own database or exports, and see what was sent."""
    log_to_stderr()


@agency.command(
    epilog="Example: kruispunt agency publish --as ocad --from postgresql://reader@127.0.0.1:5432/legacy --follow"
)
@_participant
@click.option(
    "--from",
    "source",
    required=True,
    metavar="SOURCE",
    help="postgresql://... or csv:DIR, or another adapter's.",
)
@click.option(
    "--adapter", default=None, help="Adapter by name, or module:OBJECT (default: the one that fits)."
)
@click.option("--follow", is_flag=True, help="Go on with what is added, until interrupted.")
@click.option(
    "--wait",
    "wait_seconds",
    type=click.FloatRange(min=0),
    default=publishing.WAIT_SECONDS,
    show_default=True,
    help="Seconds without progress after which a single run leaves the rest in the box.",
)
@port_option
@_data
@json_option
def publish(
    *,
    participant: str,
    source: str,
    adapter: str | None,
    follow: bool,
    wait_seconds: float,
    port: int,
    data: Path | None,
    as_json: bool,
) -> None:
    """Turn the records of SOURCE into signed signals and send them; again is harmless.

    Ends with 1 when postings still wait: they are safe in the posting box, and the next run sends them.
    """
    settings = _settings(data)
    failpoints.arm(settings.failpoint)
    tracing.start("kruispunt.agency")
    job = Job(
        participant=participant,
        source=source,
        adapter=adapters.choose(participant, source, adapter),
        addresses=settings.addresses(),
        data=settings.data,
    )
    with _progress(participant, quiet=as_json) as watch:
        if follow:
            done = publishing.follow(job, stop=_told_to_stop(), watch=watch, port=port)
        else:
            done = publishing.publish(job, wait_seconds=wait_seconds, watch=watch)
    if as_json:
        print_json(asdict(done))
    else:
        _show(done)
    sys.exit(1 if done.waiting else 0)


@agency.command(epilog="Example: kruispunt agency status --as police-gent")
@_participant
@_data
@json_option
def status(*, participant: str, data: Path | None, as_json: bool) -> None:
    """Show what waits, what the broker took, and which source records were refused and why."""
    path = box_path(_settings(data).data, participant)
    if not path.is_file():
        raise ConfigurationError(
            f"{participant} has no posting box in {path.parent}: publish something first,"
            f" `kruispunt agency publish --as {participant} --from SOURCE`"
        )
    with PostingBox(path) as box:
        summary, refusals = box.summary(), box.refusals()
    holder = FlusherLock(path.parent).holder()
    if as_json:
        print_json({**asdict(summary), "flusher_pid": holder, "refused": [asdict(each) for each in refusals]})
        return
    table = Table("posting box of", participant, title=None, show_header=True)
    table.add_row("queued", f"{summary.queued} ({summary.queued_bytes:,} bytes)")
    table.add_row("oldest queued", _ago(summary.oldest_queued_at))
    table.add_row("acknowledged", f"{summary.acknowledged}, last offset {summary.last_offset}")
    table.add_row("versions of signals", str(summary.signals))
    table.add_row("flusher", "not running" if holder is None else f"process {holder}")
    table.add_row("trouble", shown(summary.trouble or "none"))
    table.add_row("refused source records", str(summary.refusals))
    console.print(table)
    if refusals:
        listed = Table("source", "position", "reason", "field", title="refused by the adapter")
        for each in refusals[:MAX_ROWS]:
            listed.add_row(*(shown(text) for text in (each.source, each.position, each.reason, each.field)))
        console.print(listed)
        if (rest := more_rows(len(refusals))) is not None:
            console.print(Text(rest, style="bold"))
        console.print("Mend these in the source; the next run takes them.")
    if summary.acknowledged:
        console.print(
            f"What admission refused of them: kruispunt inbox follow --as {participant} --once, then inbox list",
            markup=False,
        )
    if summary.queued and holder is None:
        console.print(
            f"Send what waits: kruispunt agency publish --as {participant} --from SOURCE", markup=False
        )


def _settings(data: Path | None) -> Settings:
    settings = Settings()
    return settings if data is None else settings.model_copy(update={"data": data})


def _show(done: Published) -> None:
    table = Table("published by", done.participant)
    table.add_row("originals", str(done.tally.originals))
    table.add_row("corrections", str(done.tally.corrections))
    table.add_row("recalls", str(done.tally.recalls))
    table.add_row("unchanged", str(done.tally.unchanged))
    table.add_row("refused by the adapter", str(done.tally.refused))
    table.add_row("taken by the broker", str(done.acknowledged))
    table.add_row("still waiting", str(done.waiting))
    console.print(table)
    if done.waiting or done.tally.refused:
        console.print(f"See why: kruispunt agency status --as {done.participant}", markup=False)


@contextmanager
def _progress(participant: str, *, quiet: bool) -> Iterator[Watch | None]:
    if quiet:
        yield None
        return
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=stderr, transient=True) as progress:
        task = progress.add_task(f"{participant}: taken by the broker", total=None)
        most = 0

        def watch(enqueued: int, waiting: int) -> None:
            nonlocal most
            most = max(most, enqueued, waiting)
            progress.update(task, total=most, completed=most - waiting)

        yield watch


def _told_to_stop() -> Callable[[], bool]:
    stopped = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopped.set())
    return stopped.is_set


def _ago(moment: datetime | None) -> str:
    return "-" if moment is None else f"{(datetime.now(UTC) - moment).total_seconds():.0f} s ago"
