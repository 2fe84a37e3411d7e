"""A broker in a file, behind the real interface: what was sent is on disk, in order, whatever happens to the sender."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path

from kruispunt_producers.kafka import Delivered, Failed
from kruispunt_schemas import wire
from kruispunt_schemas.wire import Headers


@dataclass(frozen=True, slots=True)
class Stored:
    """One record in the file."""

    topic: str
    identifier: str
    value: bytes
    headers: Headers


class FileBroker:
    """Appends each posting with fsync; the offset is its place in the file. ``away``: takes nothing, reports nothing."""

    def __init__(self, path: Path, *, away: bool = False) -> None:
        self._path = path
        self._reports: list[Delivered | Failed] = []
        self._next = len(stored(path))
        self.away = away

    def send(self, number: int, topic: str, value: bytes, headers: Headers) -> bool:
        if self.away:
            return True
        line = json.dumps([topic, value.hex(), [(name, item.decode()) for name, item in headers]])
        with self._path.open("a") as file:
            file.write(line + "\n")
            file.flush()
            os.fsync(file.fileno())
        self._reports.append(Delivered(number, self._next))
        self._next += 1
        return True

    def poll(self, seconds: float) -> list[Delivered | Failed]:
        _ = seconds  # nothing to wait for: what was sent is there
        reports, self._reports = self._reports, []
        return reports

    def trouble(self) -> str | None:
        return "the simulated broker is away" if self.away else None

    def close(self) -> None:
        self._reports.clear()


def stored(path: Path) -> list[Stored]:
    """Return what the broker in a file holds."""
    if not path.exists():
        return []
    found: list[Stored] = []
    for line in path.read_text().splitlines():
        topic, value, pairs = json.loads(line)
        headers = [(name, text.encode()) for name, text in pairs]
        found.append(Stored(topic, wire.header_map(headers)["ce_id"].decode(), bytes.fromhex(value), headers))
    return found


def wire_id(fingerprint: bytes) -> int:
    """Return a made-up registry id."""
    return 1 + fingerprint[0]
