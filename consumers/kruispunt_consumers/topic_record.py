"""What a topic holds, as values: one record, and how far a partition reaches.

Rule: times are the broker's append times. Must not: import a Kafka client.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class TopicRecord:
    """One record as the broker holds it; ``value`` is empty for a null value."""

    topic: str
    partition: int
    offset: int
    appended_at: datetime
    key: bytes | None
    value: bytes
    headers: tuple[tuple[str, bytes], ...]

    @property
    def place(self) -> str:
        """Return where it lies: ``topic/partition/offset``."""
        return f"{self.topic}/{self.partition}/{self.offset}"


@dataclass(frozen=True, slots=True, order=True)
class Extent:
    """What a partition held when it was asked: offsets from ``start`` up to, not including, ``end``."""

    topic: str
    partition: int
    start: int
    end: int
