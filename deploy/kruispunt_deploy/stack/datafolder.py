"""The data folder of one stack: who holds it, which ports it keeps, which secrets it made.

Rules
-----
1. `DataFolder.hold` takes an exclusive ``flock`` on ``stack.lock``. The kernel gives it back when the holder dies, at
   whatever instant, so a file that was left behind never refuses a start.
2. A second holder is refused with the first one's pid and what to do.
3. Ports are drawn below the range that the kernel hands to outgoing connections, so that no connection takes the port
   of a server that is being restarted; they are kept, and drawn anew only when something else listens there.
4. Files that hold secrets have mode 600. Every file is written beside its name and renamed: a reader sees a whole one.

Must not: start or signal a process.
"""

from __future__ import annotations

import fcntl
import json
import os
import random
import secrets
import socket
import tempfile
from collections.abc import Iterable
from pathlib import Path

from kruispunt_schemas.failures import ConfigurationError
from kruispunt_schemas.settings import STACK_FILE

LOOPBACK = "127.0.0.1"
PORTS = range(20_000, 30_000)  # below Linux's and IANA's ephemeral ranges (32768 and 49152 upwards)


def write_whole(path: Path, text: str, *, mode: int = 0o644) -> None:
    """Write a file so that a reader sees the old text or the new one, never a part."""
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            os.fchmod(file.fileno(), mode)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def is_free(port: int) -> bool:
    """Tell whether a server could listen on the port of the loopback address now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


def holder_of(data: Path) -> int | None:
    """Return the pid of the process that holds the data folder, None when nobody does."""
    try:
        with (data / "stack.lock").open("r", encoding="ascii") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return int(file.read() or 0)
    except (FileNotFoundError, PermissionError, ValueError):
        return None
    return None


def taken(data: Path, pid: int | str) -> ConfigurationError:
    """Return the refusal of a data folder that another process holds."""
    return ConfigurationError(
        f"a stack already runs in {data} (pid {pid}): see it with `kruispunt status --data {data}`, end it with "
        f"`kruispunt down --data {data}`, or give another folder with --data"
    )


class DataFolder:
    """Paths, lock, ports and secrets under one folder."""

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        self.logs = self.path / "logs"
        self.events = self.logs / "events.jsonl"
        self.stack_file = self.path / STACK_FILE
        self._lock: int | None = None

    def hold(self) -> None:
        """Take the folder for this process; raise ConfigurationError when another one has it."""
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            self.logs.mkdir(mode=0o700, exist_ok=True)
            handle = os.open(self.path / "stack.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise ConfigurationError(
                f"the data folder {self.path} cannot be written: {error.strerror}"
            ) from None
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            pid = os.pread(handle, 20, 0).decode("ascii", "replace").strip() or "unknown"
            os.close(handle)
            raise taken(self.path, pid) from None
        os.ftruncate(handle, 0)
        os.pwrite(handle, str(os.getpid()).encode("ascii"), 0)
        self._lock = handle
        self.stack_file.unlink(missing_ok=True)

    def release(self) -> None:
        """Give the folder back; harmless when it is not held."""
        if self._lock is not None:
            self.stack_file.unlink(missing_ok=True)
            os.close(self._lock)
            self._lock = None

    def ports(self, names: Iterable[str]) -> dict[str, int]:
        """Return a port for each name: the one kept from before where it is free, else a new one, kept."""
        file = self.path / "ports.json"
        try:
            kept: dict[str, int] = json.loads(file.read_text(encoding="utf-8"))
        except (FileNotFoundError, ValueError):
            kept = {}
        for name in names:
            if name not in kept or not is_free(kept[name]):
                kept[name] = self._draw(set(kept.values()))
        write_whole(file, json.dumps(kept, indent=2))
        return {name: kept[name] for name in names}

    @staticmethod
    def _draw(taken: set[int]) -> int:
        for port in random.sample(PORTS, len(PORTS)):
            if port not in taken and is_free(port):
                return port
        raise ConfigurationError(f"no free port between {PORTS.start} and {PORTS.stop} on {LOOPBACK}")

    def secret(self, name: str) -> str:
        """Return the random secret of that name, made at the first call (32 characters, URL-safe)."""
        folder = self.path / "secrets"
        folder.mkdir(mode=0o700, exist_ok=True)
        file = folder / name
        try:
            return file.read_text(encoding="ascii")
        except FileNotFoundError:
            value = secrets.token_urlsafe(24)
            write_whole(file, value, mode=0o600)
            return value
