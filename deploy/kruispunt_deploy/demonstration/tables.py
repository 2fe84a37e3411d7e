"""What a person sees at the end of the demonstration. Must not: compute a figure."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from kruispunt_consumers.audit import policy_tables
from kruispunt_consumers.audit import tables as audit_tables
from kruispunt_producers.publishing import Published
from kruispunt_schemas.needtoknow.explanation import everyone
from kruispunt_schemas.needtoknow.rules import Language
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from kruispunt_deploy.demonstration.command import Account


def show(console: Console, account: Account, language: Language) -> None:
    """Print what was published, how it ended, who received what, the kill, the verdicts and the story of one signal."""
    console.print(_published(account.published))
    console.print(
        f"Beside these, {account.raw} records past every posting box: repeated, malformed, forged.\n"
    )
    audit_tables.show(account.verdict, console)
    kill = account.kill
    console.print(
        f"\nThe {kill.role} worker (pid {kill.pid}) was killed with {kill.open_claims} claims open and {kill.lag:,} "
        f"messages waiting; another took over, and nothing was lost or sent twice under another id."
    )
    if account.wrong:
        console.print("[red]The balance is not the generator's truth:[/red]")
        for item in account.wrong:
            console.print(f"  {item.figure}: expected {item.expected}, found {item.found}", markup=False)
    else:
        console.print("The balance equals the generator's truth, for every agency and every reason.")
    if account.story is not None:
        decision, bundle = account.story
        console.print("\n[bold]One signal: who saw what, who did not, and by which rule[/bold]")
        policy_tables.show_everyone(console, decision, everyone(bundle, decision), bundle.policies, language)


def next_commands(console: Console, folder: Path, seconds: float, task_force: str, view: str) -> None:
    """Print the three commands worth trying next."""
    console.print(f"\n{seconds:.0f} s in all. Everything is stopped; the data is kept. Worth trying next:")
    here = Path.cwd()
    data = f"--data {folder.relative_to(here) if folder.is_relative_to(here) else folder}"
    if shutil.which("kruispunt") is None:
        console.print(f'  export PATH="{Path(sys.executable).parent}:$PATH"', markup=False, soft_wrap=True)
    for command in (
        f"kruispunt inbox list --as {task_force} {data}",
        f"kruispunt inbox show {view} --as {task_force} --user analyst-1 --purpose 'weekly meeting' {data}",
        f"kruispunt up --detach {data} && kruispunt audit replay {data} && kruispunt down {data}",
    ):
        console.print(f"  {command}", markup=False, soft_wrap=True)


def _published(published: Sequence[Published]) -> Table:
    table = Table(
        title="Published by the agencies, from their own databases and exports",
        title_justify="left",
        title_style="bold",
        box=SIMPLE_HEAD,
        pad_edge=False,
    )
    table.add_column("agency")
    for column in ("originals", "corrections", "recalls", "refused by its adapter"):
        table.add_column(column, justify="right")
    for name in sorted({item.participant for item in published}):
        runs = [item.tally for item in published if item.participant == name]
        figures = (
            sum(run.originals for run in runs),
            sum(run.corrections for run in runs),
            sum(run.recalls for run in runs),
            sum(run.refused for run in runs),
        )
        table.add_row(name, *(f"{figure:,}" if figure else "-" for figure in figures))
    return table
