"""A worker whose stage waits for ever on one message; ``pool`` starts it under the pool, as ``kruispunt worker`` does.

``python -m tests.processors.engine.blocking pool|work ROLE DATA BROKERS TOPIC``
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path

from kruispunt_processors.engine import application
from kruispunt_processors.engine.agent import install
from kruispunt_processors.engine.condition import Condition
from kruispunt_processors.engine.stage import Incoming, Publisher
from kruispunt_processors.engine.supervision import Progress
from kruispunt_processors.pool import Pool, leash
from kruispunt_schemas.command import log_to_stderr
from kruispunt_schemas.reports import Report

LIMIT = 15.0  # above session and rebalance timeout, as the real one


class Blocking:
    """Notes each message that it handles; waits for ever on ``block``."""

    def __init__(self, role: str, handled: Path) -> None:
        self.name = role
        self._handled = handled

    async def handle(self, batch: Sequence[Incoming], publisher: Publisher) -> None:  # noqa: ARG002
        for message in batch:
            if message.value == b"block":
                await asyncio.Event().wait()
            with self._handled.open("a") as file:
                file.write(f"{message.partition}\n")

    async def answers(self) -> None:
        pass

    async def corner(
        self, message: Incoming, error: Exception, publisher: Publisher, *, kept: bytes | None
    ) -> None:
        raise NotImplementedError


async def ready() -> None:
    """Wait for nothing."""


def main(mode: str, role: str, data: str, brokers: str, topic: str) -> None:
    """Run the worker or the pool."""
    log_to_stderr()
    folder = Path(data)
    if mode == "pool":
        own = [sys.executable, "-m", "tests.processors.engine.blocking", "work", role, data, brokers, topic]
        sys.exit(Pool([role], folder, command=lambda *_: own).run())
    leash()
    app, progress = application.create(role, brokers, folder), Progress()
    install(app, Blocking(role, folder / "handled"), [topic], progress)
    condition = Condition(progress, Report.begin(folder, role), lambda: True, limit=LIMIT)
    application.run(app, application.Shift(condition, ready, folder))


if __name__ == "__main__":
    main(*sys.argv[1:])
