"""One batch through a stage, whatever fails: retried, set aside, or cornered down to the one message at fault.

Rules
-----
1. A failure that may pass (`UnavailableError`) is retried with growing pauses for `RETRY_SECONDS`, which rides out a
   restart of PostgreSQL. If the servers are away then, the worker ends and is started again.
2. A failure that stays is cornered: the batch is halved until one message is left, and that one goes to quarantine
   with its bytes; it stops nobody else.
3. A batch that still fails by rule 1 while the servers answer is one that they cannot take: its messages are tried one
   by one, in order. The one that fails twice for `ALONE_SECONDS`, while they answer before and after, is cornered
   (``not-taken``): a server that comes back in between would have taken it.
4. A message that awaits something else (`AwaitedError`: an earlier version of its case, the bytes of a bundle) is found
   by partition, then by halving. It is left, with what came after it on its partition; the others are handled.
   It is never cornered.
5. Where the process itself cannot go on (`WorkerLostError`), nothing is cornered and nothing tried again: it ends.

Must not: look into a message.
"""

from __future__ import annotations

import asyncio
import time
import traceback
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

import structlog
from kruispunt_schemas.failures import AwaitedError, ContractError, UnavailableError
from kruispunt_schemas.topics import Partition

from kruispunt_processors.engine import metrics
from kruispunt_processors.engine.backlog import Left
from kruispunt_processors.engine.stage import Incoming, Publisher, Stage, WorkerLostError

PREFIX_BYTES: Final = 1024
SHORT_BYTES: Final = 256
SHORT_HEADERS: Final = 64
RETRY_SECONDS: Final = 30.0
ALONE_SECONDS: Final = 5.0
_FIRST_PAUSE: Final = 0.1
_LONGEST_PAUSE: Final = 3.0
_FRAMES: Final = 6

log = structlog.get_logger(__name__)


async def run_batch(
    stage: Stage, batch: Sequence[Incoming], publisher: Publisher, alive: Callable[[], None] = lambda: None
) -> Left | None:
    """Handle a batch by the rules; return what must wait for something else, None when everything is handled.

    Raise UnavailableError when the servers are away. alive: called before each message that is tried alone.
    """
    run = _Run(stage, publisher, alive)
    await run.handle(batch)
    return None if run.error is None else Left(run.left, run.error)


@dataclass(slots=True)
class _Run:
    """A batch under way: what was left of it so far, in order, and the partitions where nothing goes on."""

    stage: Stage
    publisher: Publisher
    alive: Callable[[], None]
    left: list[Incoming] = field(default_factory=list)
    blocked: set[Partition] = field(default_factory=set)
    error: AwaitedError | None = None

    async def handle(self, batch: Sequence[Incoming]) -> None:
        batch = self._unblocked(batch)
        if not batch:
            return
        try:
            await self._patiently(batch, RETRY_SECONDS)
        except WorkerLostError:
            raise
        except AwaitedError as error:
            await self._apart(batch, error)
        except UnavailableError:
            await self._one_by_one(batch)
        except Exception as error:
            if len(batch) == 1:
                await self._corner(batch[0], error)
                return
            for half in _halves(batch):
                await self.handle(half)

    def _unblocked(self, batch: Sequence[Incoming]) -> Sequence[Incoming]:
        """Leave what came after a message that waits (rule 4); return the others."""
        if not self.blocked:
            return batch
        self.left += [message for message in batch if message.place in self.blocked]
        return [message for message in batch if message.place not in self.blocked]

    async def _apart(self, batch: Sequence[Incoming], error: AwaitedError) -> None:
        """Find who waits, by rule 4."""
        if len(batch) == 1:
            self.left.append(batch[0])
            self.blocked.add(batch[0].place)
            self.error = self.error or error
            return
        for part in _by_partition(batch):
            await self.handle(part)

    async def _one_by_one(self, batch: Sequence[Incoming]) -> None:
        """Handle each message alone, by rule 3; raise UnavailableError as soon as the servers do not answer."""
        await self._answered()
        for message in batch:
            for unblocked in self._unblocked([message]):
                await self._by_itself(unblocked)

    async def _by_itself(self, message: Incoming) -> None:
        self.alive()
        error = await self._alone(message)
        if isinstance(error, UnavailableError) and not isinstance(error, AwaitedError):
            await self._answered()
            error = await self._alone(message)
        if isinstance(error, AwaitedError):
            await self._apart([message], error)
            return
        if isinstance(error, UnavailableError):
            await self._answered()
            error = ContractError("not-taken", "", f"the servers answer and do not take it: {error}")
        if error is not None:
            await self._corner(message, error)

    async def _answered(self) -> None:
        await self.stage.answers()
        await self.publisher.answers()

    async def _alone(self, message: Incoming) -> Exception | None:
        """Handle one message; return what it fails on."""
        try:
            await self._patiently([message], ALONE_SECONDS)
        except WorkerLostError:
            raise
        except Exception as error:
            return error
        return None

    async def _corner(self, message: Incoming, error: Exception) -> None:
        """Corner a message; when even that fails, with the beginning of its bytes and its short headers only.

        A reason is owed in any case.
        """
        stage = self.stage
        log.error(
            "cornered",
            stage=stage.name,
            topic=message.topic,
            partition=message.partition,
            offset=message.offset,
            error=error.reason if isinstance(error, ContractError) else type(error).__name__,
            where=_where(error),
        )
        try:
            await stage.corner(message, error, self.publisher, kept=message.value)
        except (UnavailableError, WorkerLostError):
            raise
        except Exception as again:
            kept = (message.value or b"")[:PREFIX_BYTES]
            await stage.corner(
                replace(message, headers=_short(message.headers)), again, self.publisher, kept=kept
            )
        metrics.cornered(stage.name)

    async def _patiently(self, batch: Sequence[Incoming], seconds: float) -> None:
        """Handle a batch, by rule 1."""
        deadline = time.monotonic() + seconds
        pause = _FIRST_PAUSE
        while True:
            try:
                await self.stage.handle(batch, self.publisher)
            except AwaitedError:
                raise
            except UnavailableError as error:
                if time.monotonic() + pause > deadline:
                    raise
                log.warning("waiting", stage=self.stage.name, reason=str(error), pause_seconds=pause)
                with metrics.waiting(self.stage.name):
                    await asyncio.sleep(pause)
                pause = min(pause * 2, _LONGEST_PAUSE)
            else:
                return


def _short(headers: Mapping[str, bytes]) -> dict[str, bytes]:
    """Return the headers that are short, no more than `SHORT_HEADERS`."""
    short = [(name, value) for name, value in headers.items() if len(name) + len(value) <= SHORT_BYTES]
    return dict(short[:SHORT_HEADERS])


def _halves(batch: Sequence[Incoming]) -> Iterable[Sequence[Incoming]]:
    middle = len(batch) // 2
    return batch[:middle], batch[middle:]


def _by_partition(batch: Sequence[Incoming]) -> Iterable[Sequence[Incoming]]:
    """Cut a batch by partition, or in halves when it has one partition only."""
    parts: dict[Partition, list[Incoming]] = {}
    for message in batch:
        parts.setdefault(message.place, []).append(message)
    return parts.values() if len(parts) > 1 else _halves(batch)


def _where(error: Exception) -> list[str]:
    """Return where an error was raised, last call first: a foreign error's own text could hold content."""
    frames = traceback.extract_tb(error.__traceback__)
    return [f"{Path(frame.filename).name}:{frame.lineno} {frame.name}" for frame in reversed(frames)][
        :_FRAMES
    ]
