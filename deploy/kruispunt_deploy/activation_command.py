"""``kruispunt policy activate``.

Exit codes: 0 announced, or in force already; 1 refused, by the check, a case or the person asked; 2 it could not be done.
Must not: hold a rule (`activation` does).
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final

import click
from kruispunt_schemas.command import console, json_option, print_json, stderr
from kruispunt_schemas.settings import Settings

OBJECTIONS: Final = 20
"""Objections that are shown to a person; all of them stand in the JSON."""


@click.command(epilog="Example: kruispunt policy activate --data .kruispunt")
@click.option(
    "--data",
    type=click.Path(path_type=Path, file_okay=False),
    default=None,
    help="Data folder of the local stack (default: KRUISPUNT_DATA, else .kruispunt).",
)
@click.option("--yes", is_flag=True, help="Do not ask.")
@json_option
def activate(data: Path | None, yes: bool, as_json: bool) -> None:
    """Announce the policy of the reviewed files: in force from a minute from now on.

    Refused while the check finds a mistake or a case fails. Shows first which past outcomes would have been otherwise,
    and asks. With --json it asks nothing and needs --yes.
    """
    from kruispunt_consumers.audit import policy_commands, policy_tables  # noqa: PLC0415 - Kafka and Faust's neighbours

    from kruispunt_deploy import activation  # noqa: PLC0415

    if as_json and not yes:
        raise click.UsageError("--json asks nothing: give --yes to announce")
    settings = Settings() if data is None else Settings(data=data)
    if objections := list(activation.objections()):
        if as_json:
            print_json({"activated": False, "objections": objections})
        for objection in objections[:OBJECTIONS]:
            stderr.print(objection, markup=False)
        stderr.print(f"{len(objections)} objections. Next: kruispunt policy check; kruispunt policy cases")
        sys.exit(1)
    proposed = activation.propose(policy_commands.read(data))
    if not as_json:
        console.print(f"{proposed.last.name[:12]} in force last, {proposed.bundle.name[:12]} from the files")
        policy_tables.show_difference(console, proposed.difference, proposed.changes, OBJECTIONS)
    if not (proposed.same or yes or click.confirm("Announce it?")):
        stderr.print("Nothing was announced. Next: kruispunt policy diff, to look closer")
        sys.exit(1)
    activated = not proposed.same and activation.activate(settings, proposed.bundle)
    if as_json:
        print_json(
            {
                "activated": activated,
                "bundle": proposed.bundle.name,
                "difference": proposed.difference.counts(),
            }
        )
    else:
        ahead = "announced, in force in a minute" if activated else "in force already: nothing was announced"
        console.print(f"bundle {proposed.bundle.name[:12]} {ahead}")
