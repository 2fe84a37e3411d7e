"""What a stage of the road is to the engine: a name, and what it does with a batch of messages.

Must not: run anything (`agent` does), or look into a message.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from kruispunt_schemas import tracing, wire
from kruispunt_schemas.failures import KruispuntError
from kruispunt_schemas.topics import Partition
from kruispunt_schemas.tracing import Context


@dataclass(frozen=True, slots=True)
class Incoming:
    """A message as it was read: ``appended_at`` is the broker's append time."""

    topic: str
    partition: int
    offset: int
    appended_at: datetime
    key: bytes | None
    value: bytes | None
    headers: Mapping[str, bytes]

    @property
    def place(self) -> Partition:
        """Return the partition that it lies on."""
        return self.topic, self.partition

    def trace(self, stage: str) -> Context:
        """Return the context of what a stage does with this message: its outputs bear it."""
        parent = wire.traceparent_of(self.headers)
        return tracing.child(parent, stage, f"{self.topic}/{self.partition}/{self.offset}")


class WorkerLostError(KruispuntError):
    """This process cannot go on, and no message is to blame: it ends and is started again."""


class Publisher(Protocol):
    """Sends messages and returns once every one is delivered."""

    async def publish(self, messages: Sequence[wire.Message]) -> None:
        """Deliver all; raise UnavailableError when that is not confirmed in time."""
        ...

    async def answers(self) -> None:
        """Raise UnavailableError when Kafka does not answer."""
        ...


class Stage(Protocol):
    """What a stage does with a batch."""

    name: str

    async def handle(self, batch: Sequence[Incoming], publisher: Publisher) -> None:
        """Do everything that the batch asks for, outputs delivered and claims marked; harmless to repeat.

        Raise AwaitedError when one of them must wait until something else has happened.
        """
        ...

    async def answers(self) -> None:
        """Raise UnavailableError when a server that the stage needs beside Kafka does not answer."""
        ...

    async def corner(
        self, message: Incoming, error: Exception, publisher: Publisher, *, kept: bytes | None
    ) -> None:
        """Put the one message that cannot be handled into quarantine; kept: its bytes, or their beginning."""
        ...
