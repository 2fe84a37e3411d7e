"""The command ``kruispunt inbox``: follow what arrives, list what was received, show one signal.

Exit codes: 0 as asked; 1 refused, nothing is shown (the reason and what to do on standard error); 2 wrong use or a failure.

Must not: decide anything, or print a text of others that did not pass through `untrusted`.
"""

from __future__ import annotations

import signal
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from threading import Event as Flag
from types import FrameType
from typing import Final
from uuid import uuid4

import click
from kruispunt_schemas import failpoints, tracing
from kruispunt_schemas.command import console, json_option, log_to_stderr, port_option, stderr
from kruispunt_schemas.jurist.options import language_option
from kruispunt_schemas.needtoknow.rules import Language
from kruispunt_schemas.settings import Settings
from kruispunt_schemas.untrusted import json_text, more_rows, safe, shown
from rich.text import Text

from kruispunt_consumers.inbox import documents, presentation
from kruispunt_consumers.inbox.assembly import checked_participant, clerk_of, follower_of, now
from kruispunt_consumers.inbox.consultation import Refused, open_view
from kruispunt_consumers.inbox.follower import Notice
from kruispunt_consumers.inbox.intake import Event, Outcome
from kruispunt_consumers.inbox.kept import State
from kruispunt_consumers.inbox.store import InboxStore, store_path

MAX_TEXT: Final = 200
"""Characters of a user or purpose: they go into every consultation record."""

_participant = click.option(
    "--as",
    "participant",
    required=True,
    metavar="PARTICIPANT",
    help="Whose inbox, e.g. ltf-antwerpen.",
    callback=lambda _context, _option, value: checked_participant(value),
)
_data = click.option(
    "--data",
    type=click.Path(path_type=Path, file_okay=False),
    default=None,
    help="Where keys, inboxes and posting boxes lie (default: KRUISPUNT_DATA, else .kruispunt).",
)


def _on_record(_context: click.Context, option: click.Parameter, value: str) -> str:
    text = value.strip()
    if not text or len(text) > MAX_TEXT or not all(map(safe, text)):
        raise click.BadParameter(f"give 1 to {MAX_TEXT} printable characters on one line", param=option)
    return text


@click.group(epilog="Example: kruispunt inbox follow --as ltf-antwerpen --once")
def inbox() -> None:
    """Receive signals for a participant: verify, store once, acknowledge, and log who opens them."""


@inbox.command(epilog="Example: kruispunt inbox follow --as ltf-antwerpen --once")
@_participant
@click.option("--once", is_flag=True, help="Stop at the end of the topic as it is now.")
@click.option(
    "--reread", is_flag=True, help="Begin at the start of the topic; what is stored already stays as it is."
)
@port_option
@_data
@json_option
def follow(
    *, participant: str, once: bool, reread: bool, port: int, data: Path | None, as_json: bool
) -> None:
    """Receive what arrives, verify it, store it and acknowledge it; Ctrl-C ends.

    Prints one line for each record; with --json one JSON object on a line.
    """
    # Here, for the other commands need neither.
    from kruispunt_schemas.following import Figures, Followed  # noqa: PLC0415

    from kruispunt_consumers.inbox import metrics  # noqa: PLC0415

    counts: Counter[Outcome] = Counter()
    trouble: str | None = None

    def tell(event: Event | Notice) -> None:
        nonlocal trouble
        if isinstance(event, Notice):
            trouble = event.text
            stderr.print(shown(event.text, "yellow"))
            return
        trouble = None
        counts[event.outcome] += 1
        metrics.taken(event)
        if as_json:
            click.echo(json_text(documents.event_document(event), indent=None))
        elif event.outcome is not Outcome.REPEATED:
            console.print(presentation.arrival(event))

    log_to_stderr()
    settings = _settings(data)
    failpoints.arm(settings.failpoint)
    tracing.start("kruispunt.inbox")
    followed: Followed | None = None

    def figures() -> Figures:
        refused = counts[Outcome.REJECTED]
        return Figures(done=counts.total(), behind=follower.behind(), refused=refused, trouble=trouble)

    def stopping() -> bool:
        if followed is not None:
            followed.note(figures)
        return stop.is_set()

    with ExitStack() as opened:
        stop = opened.enter_context(_until_signalled())
        follower = opened.enter_context(follower_of(settings, participant, tell=tell, stopping=stopping))
        if not once:
            followed = opened.enter_context(
                Followed(settings.data, "inbox", participant, metrics.REGISTRY, port)
            )
        if not (as_json or once):
            console.print(Text(f"Following in.{participant}. Ctrl-C ends.", style="dim"))
        waiting = follower.run(once=once, reread=reread)
    if not as_json:
        console.print(Text(_summary(counts), style="dim"))
    if waiting:
        stderr.print(
            Text(f"{waiting} postings wait in the posting box: run this again when the broker answers")
        )
        sys.exit(1 if once else 0)


