"""The group ``kruispunt persons``.

Must not: hold a command; each is an entry point of ``kruispunt.persons``.
"""

from __future__ import annotations

import click
from kruispunt_schemas.command import InstalledCommands


class PersonsCommands(InstalledCommands):
    """The commands about persons that the installed rooms have."""

    entries = "kruispunt.persons"


@click.group(cls=PersonsCommands)
def persons() -> None:
    """Find out who is who: look a person up, explain a match, align lists, measure and fit the resolver."""
