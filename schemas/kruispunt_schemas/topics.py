"""Names, partitions and retention of every topic (CONTRACT section 1): the one place that spells them.

Must not: open a connection.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

DAY_MS: Final = 24 * 3600 * 1000
OUT_PREFIX: Final = "out."
IN_PREFIX: Final = "in."
MAX_POSTING_BYTES: Final = 6 * 1024 * 1024
MAX_INTERNAL_BYTES: Final = 7 * 1024 * 1024
PARTITIONER: Final = "murmur2_random"
"""librdkafka's default differs from aiokafka's: with it keys of one case would land on two partitions."""

Partition = tuple[str, int]
"""Topic and number."""

PARTICIPANT: Final = re.compile(r"[a-z0-9][a-z0-9-]{1,62}")


@dataclass(frozen=True, slots=True)
class Topic:
    """One topic: ``retention_ms`` None means lasting."""

    name: str
    partitions: int
    retention_ms: int | None
    max_bytes: int = MAX_INTERNAL_BYTES


ADMITTED: Final = Topic("admitted", 12, 30 * DAY_MS)
RESOLVED: Final = Topic("resolved", 12, 30 * DAY_MS)
QUARANTINE: Final = Topic("quarantine", 3, 90 * DAY_MS)
RETRY: Final = Topic("retry", 3, 7 * DAY_MS)
REVIEWS: Final = Topic("reviews", 3, None)
REPERTORY: Final = Topic("repertory", 12, None)
DECISIONS: Final = Topic("audit.decisions", 12, None)
ACCESS: Final = Topic("audit.access", 12, None)
QUERIES: Final = Topic("queries", 12, 30 * DAY_MS)
BUNDLES: Final = Topic("audit.bundles", 1, None)
SHARED: Final = (
    ADMITTED,
    RESOLVED,
    QUERIES,
    QUARANTINE,
    RETRY,
    REVIEWS,
    REPERTORY,
    DECISIONS,
    ACCESS,
    BUNDLES,
)


def out_topic(participant: str) -> Topic:
    """Return the topic that only this participant writes."""
    return Topic(f"{OUT_PREFIX}{participant}", 1, 30 * DAY_MS, MAX_POSTING_BYTES)


def in_topic(participant: str) -> Topic:
    """Return the topic that only this participant and oversight read."""
    return Topic(f"{IN_PREFIX}{participant}", 1, 30 * DAY_MS)


def partition_name(topic: str, partition: int) -> str:
    """Return the name of a partition; it has a dot, so that no participant can be called so."""
    return f"{topic}.{partition}"


def is_partition(name: str) -> bool:
    """Tell whether a name is that of a partition between the stages, and so no participant's."""
    topic, _, number = name.rpartition(".")
    return (
        topic in (ADMITTED.name, RESOLVED.name, QUERIES.name, REVIEWS.name, RETRY.name) and number.isdecimal()
    )


def owner(topic: str) -> str:
    """Return the participant of an ``out.`` or ``in.`` topic; raise ValueError for another topic."""
    for prefix in (OUT_PREFIX, IN_PREFIX):
        if topic.startswith(prefix):
            return topic.removeprefix(prefix)
    raise ValueError(topic)


LASTING: Final = frozenset(topic.name for topic in SHARED if topic.retention_ms is None)
"""References, commitments and decisions; no content in the clear, and nothing that a poster chose freely."""
KINDS: Final = ("out", "in", *(topic.name for topic in SHARED))
"""What `kind` returns: one word for everybody's ``out.`` and one for everybody's ``in.``."""


def kind(topic: str) -> str:
    """Return which of `KINDS` a topic is; '' for a topic that is not ours."""
    name = topic.partition(".")[0] if topic.startswith((OUT_PREFIX, IN_PREFIX)) else topic
    return name if name in KINDS else ""


def all_topics(participants: Iterable[str]) -> tuple[Topic, ...]:
    """Return every topic of a backbone with these participants, shared ones first."""
    own = [topic for name in participants for topic in (out_topic(name), in_topic(name))]
    return (*SHARED, *own)
