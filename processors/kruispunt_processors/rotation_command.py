"""The operator's command ``kruispunt persons rotate``: other keys of persons, while the workers go on.

Must not: hold a rule; the database is imported when the command runs, so that help is quick.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click
from kruispunt_schemas import keys
from kruispunt_schemas.command import console, json_option, print_json, stderr
from kruispunt_schemas.settings import Settings
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from kruispunt_processors.commands import data_option

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine

PATIENCE_SECONDS: Final = 30.0
"""How long it waits for workers to publish what they claimed."""


@dataclass(frozen=True, slots=True)
class Rotated:
    """What became of it. resumed: it went on with a rotation that was begun before."""

    key_id: int
    resumed: bool
    renewed: int
    unpublished: int
    in_quarantine: int

    @property
    def done(self) -> bool:
        """Tell whether nothing lies under an older key."""
        return not (self.unpublished or self.in_quarantine)


@click.command(epilog="Example: kruispunt persons rotate")
@data_option
@json_option
def rotate(data: Path | None, as_json: bool) -> None:
    """Make new keys of persons and put every mention under them.

    Run it where the backbone's keys are; workers go on and read the new keys when they need them (on another machine they
    wait until the files person-N.key and sealing-N.key are there). After a kill, run it again: it goes on where it was.
    What the topic `repertory` has stays sealed with the older keys, so their files stay too. Ends with 1 when mentions are
    left under an older key, and says of which signals.
    """
    settings = Settings() if data is None else Settings(data=data)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=stderr, disable=as_json, transient=True) as bar:
        task = bar.add_task("mentions", total=None)
        found = asyncio.run(
            _rotate(settings, lambda done, total: bar.update(task, completed=done, total=total))
        )
    if as_json:
        print_json({**asdict(found), "done": found.done})
    else:
        _show(found)
    if not found.done:
        sys.exit(1)


def _show(found: Rotated) -> None:
    begun = "went on" if found.resumed else "begun"
    console.print(f"Keys of persons {found.key_id} are in force ({begun}): {found.renewed} mentions renewed.")
    if found.unpublished:
        console.print(
            f"{found.unpublished} are of signals that no worker has published yet: let the workers run."
        )
    if found.in_quarantine:
        console.print(f"{found.in_quarantine} are of signals in quarantine: kruispunt quarantine list")
    console.print("Next: kruispunt status" if found.done else "Then: kruispunt persons rotate")


async def _rotate(settings: Settings, tell: Callable[[int, int], None]) -> Rotated:
    from kruispunt_processors.database.connection import open_engine  # noqa: PLC0415

    keys.read_backbone(settings.data)  # first: it says best that nothing is provisioned
    engine = open_engine(settings.database_address())
    try:
        return await _with(engine, settings.data, tell)
    finally:
        await engine.dispose()


async def _with(engine: AsyncEngine, data: Path, tell: Callable[[int, int], None]) -> Rotated:
    from kruispunt_processors.database import rotation  # noqa: PLC0415
    from kruispunt_processors.persons.mentions import Keyring  # noqa: PLC0415

    found = await rotation.in_force(engine)
    resumed = bool(found.retiring)
    if not resumed:
        await asyncio.to_thread(keys.create_persons, data, found.current + 1)
        found = await rotation.put_in_force(engine, found.current + 1)
    keyring = Keyring(await asyncio.to_thread(keys.read_backbone, data), found.current)
    total, renewed = await rotation.count(engine, keyring), 0
    tell(0, total)
    deadline = asyncio.get_running_loop().time() + PATIENCE_SECONDS
    while True:
        before = renewed
        async for number in rotation.renew(engine, keyring):
            renewed += number
            tell(renewed, total)
        left = await rotation.retire(engine, keyring)
        now = asyncio.get_running_loop().time()
        if renewed > before:
            deadline = now + PATIENCE_SECONDS
        if not left.unpublished or now > deadline:
            return Rotated(found.current, resumed, renewed, left.unpublished, left.in_quarantine)
        await asyncio.sleep(0.5)