@inbox.command("list", epilog="Example: kruispunt inbox list --as ltf-antwerpen --state current")
@_participant
@click.option(
    "--state",
    type=click.Choice([state.value for state in State]),
    default=None,
    help="Only what is in this state.",
)
@click.option(
    "--limit",
    type=click.IntRange(min=1),
    default=None,
    help="Only the last N (default: 50 in the terminal, all with --json).",
)
@_data
@language_option
@json_option
def list_(
    *,
    participant: str,
    state: str | None,
    limit: int | None,
    data: Path | None,
    language: Language,
    as_json: bool,
) -> None:
    """List what was received, without its content, and what needs attention."""
    with InboxStore(store_path(_settings(data).data, participant), create=False) as store:
        everything = store.items()
        alerts, statuses = store.alerts(), store.statuses()
    found = [item for item in everything if state is None or item.state == state]
    refused = [status for status in statuses if status.reason is not None]
    if as_json:
        chosen = found[-limit:] if limit else found
        click.echo(json_text(documents.list_document(participant, chosen, alerts, refused)))
        return
    chosen = found[-(limit or 50) :]
    if chosen:
        again = frozenset(item.output_id for item in everything if item.facts and item.facts.again)
        console.print(presentation.listing(chosen, now(), again, language))
    console.print(
        Text(f"{len(chosen)} of {len(found)} outputs. Open one: ")
        + Text(f"kruispunt inbox show OUTPUT --as {participant} --user YOU --purpose WHY", style="bold")
    )
    if alerts:
        console.print(presentation.alert_table(alerts))
        _tell_of_more(len(alerts))
    if refused:
        console.print(presentation.refusal_table(refused))
        _tell_of_more(len(refused))


@inbox.command(
    epilog="Example: kruispunt inbox show 5d41402a --as ltf-antwerpen --user j.peeters --purpose 'file 2026/118'"
)
@click.argument("output", metavar="OUTPUT_ID")
@_participant
@click.option("--user", required=True, help="Who reads it; goes on record.", callback=_on_record)
@click.option("--purpose", required=True, help="What for; goes on record.", callback=_on_record)
@_data
@language_option
@json_option
def show(
    *,
    output: str,
    participant: str,
    user: str,
    purpose: str,
    data: Path | None,
    language: Language,
    as_json: bool,
) -> None:
    """Show one signal; OUTPUT_ID may be shortened.

    The consultation (who, what, why, when) is signed and on record before anything is displayed.
    """
    folder = _settings(data).data
    with (
        InboxStore(store_path(folder, participant), create=False) as store,
        clerk_of(folder, participant) as clerk,
    ):
        opened = open_view(
            store, clerk, output, user=user, purpose=purpose, now=now(), new_id=uuid4, language=language
        )
    if isinstance(opened, Refused):
        stderr.print(shown(f"not shown: {opened.reason}", "red"))
        stderr.print(shown(f"{opened.advice}"))
        sys.exit(1)
    if as_json:
        click.echo(json_text(documents.signal_document(opened, language)))
    else:
        console.print(presentation.signal(opened, language))


def _tell_of_more(total: int) -> None:
    """Say what a table leaves out: it shows the latest."""
    if (rest := more_rows(total)) is not None:
        console.print(Text(rest, style="bold"))


def _settings(data: Path | None) -> Settings:
    return Settings() if data is None else Settings(data=data)


@contextmanager
def _until_signalled() -> Iterator[Flag]:
    """Turn SIGINT and SIGTERM into a flag, so that a batch is finished and the files are closed."""
    flag = Flag()

    def stop(_number: int, _frame: FrameType | None) -> None:
        flag.set()

    before = {each: signal.signal(each, stop) for each in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield flag
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


def _summary(counts: Counter[Outcome]) -> str:
    told = ", ".join(f"{count} {outcome.value}" for outcome, count in sorted(counts.items()))
    return told or "nothing new"
