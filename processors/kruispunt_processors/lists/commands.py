"""``kruispunt persons link`` and ``evaluate``: the resolver for an agency that aligns a list, without a server.

Exit codes: 0 as asked; 1 done, but rows were rejected, with what to do; 2 wrong use or a failure.

Must not: decide, or show what a row says.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypeVar

import click
from kruispunt_schemas.command import console, json_option, print_json, stderr
from kruispunt_schemas.failures import ConfigurationError
from kruispunt_schemas.untrusted import shown
from rich.progress import BarColumn, Progress, TaskID, TaskProgressColumn, TextColumn, TimeRemainingColumn

from kruispunt_processors.lists import showing
from kruispunt_processors.lists.models import model_option, text_and_model
from kruispunt_processors.lists.reading import ENCODINGS
from kruispunt_processors.lists.sources import Source, Tell, columns

_F = TypeVar("_F", bound=Callable[..., Any])
_list = click.Path(path_type=Path, exists=True, dir_okay=False)
_out = click.Path(path_type=Path, dir_okay=False)


def list_options(function: _F) -> _F:
    """Add how the lists are to be read."""
    # The last one added is shown first.
    for option in (
        click.option(
            "--delimiter",
            callback=_delimiter,
            help="Between cells: one character, or 'tab'; found by default.",
        ),
        click.option("--encoding", type=click.Choice(ENCODINGS), default="utf-8", show_default=True),
        click.option(
            "--fields", type=_list, default=None, help="Map of columns (TOML), as in docs/persons.md."
        ),
    ):
        function = option(function)
    return function


def _delimiter(_context: click.Context, option: click.Parameter, value: str | None) -> str | None:
    value = "\t" if value == "tab" else value
    if value is not None and len(value) != 1:
        raise click.BadParameter("one character, or 'tab'", param=option)
    return value


@contextmanager
def progress(*, silent: bool) -> Iterator[Tell]:
    """Give what shows how far each step is, on standard error."""
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TimeRemainingColumn(),
        console=stderr,
        disable=silent,
        transient=True,
    )
    tasks: dict[str, TaskID] = {}

    def tell(what: str, done: int, total: int) -> None:
        if what not in tasks:
            tasks[what] = bar.add_task(what, total=total)
        bar.update(tasks[what], completed=done)

    with bar:
        yield tell


@click.command(epilog="Example: kruispunt persons link ours.csv theirs.csv --out pairs.csv")
@click.argument("a", type=_list)
@click.argument("b", type=_list, required=False)
@click.option("--out", required=True, type=_out, help="Where the pairs go (CSV).")
@click.option("--one-to-one", is_flag=True, help="A row of A has at most one row of B: the heaviest.")
@list_options
@model_option
@json_option
def link(
    *,
    a: Path,
    b: Path | None,
    out: Path,
    one_to_one: bool,
    fields: Path | None,
    encoding: str,
    delimiter: str | None,
    model_name: str,
    as_json: bool,
) -> None:
    """Find the persons that the lists A and B share, or that A alone has more than once.

    Writes a line for each pair: linked, or for somebody to review, with the weight of each field. A row that cannot be read
    goes to OUT's .rejects.csv and nothing else stops for it; the exit code is then 1. No server is needed, and memory hardly
    grows with the lists.
    """
    from kruispunt_processors.lists.alignment import align  # noqa: PLC0415 - help is quick
    from kruispunt_processors.lists.rejects import Rejects  # noqa: PLC0415

    if one_to_one and b is None:
        raise click.UsageError("--one-to-one needs two lists")
    if not out.absolute().parent.is_dir():
        raise click.UsageError(f"--out: there is no folder {out.parent}")
    if out.exists() and any(path is not None and path.samefile(out) for path in (a, b, fields)):
        raise click.UsageError("--out is one of the files that are read")
    _, model = text_and_model(model_name)
    sources = [
        Source(path, columns(fields, part, model), encoding, delimiter)
        for part, path in (("a", a), ("b", b))
        if path is not None
    ]
    two = sources[1] if b is not None else None
    try:
        with Rejects(out.with_name(f"{out.stem}.rejects.csv")) as rejects, progress(silent=as_json) as tell:
            counts = align(sources[0], two, out, rejects, model, tell, one_to_one=one_to_one)
    except OSError as error:
        raise ConfigurationError(f"{error.filename}: {error.strerror}") from None
    if as_json:
        place = rejects.path if rejects.count else None
        print_json(
            {
                **asdict(counts),
                "model": model.version,
                "out": out,
                "rejected": rejects.count,
                "rejects": place,
            }
        )
    else:
        showing.show_counts(console, counts, model, two=b is not None)
        if not rejects.count:
            within = "" if b else " --within"
            console.print(f"Next: kruispunt persons evaluate --truth truth.csv --found {out}{within}")
    if rejects.count:
        for name, fault in rejects.first:
            stderr.print(shown(f"{name} line {fault.line}: {fault.field}: {fault.reason}"))
        stderr.print(
            f"{rejects.count:,} rows were rejected. Next: mend them in {rejects.path} and link again"
        )
        sys.exit(1)


@click.command(
    epilog="Example: kruispunt persons evaluate --truth truth.csv --found pairs.csv --plot curve.svg"
)
@click.option("--truth", required=True, type=_list, help="True pairs: a CSV with id_a and id_b.")
@click.option("--found", required=True, type=_list, help="What `persons link` wrote.")
@click.option("--within", is_flag=True, help="The pairs are of one list: they join into persons.")
@click.option(
    "--plot", type=_out, default=None, help="Draw precision and recall against the threshold (SVG)."
)
@click.option("--a", type=_list, default=None, help="List A: tells which true pairs share a key at all.")
@click.option("--b", type=_list, default=None, help="List B, where there are two.")
@list_options
@model_option
@json_option
def evaluate(
    *,
    truth: Path,
    found: Path,
    within: bool,
    plot: Path | None,
    a: Path | None,
    b: Path | None,
    fields: Path | None,
    encoding: str,
    delimiter: str | None,
    model_name: str,
    as_json: bool,
) -> None:
    """Say how good a linkage is: precision, recall and F1, each with its interval of 95%.

    With the lists also pairs completeness: the share of true pairs that share a key, above which no weights can lift recall.
    """
    from kruispunt_processors.lists.blocking import sharing_a_key  # noqa: PLC0415 - help is quick
    from kruispunt_processors.lists.pairs import read_found, read_truth  # noqa: PLC0415
    from kruispunt_processors.persons import evaluation, threshold_plot  # noqa: PLC0415

    if b is not None and (a is None or within):
        raise click.UsageError("--b goes with --a, and not with --within")
    if a is not None and b is None and not within:
        raise click.UsageError("give both lists, or --within for one")
    _, model = text_and_model(model_name)
    true = read_truth(truth)
    if not true:
        raise click.UsageError(f"{truth} has no pair")
    pairs, scored = read_found(found)
    if plot is not None and not (scored and pairs):
        raise click.UsageError(f"--plot: {found} has no posterior to draw by")
    result = evaluation.evaluate(true, pairs, within=within)
    completeness = None
    if a is not None:
        with progress(silent=as_json) as tell:
            rows = [
                Source(path, columns(fields, part, model), encoding, delimiter).rows(tell)
                for part, path in (("a", a), ("b", b))
                if path is not None
            ]
            all_true = true if not within else evaluation.all_pairs(true)
            completeness = evaluation.measure(
                sharing_a_key(all_true, rows[0], rows[1] if b else None), len(all_true)
            )
    if plot is not None:
        plot.write_text(threshold_plot.picture(result, model.link, model.new), encoding="utf-8")
    if as_json:
        print_json(showing.document(result, completeness))
        return
    showing.show_evaluation(console, result, completeness)
    if plot is not None:
        console.print(f"Drawn: {plot}")
    if completeness is None:
        lists = "--a A.csv --within" if within else "--a A.csv --b B.csv"
        console.print(f"Next: add {lists} for the share of true pairs that can be found at all")
