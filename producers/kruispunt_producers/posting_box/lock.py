"""One flusher for each participant: an advisory lock on a file beside the box.

Rules: the kernel frees the lock when the process ends, however it ends; the file stays. Must not: be inherited.
"""

from __future__ import annotations

import fcntl
import os
import time
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from kruispunt_producers.posting_box.failures import FlusherBusyError

LOCK_FILE: Final = "flusher.lock"
PATIENCE_SECONDS: Final = 0.2


class FlusherLock:
    """Held while open; raise FlusherBusyError, naming the holder's process id, when another has it."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / LOCK_FILE
        self._handle: int | None = None

    def __enter__(self) -> Self:
        self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        if not _locked(handle):
            holder = os.pread(handle, 32, 0).decode("ascii", "replace").strip() or "unknown"
            os.close(handle)
            raise FlusherBusyError(
                f"process {holder} already sends for {self._path.parent.name}: "
                "stop it, or let it send what you enqueue"
            )
        os.ftruncate(handle, 0)
        os.pwrite(handle, f"{os.getpid()}\n".encode(), 0)
        self._handle = handle
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None

    def holder(self) -> int | None:
        """Return the process id of whoever holds the lock now, None when nobody does."""
        try:
            handle = os.open(self._path, os.O_RDWR | os.O_CLOEXEC)
        except FileNotFoundError:
            return None
        try:
            fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError:
            text = os.pread(handle, 32, 0).decode("ascii", "replace").strip()
            return int(text) if text.isdigit() else 0
        else:
            return None
        finally:
            os.close(handle)


def _locked(handle: int) -> bool:
    """Take the lock; `FlusherLock.holder` of another process may be in the way for a moment."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            if time.monotonic() >= deadline:
                return False
            time.sleep(PATIENCE_SECONDS / 10)
        else:
            return True
