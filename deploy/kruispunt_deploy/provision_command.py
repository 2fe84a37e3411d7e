"""``kruispunt provision``. Must not: hold a rule (`provisioning` does)."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click
from kruispunt_schemas.command import console, json_option, print_json
from kruispunt_schemas.needtoknow.authoring import read_participants
from kruispunt_schemas.settings import Settings


@click.command(epilog="Example: kruispunt provision --data .kruispunt")
@click.option(
    "--data",
    type=click.Path(path_type=Path, file_okay=False),
    default=None,
    help="Data directory (KRUISPUNT_DATA, .kruispunt).",
)
@click.option(
    "--everything",
    is_flag=True,
    help="Every participant of the chain, two topics each, not the demonstration's alone; every time, or they are out again.",
)
@json_option
def provision(data: Path | None, everything: bool, as_json: bool) -> None:
    """Make keys, schemas, tables, topics and the bundle in force; what is there is left alone."""
    from kruispunt_deploy.provisioning import provision as run  # noqa: PLC0415 - imports Faust's neighbours

    participants = read_participants(everything=everything)
    settings = Settings() if data is None else Settings(data=data)
    if as_json:
        print_json(asdict(run(settings, lambda _: None, participants)))
        return
    with console.status("provisioning") as status:
        done = run(settings, lambda step: status.update(f"provisioning: {step}"), participants)
    console.print(
        f"{done.participants} participants, {done.schemas} schemas, topics: {done.topics_made} made and "
        f"{done.topics_found} found, bundle {done.bundle[:12]} {'announced' if done.activated else 'in force already'}"
    )
    console.print("Next: kruispunt worker")
