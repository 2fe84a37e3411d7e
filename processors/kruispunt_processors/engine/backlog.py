"""What has come and is not handled yet: by partition, so that one that must wait keeps no other waiting.

Rules
-----
1. The messages of a partition are given out in the order in which they came, and no more of them before those given
   out are settled. So they are acknowledged in that order, whatever goes on beside.
2. A batch is what all partitions have, evenly, `BATCH` messages and `BATCH_BYTES` at most: one claim, one delivery and
   one mark for all of them. Nothing waits for a batch to fill: under load the next one grows while one is handled.
3. What awaits something else is put back in front of its partition, which rests with growing pauses; when nothing of
   it gets on for `AWAIT_SECONDS`, and nothing else is under way that it could wait for, the worker ends, to be started
   again.
4. After a rebalance everything is forgotten: whoever has the partitions reads them again.

Must not: look into a message, or do anything with one.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from kruispunt_schemas.failures import AwaitedError
from kruispunt_schemas.topics import Partition

from kruispunt_processors.engine.stage import Incoming

BATCH: Final = 500
BATCH_BYTES: Final = 4 * 1024 * 1024
FULL: Final = 20_000
"""Messages: far more than a worker had in hand and not committed when it was killed, so that what another partition
awaits is soon among them."""
AT_ONCE: Final = 2
"""Batches of different partitions that are under way at a time: what comes for a partition that has nothing under way
is begun while another batch waits for its servers. Under full load a batch has every partition, and the second waits."""
FULL_BYTES: Final = 64 * 1024 * 1024
AWAIT_SECONDS: Final = 30.0
FIRST_REST: Final = 0.1
LONGEST_REST: Final = 3.0


@dataclass(frozen=True, slots=True, eq=False)
class Held:
    """A message, and the Faust event to acknowledge when it is handled."""

    event: Any
    message: Incoming

    @property
    def size(self) -> int:
        """Return the bytes of its value."""
        return len(self.message.value or b"")


@dataclass(frozen=True, slots=True)
class Batch:
    """What is handled together. since: how often everything had been forgotten before it was given out."""

    held: list[Held]
    since: int

    @property
    def messages(self) -> list[Incoming]:
        """Return the messages, in order."""
        return [held.message for held in self.held]


@dataclass(frozen=True, slots=True)
class Left:
    """What is left of a batch: messages that await something else, in order, and what the first to do so said."""

    messages: Sequence[Incoming]
    error: AwaitedError


@dataclass(slots=True)
class _Rest:
    """A partition whose first message awaits something: since when, and until when it is left alone (seconds)."""

    since: float
    until: float
    pause: float = FIRST_REST


@dataclass(slots=True)
class Backlog:
    """See the module. clock: monotonic seconds."""

    clock: Callable[[], float] = time.monotonic
    _waiting: dict[Partition, deque[Held]] = field(default_factory=dict)
    _busy: set[Partition] = field(default_factory=set)
    _rests: dict[Partition, _Rest] = field(default_factory=dict)
    _count: int = 0
    _bytes: int = 0
    _forgotten: int = 0
    _changed: asyncio.Event = field(default_factory=asyncio.Event)
    _room: asyncio.Event = field(default_factory=asyncio.Event)

    async def add(self, held: Held) -> None:
        """Add what has come; return once there is room for more."""
        self._waiting.setdefault(held.message.place, deque()).append(held)
        self._counted(1, held.size)
        self._changed.set()
        if self.is_full:
            self._room.clear()
            await self._room.wait()

    @property
    def is_full(self) -> bool:
        """Tell whether no more should be read."""
        return self._count >= FULL or self._bytes >= FULL_BYTES

    def take(self) -> Batch | None:
        """Return the next batch by rules 1 and 2, None when every partition is empty, busy or at rest."""
        now = self.clock()
        ready = [
            place
            for place in self._waiting
            if place not in self._busy and (place not in self._rests or self._rests[place].until <= now)
        ]
        taken: list[Held] = []
        size = 0
        # The shortest first: what they leave of their share goes to the long ones.
        for number, place in enumerate(sorted(ready, key=lambda place: len(self._waiting[place]))):
            share = -(-(BATCH - len(taken)) // (len(ready) - number))
            queue = self._waiting[place]
            before = len(taken)
            while (
                queue and len(taken) < before + share and (not taken or size + queue[0].size <= BATCH_BYTES)
            ):
                taken.append(queue.popleft())
                size += taken[-1].size
            if len(taken) > before:
                self._busy.add(place)
                del self._waiting[place]
                if queue:
                    self._waiting[place] = queue  # last: the others come first the next time
        self._counted(-len(taken), -size)
        return Batch(taken, self._forgotten) if taken else None

    async def next(self) -> Batch:
        """Return the next batch as soon as there is one."""
        while True:
            self._changed.clear()
            batch = self.take()
            if batch is not None:
                return batch
            try:
                async with asyncio.timeout(self._until_rested()):
                    await self._changed.wait()
            except TimeoutError:
                continue

    def settle(self, batch: Batch, left: Left | None) -> list[Held]:
        """Give a batch back; return what is handled of it. What is left is put back by rule 3.

        Raise AwaitedError when a partition has rested for too long.
        """
        awaiting = {id(message) for message in left.messages} if left is not None else set()
        done = [held for held in batch.held if id(held.message) not in awaiting]
        places = {held.message.place for held in batch.held}
        self._busy -= places
        self._changed.set()
        if batch.since != self._forgotten:
            return done
        for place in {held.message.place for held in done} if self._rests else ():
            self._rests.pop(place, None)
        if left is not None:
            self._put_back([held for held in batch.held if id(held.message) in awaiting], left.error)
        return done

    def forget(self) -> None:
        """Forget everything by rule 4."""
        self._forgotten += 1
        self._waiting.clear()
        self._rests.clear()
        self._counted(-self._count, -self._bytes)

    def _put_back(self, awaiting: Sequence[Held], error: AwaitedError) -> None:
        for held in reversed(awaiting):
            self._waiting.setdefault(held.message.place, deque()).appendleft(held)
            self._counted(1, held.size)
        now = self.clock()
        for place in {held.message.place for held in awaiting}:
            rest = self._rests.get(place)
            if rest is None:
                self._rests[place] = _Rest(now, now + FIRST_REST)
            elif now - rest.since > AWAIT_SECONDS and not self._busy:
                raise error
            else:
                rest.pause = min(rest.pause * 2, LONGEST_REST)
                rest.until = now + rest.pause

    def _until_rested(self) -> float | None:
        """Return the seconds until the first partition is rested, None when none rests."""
        untils = [rest.until for place, rest in self._rests.items() if place not in self._busy]
        return max(0.0, min(untils) - self.clock()) if untils else None

    def _counted(self, messages: int, size: int) -> None:
        self._count += messages
        self._bytes += size
        if not self.is_full:
            self._room.set()
