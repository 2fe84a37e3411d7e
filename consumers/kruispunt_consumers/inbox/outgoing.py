"""The posting box's flusher as the inbox uses it: sends while it follows, unless another process does.

Rules
-----
1. One flusher for each participant: while another process holds the lock, that one sends; it is asked again every
   `RETRY_SECONDS`.
2. Broker or registry away is the flusher's to wait for.

Must not: put anything into the box.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from types import TracebackType
from typing import Final, Self

from kruispunt_producers.posting_box import FlusherBusyError
from kruispunt_producers.publisher import Flusher

RETRY_SECONDS: Final = 5.0


class Outgoing:
    """Sends what waits in the box; ``clock`` is a monotonic one, in seconds."""

    def __init__(self, flusher: Callable[[], Flusher], clock: Callable[[], float]) -> None:
        self._make = flusher
        self._clock = clock
        self._held = ExitStack()
        self._flusher: Flusher | None = None
        self._asked: float | None = None

    def __enter__(self) -> Self:
        self._try()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._held.close()

    def pump(self) -> None:
        """Send what waits and take the reports that are there."""
        if self._flusher is None:
            self._try()
        if self._flusher is not None:
            self._flusher.pump(0.0)

    def drain(self, seconds: float) -> int:
        """Send until nothing waits; return how many still wait, 0 when another process sends."""
        if self._flusher is None:
            self._try()
        return 0 if self._flusher is None else self._flusher.drain(seconds)

    def _try(self) -> None:
        now = self._clock()
        if self._asked is not None and now - self._asked < RETRY_SECONDS:
            return
        self._asked = now
        try:
            self._flusher = self._held.enter_context(self._make())
        except FlusherBusyError:
            self._flusher = None
