"""``python -m benchmarks.persons.quality``: how well the resolver tells who is who, into one report.

Rules
-----
1. Seeds below `UNSEEN` are for fitting and tuning; figures that are published come from seeds from there on, which nothing
   was fitted or tuned on. The first of them are 1001, 1002 and 1003.
2. Each seed has a population, a directory and a stream of its own. Shares are pooled over the seeds.

Must not: assert a figure; the bars are printed, met or not.
"""

from __future__ import annotations

import json
import resource
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Final, TextIO
from uuid import UUID

import click
from kruispunt_processors.persons.decision import Outcome
from kruispunt_processors.persons.explanation import explain
from kruispunt_processors.persons.model import CURRENT, load
from kruispunt_schemas.records.sections import Subject
from rich.console import Console
from rich.progress import MofNCompleteColumn, Progress, TimeElapsedColumn

from benchmarks.persons import report
from benchmarks.persons.directory import MemoryDirectory
from benchmarks.persons.figures import figures
from benchmarks.persons.households import draw
from benchmarks.persons.judging import Judged, Run, judge
from benchmarks.persons.stream import Mention, Stream, counted

UNSEEN: Final = 1001
BASE_MENTIONS: Final = 20_000
"""Mentions whose base figures are counted: they are the same for every seed but for chance."""


@click.command(
    epilog="Example: python -m benchmarks.persons.quality --persons 100000 --mentions 10000 --seeds 1 --out /tmp/report"
)
@click.option("--persons", default=1_000_000, show_default=True, help="Persons known at first.")
@click.option("--mentions", default=40_000, show_default=True, help="Mentions of a stream.")
@click.option("--seeds", default=3, show_default=True, help="Populations and streams.")
@click.option("--first-seed", default=UNSEEN, show_default=True, help=f"Below {UNSEEN}: seeds for tuning.")
@click.option("--model", "version", default=CURRENT, show_default=True, help="Version of the model.")
@click.option("--out", type=click.Path(path_type=Path), default=Path("docs/reports"), show_default=True)
@click.option(
    "--errors",
    type=click.File("w", encoding="utf-8"),
    help="Write every error there as a line of JSON (made-up persons).",
)
def quality(
    persons: int, mentions: int, seeds: int, first_seed: int, version: str, out: Path, errors: TextIO | None
) -> None:
    """Resolve a stream of mentions before a directory of made-up persons and report what was right."""
    console = Console(stderr=True)
    model = load(version)
    runs: list[Run] = []
    with Progress(
        *Progress.get_default_columns(), MofNCompleteColumn(), TimeElapsedColumn(), console=console
    ) as bars:
        for seed in range(first_seed, first_seed + seeds):
            bar = bars.add_task(f"seed {seed}", total=persons + mentions + persons // 100)
            directory = MemoryDirectory()
            watch = None if errors is None else _writer(errors, seed, directory)
            step = partial(bars.advance, bar)
            run = judge(seed, persons, mentions, directory, model, step, watch)
            runs.append(run)
            bars.console.print(
                f"seed {seed}: built in {run.build_seconds:.0f} s, resolved in {run.resolve_seconds:.0f} s"
            )
    for line in report.summary(figures(item for run in runs for item in run.judged)):
        console.print(line, highlight=False, soft_wrap=True)
    written = report.write(
        report.Report(
            command=f"python -m benchmarks.persons.quality --persons {persons} --mentions {mentions} --seeds {seeds}"
            + (f" --first-seed {first_seed}" if first_seed != UNSEEN else ""),
            persons=persons,
            model=model,
            runs=runs,
            base=_base(first_seed, mentions),
            unseen=first_seed >= UNSEEN,
            peak=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        ),
        out,
    )
    console.print(f"written: {written}")


def _base(seed: int, mentions: int) -> dict[str, float]:
    """Return the base figures of a stream over a smaller population, for they do not depend on its size."""
    count = min(mentions, BASE_MENTIONS)
    return counted(list(Stream(draw(seed, 5 * count), seed).mentions(count)))


def _writer(
    file: TextIO, seed: int, directory: MemoryDirectory
) -> Callable[[Mention, Outcome, Judged, Callable[[str], int]], None]:
    def write(mention: Mention, outcome: Outcome, judged: Judged, owner: Callable[[str], int]) -> None:
        missed = judged.known and not judged.right and not judged.offered
        if not (judged.false_link or missed or (judged.known and not judged.right)):
            return
        found = explain(outcome)
        line = {
            "seed": seed,
            "error": "false link" if judged.false_link else "missed" if missed else "review",
            "truth": mention.truth,
            "kin": mention.kin.name.lower(),
            "slips": [slip.value for slip in mention.slips],
            "mention": _said(mention.subject),
            "outcome": found.outcome,
            "guards": found.guards,
            "candidates": [
                {
                    "owner": owner(each.reference),
                    "mention": directory.particulars(UUID(each.mention_id))
                    .to_bytes()
                    .decode(errors="replace"),
                    "posterior": each.posterior,
                    "weight": each.weight,
                    "fields": {item.field: [item.level, item.weight] for item in each.fields},
                    "found_by": each.found_by,
                }
                for each in found.candidates[:3]
            ],
        }
        file.write(json.dumps(line, ensure_ascii=False) + "\n")

    return write


def _said(subject: Subject) -> str:
    names = " / ".join(f"{name.particle} {name.family}, {name.given}".strip() for name in subject.names)
    birth = subject.birth
    born = f"{birth.year}-{birth.month}-{birth.day}" if birth is not None else "-"
    return f"{names}; {born}; {subject.birth_place or '-'}; {subject.sex.value}; {subject.national_number or subject.enterprise_number or '-'}"


if __name__ == "__main__":
    quality()
