"""``kruispunt persons show`` and ``explain``: what the database knows of a person, and why a mention is its.

Exit codes: 0 as asked; 2 unknown, or the database or the keys are not there. Must not: write; show a name unasked.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click
from kruispunt_schemas.command import console, json_option, print_json
from kruispunt_schemas.settings import Settings

from kruispunt_processors.commands import data_option

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection

    from kruispunt_processors.persons.mentions import Keyring

_T = TypeVar("_T")


@click.command(epilog="Example: kruispunt persons show 6f1d2a90")
@click.argument("reference")
@click.option(
    "--open", "opened", is_flag=True, help="Show names, birth and number too: it needs the backbone's keys."
)
@data_option
@json_option
def show(reference: str, *, opened: bool, data: Path | None, as_json: bool) -> None:
    """Show a person by REFERENCE, or the start of one: aliases, who holds it since when, and what mentions it.

    Names are sealed; --open shows them as they were written.
    """
    from kruispunt_processors import lookup_showing  # noqa: PLC0415 - help is quick
    from kruispunt_processors.database import lookup  # noqa: PLC0415

    settings = _settings(data)
    keyring = _keyring(settings) if opened else None
    found = _asked(settings, lambda connection: lookup.person(connection, reference))
    identities = lookup_showing.identities(found, keyring) if keyring is not None else None
    if as_json:
        print_json(lookup_showing.person_document(found, identities))
    else:
        lookup_showing.show_person(console, found, identities)
        console.print(f"Next: kruispunt persons explain {str(found.mentions[-1].mention_id)[:8]}")


@click.command(epilog="Example: kruispunt persons explain 0c9d8e7f")
@click.argument("mention")
@data_option
@json_option
def explain(mention: str, *, data: Path | None, as_json: bool) -> None:
    """Explain why MENTION (an id, or the start of one) is the person that it is: field by field, with levels and weights.

    Opens the sealed identities with the backbone's keys and decides again by the model that decided; where today's answer is
    another, it says what can be the cause. No name is shown.
    """
    from kruispunt_processors import lookup_showing  # noqa: PLC0415 - help is quick
    from kruispunt_processors.database import directory, lookup  # noqa: PLC0415
    from kruispunt_processors.persons.model import load  # noqa: PLC0415
    from kruispunt_processors.persons.recomputation import Earlier, recompute  # noqa: PLC0415

    settings = _settings(data)
    keyring = _keyring(settings)
    found = _asked(settings, lambda connection: lookup.decided(connection, mention))
    recorded = found.recorded
    again = None
    if recorded.model:
        earlier = [
            Earlier(
                each.mention_id,
                each.counts_as,
                each.assigned,
                each.judged,
                each.same_batch,
                keyring.open(each.mention_id, each.sealed),
            )
            for each in found.earlier
        ]
        own = keyring.open(found.mention.mention_id, found.mention.sealed)
        again = recompute(recorded, own, earlier, load(recorded.model), directory.MOST)
    if as_json:
        print_json(lookup_showing.decision_document(found, again))
    else:
        lookup_showing.show_decision(console, found, again)
        console.print(f"Next: kruispunt persons show {found.counts_as[:8]}")


def _settings(data: Path | None) -> Settings:
    return Settings() if data is None else Settings(data=data)


def _keyring(settings: Settings) -> Keyring:
    from kruispunt_schemas import keys  # noqa: PLC0415

    from kruispunt_processors.persons.mentions import Keyring  # noqa: PLC0415

    return Keyring.newest(keys.read_backbone(settings.data))


def _asked(settings: Settings, question: Callable[[AsyncConnection], Awaitable[_T]]) -> _T:
    from kruispunt_processors.database.connection import open_engine, transaction  # noqa: PLC0415

    async def ask() -> _T:
        engine = open_engine(settings.database_address())
        try:
            async with transaction(engine) as connection:
                return await question(connection)
        finally:
            await engine.dispose()

    return asyncio.run(ask())
