"""A publisher that keeps what it is given."""

from __future__ import annotations

from collections.abc import Sequence

from kruispunt_schemas.wire import Message


class Sink:
    """See the module."""

    def __init__(self) -> None:
        self.sent: list[Message] = []

    async def publish(self, messages: Sequence[Message]) -> None:
        """Keep the messages."""
        self.sent.extend(messages)

    async def answers(self) -> None:
        """Answer."""
