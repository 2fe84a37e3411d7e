"""The shells of a scenario: into a legacy database, a directory of exports, the broker, and the truth's file.

Rules: a phase may be written again; exports are put in place by renaming. Must not: draw anything.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from kruispunt_schemas.failures import ConfigurationError

from kruispunt_producers.kafka import ClientSettings, deliver
from kruispunt_producers.synthetic.legacy import DEFINITIONS
from kruispunt_producers.synthetic.raw import RawMessage
from kruispunt_producers.synthetic.scenario import Scenario, TableChange
from kruispunt_producers.synthetic.truth import Expected


def write_tables(url: str, scenario: Scenario, participant: str, phase: int = 1) -> int:
    """Bring a participant's legacy table to a phase, in one transaction; return how many rows were written or deleted."""
    return write_change(url, scenario.postgresql_rows(participant, phase))


def write_change(url: str, change: TableChange) -> int:
    """Make a change, or a part of one, to its legacy table in one transaction; return the same."""
    try:
        import psycopg  # noqa: PLC0415 - a driver is an extra
    except ImportError:
        raise ConfigurationError(
            "install kruispunt-producers[postgresql] to write a legacy database"
        ) from None
    with psycopg.connect(url) as connection, connection.cursor() as cursor:
        cursor.execute(DEFINITIONS[change.table].encode())
        if change.rows:
            cursor.executemany(_upsert(change).encode(), change.rows)
        for key in change.deleted:
            cursor.execute(f"delete from {change.table} where {change.key} = %s".encode(), (key,))  # noqa: S608 - names of our own
    return len(change.rows) + len(change.deleted)


def write_exports(folder: Path, scenario: Scenario, participant: str, phase: int = 1) -> list[Path]:
    """Put the exports of a phase into a directory and return their paths."""
    return write_files(folder, scenario.csv_files(participant, phase))


def write_files(folder: Path, files: Mapping[str, bytes]) -> list[Path]:
    """Put export files into a directory and return their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    paths: list[Path] = []
    for name, content in files.items():
        temporary = folder / f"{name}.part"
        temporary.write_bytes(content)
        paths.append(temporary.replace(folder / name))
    return paths


def write_truth(path: Path, truth: Iterable[Expected]) -> None:
    """Write the truth as JSON lines, one for each posting or refused record."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [json.dumps(asdict(each), ensure_ascii=False) for each in truth]
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def send_raw(client: ClientSettings, messages: Sequence[RawMessage]) -> dict[int, int]:
    """Send raw postings, past every posting box; return each one's offset by its index in the truth."""
    offsets = deliver(client, [(each.topic, each.value, each.headers) for each in messages])
    return {message.index: offset for message, offset in zip(messages, offsets, strict=True)}


def _upsert(change: TableChange) -> str:
    columns = list(change.rows[0])
    values = ", ".join(f"%({column})s" for column in columns)
    updates = ", ".join(f"{column} = excluded.{column}" for column in columns if column != change.key)
    return (
        f"insert into {change.table} ({', '.join(columns)}) values ({values})"  # noqa: S608 - names of our own
        f" on conflict ({change.key}) do update set {updates}"
    )
