"""``python -m tests.judge --signals 100000 [--participants all|demonstration]``: both judges on the same signals.

Ends with 1 when they differ on any signal, or when a large trial leaves a rule almost untried.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from typing import Final

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from tests.judge.shares import shares
from tests.judge.trial import SHOWN, Count, Trial, type_sections

console = Console(highlight=False)
SAID_EVERY: Final = 10
"""Shares after which it is said how far it is, where no bar can be drawn."""


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.judge")
    parser.add_argument("--signals", type=int, default=100_000)
    parser.add_argument("--participants", choices=("all", "demonstration"), default="all")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args(arguments)
    began = time.monotonic()
    trial = Trial(options.signals, everybody=options.participants == "all", seed=options.seed)
    count = Count()
    columns = (TextColumn("signals"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task("", total=options.signals)
        for done, part in enumerate(shares(options.signals, options.participants == "all", options.seed), 1):
            count.add(part)
            progress.update(task, advance=part.signals)
            if not progress.console.is_terminal and done % SAID_EVERY == 0:
                progress.console.print(
                    f"{time.monotonic() - began:,.0f} s: {count.signals:,} signals, {count.divergent:,} divergences"
                )
    _show(trial, count, time.monotonic() - began)
    return 1 if count.divergent or trial.rarely_used(count) else 0


def _show(trial: Trial, count: Count, seconds: float) -> None:
    for divergence in count.shown[:SHOWN]:
        console.print(f"[red]they differ on signal {divergence.truth['number']}[/]")
        console.print_json(json.dumps(divergence.truth))
        for sentence in divergence.differences:
            console.print(f"  {sentence}", markup=False)
    rules = Table("rule", "signals that it decided", title="Grounds that released and guards that overruled")
    for rule in trial.engine.rules:
        rules.add_row(rule, f"{count.used[rule]:,}")
    console.print(rules)
    never = [
        f"{name}.{section}"
        for name, sections in sorted(type_sections().items())
        for section in sections
        if section != "distribution" and not count.released[name, section]
    ]
    console.print(f"sections released to nobody: {', '.join(never) or 'none'}")
    if rare := trial.rarely_used(count):
        console.print(f"[red]hardly tried: {', '.join(rare)}[/]")
    console.print(f"participants: {len(trial.world.kinds):,} in {len(trial.world.members)} sorts of rows")
    console.print(
        f"decision record, bytes: {_spread(count.sizes)}; views of a signal: {_spread(count.views)}"
    )
    kept = 1 - count.evaluated / max(1, count.asked)
    console.print(f"outcomes asked for: {count.asked:,}, found in the engine's cache: {kept:.2%}")
    console.print(f"{count.signals:,} signals in {seconds:,.0f} s: {count.divergent:,} divergences")


def _spread(values: list[int]) -> str:
    ordered = sorted(values) or [0]
    middle, high = ordered[len(ordered) // 2], ordered[int(len(ordered) * 0.99)]
    return f"p50 {middle:,}, p99 {high:,}, max {ordered[-1]:,}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
