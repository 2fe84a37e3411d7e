"""``kruispunt persons fit``: the weights of the resolver from data, and what they would change.

Exit codes: 0 a new version was written; 2 wrong use, or nothing to fit by. Must not: put a version in force.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

import click
from kruispunt_schemas.command import console, json_option, print_json
from kruispunt_schemas.settings import Settings

from kruispunt_processors.commands import data_option
from kruispunt_processors.lists.commands import list_options, progress
from kruispunt_processors.lists.models import is_version, model_option, text_and_model
from kruispunt_processors.lists.sources import Source, Tell, columns

if TYPE_CHECKING:
    from kruispunt_processors.persons.normalisation import Particulars

DATABASE = "database"
_file = click.Path(path_type=Path, exists=True, dir_okay=False)


@click.command(epilog="Example: kruispunt persons fit --from list.csv --out 2026-2.toml --truth truth.csv")
@click.option("--from", "source", default=DATABASE, show_default=True, metavar="database|A.csv", help="Whence the mentions come; a list with persons more than once.")  # fmt: skip
@click.option("--out", required=True, type=click.Path(path_type=Path, dir_okay=False), help="The new version: a file named after it, e.g. 2026-2.toml.")  # fmt: skip
@click.option(
    "--truth", type=_file, default=None, help="True pairs of the list (CSV): says how right both models are."
)
@click.option(
    "--sample",
    type=click.IntRange(1_000, 1_000_000),
    default=100_000,
    show_default=True,
    help="Mentions, at most.",
)
@click.option("--pairs", type=click.IntRange(10_000, 10_000_000), default=1_000_000, show_default=True, help="Pairs to count, at random and of each block.")  # fmt: skip
@list_options
@model_option
@data_option
@json_option
def fit(
    *,
    source: str,
    out: Path,
    truth: Path | None,
    sample: int,
    pairs: int,
    fields: Path | None,
    encoding: str,
    delimiter: str | None,
    model_name: str,
    data: Path | None,
    as_json: bool,
) -> None:
    """Fit the weights from data with Splink, and show what would change before anybody adopts them.

    Counts how far pairs at random agree, fits how far pairs of one person agree, and writes a new version file beside the
    weights old and new, and the links that would come and go. Nothing is put in force: what it takes is said at the end.
    Needs the extra kruispunt-processors[fit].
    """
    from kruispunt_processors.fitting import fitted, showing  # noqa: PLC0415 - help is quick
    from kruispunt_processors.lists.pairs import read_truth  # noqa: PLC0415

    if out.suffix != ".toml" or not out.absolute().parent.is_dir():
        raise click.UsageError("--out is a file VERSION.toml in a folder that is there")
    if out.exists():
        raise click.UsageError(f"--out: {out} is there already, and a version is never changed")
    if is_version(out.stem):
        raise click.UsageError(f"--out: there is a version of that name, {out.stem}")
    if truth is not None and source == DATABASE:
        raise click.UsageError("--truth goes with a list: its ids are those of the list")
    text, model = text_and_model(model_name)
    true = read_truth(truth) if truth is not None else None
    settings = Settings() if data is None else Settings(data=data)
    with progress(silent=as_json) as tell:
        if source == DATABASE:
            ids, rows = asyncio.run(_mentions(settings, sample, tell))
        else:
            path = Path(source)
            if not path.is_file():
                raise click.UsageError(f"--from: there is no file {path}")
            ids, rows = _list(Source(path, columns(fields, "a", model), encoding, delimiter), sample, tell)
        result = fitted.fitted(ids, rows, text, model, out.stem, true, pairs, tell)
    out.write_text(result.text, encoding="utf-8")
    if as_json:
        print_json({**showing.document(result), "out": out})
        return
    showing.show(console, result)
    console.print(
        f"Written: {out}. Next: try it with `kruispunt persons link --model {out}`; to adopt it, put it in "
        f"persons/models/ and name {out.stem} as CURRENT in persons/model.py: from then on workers decide by it"
    )


def _list(source: Source, sample: int, tell: Tell) -> tuple[list[str], list[Particulars]]:
    ids, rows = [], []
    for row in source.rows(tell):
        ids.append(row.id)
        rows.append(row.particulars)
        if len(rows) == sample:
            break
    return ids, rows


async def _mentions(settings: Settings, sample: int, tell: Tell) -> tuple[list[str], list[Particulars]]:
    from kruispunt_schemas import keys  # noqa: PLC0415

    from kruispunt_processors.database import lookup  # noqa: PLC0415
    from kruispunt_processors.database.connection import open_engine, transaction  # noqa: PLC0415
    from kruispunt_processors.persons.mentions import Keyring  # noqa: PLC0415

    keyring = Keyring.newest(keys.read_backbone(settings.data))
    engine = open_engine(settings.database_address())
    ids, rows = [], []
    try:
        async with transaction(engine) as connection:
            for mention_id, sealed in await lookup.sample(connection, sample):
                ids.append(str(mention_id))
                rows.append(keyring.open(mention_id, sealed))
        tell("opening mentions", len(rows), len(rows))
    finally:
        await engine.dispose()
    return ids, rows
