"""What each stage has done, for Prometheus: counted when it is acknowledged or confirmed, never before.

Rules
-----
1. Labels come from closed sets: roles, kinds of topic, types of record, reasons (`reasons.REASONS`), kinds of duplicate.
2. Of a message only its topic, its times and the type in its envelope are looked at; of an own quarantine entry its reason.

Must not: hold content, an id or a reference.
"""

from __future__ import annotations

import time
from collections import Counter as Tally
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final, get_args

from kruispunt_schemas import codec, topics, wire
from kruispunt_schemas import schema as schemas
from kruispunt_schemas.failures import KruispuntError
from kruispunt_schemas.health import Role
from kruispunt_schemas.pages import LATENCY_BUCKETS, label
from kruispunt_schemas.reasons import REASONS
from kruispunt_schemas.records.backbone import Decision, DuplicateKind, QuarantineEntry, RepertoryEvent
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

REGISTRY: Final = CollectorRegistry()
_ENTRY: Final = QuarantineEntry.__name__
_ROLES: Final = frozenset(get_args(Role))
_TYPES: Final = frozenset(schemas.TOPIC_TYPES)
_DUPLICATES: Final = frozenset(DuplicateKind)

MESSAGES: Final = Counter(
    "kruispunt_messages",
    "Messages acknowledged, by the kind of topic they came from.",
    ["role", "source"],
    registry=REGISTRY,
)
BATCH: Final = Histogram(
    "kruispunt_batch_seconds",
    "From a batch in hand to acknowledged.",
    ["role"],
    registry=REGISTRY,
    buckets=LATENCY_BUCKETS,
)
SIGNAL: Final = Histogram(
    "kruispunt_signal_seconds",
    "Of each message: from the broker's append time on its topic to acknowledged.",
    ["role"],
    registry=REGISTRY,
    buckets=LATENCY_BUCKETS,
)
ROAD: Final = Histogram(
    "kruispunt_road_seconds",
    "Of each first decision: from the posting's append time to its outputs delivered and marked.",
    registry=REGISTRY,
    buckets=LATENCY_BUCKETS,
)
OUTPUTS: Final = Counter(
    "kruispunt_outputs",
    "Messages that the broker confirmed, by type of record and kind of topic (a view is a signal on `in`).",
    ["role", "record", "target"],
    registry=REGISTRY,
)
REFUSED: Final = Counter(
    "kruispunt_refusals", "Quarantine entries written, by reason.", ["role", "reason"], registry=REGISTRY
)
DUPLICATES: Final = Counter(
    "kruispunt_duplicates", "Signals known already, by kind.", ["kind"], registry=REGISTRY
)
AGAIN: Final = Counter(
    "kruispunt_decided_again", "Decisions again, after a judgement of persons.", registry=REGISTRY
)
POLICY_ERRORS: Final = Counter(
    "kruispunt_policy_errors", "Policies that could not be evaluated: each withholds.", registry=REGISTRY
)
CORNERED: Final = Counter(
    "kruispunt_cornered", "Messages that no attempt could handle.", ["role"], registry=REGISTRY
)
WAITS: Final = Counter(
    "kruispunt_waits", "Pauses for a server that did not answer.", ["role"], registry=REGISTRY
)
AWAITED: Final = Counter(
    "kruispunt_awaited",
    "Batches of which something was put back, until another version or a bundle has come.",
    ["role"],
    registry=REGISTRY,
)
WAITING: Final = Gauge(
    "kruispunt_waiting", "Batches that wait for a server now.", ["role"], registry=REGISTRY
)


def finished(role: str, events: Sequence[Any], seconds: float) -> None:
    """Count a batch of Faust events that took so many seconds and is acknowledged."""
    role, now = label(role, _ROLES), time.time()
    BATCH.labels(role).observe(seconds)
    latency = SIGNAL.labels(role)
    sources: Tally[str] = Tally()
    for event in events:
        message = event.message
        sources[message.topic] += 1
        latency.observe(max(0.0, now - message.timestamp))
    for topic, count in sources.items():
        MESSAGES.labels(role, label(topics.kind(topic), topics.KINDS)).inc(count)


def delivered(role: str, messages: Iterable[wire.Message]) -> None:
    """Count messages that the broker has confirmed."""
    role = label(role, _ROLES)
    outputs: Tally[tuple[str, str]] = Tally()
    for message in messages:
        record = label(wire.type_of(message.headers), _TYPES)
        outputs[(record, message.topic)] += 1
        if record == _ENTRY:
            REFUSED.labels(role, label(_reason(message), REASONS)).inc()
    for (record, topic), count in outputs.items():
        OUTPUTS.labels(role, record, label(topics.kind(topic), topics.KINDS)).inc(count)


@contextmanager
def waiting(role: str) -> Iterator[None]:
    """Count a pause for a server, which the block is."""
    role = label(role, _ROLES)
    WAITS.labels(role).inc()
    with WAITING.labels(role).track_inprogress():
        yield


def waits() -> bool:
    """Tell whether a batch waits for a server now."""
    return any(sample.value for metric in WAITING.collect() for sample in metric.samples)


def awaited(role: str) -> None:
    """Count a batch of which something was put back until something else has happened."""
    AWAITED.labels(label(role, _ROLES)).inc()


def cornered(role: str) -> None:
    """Count a message that no attempt could handle."""
    CORNERED.labels(label(role, _ROLES)).inc()


def resolved(events: Iterable[RepertoryEvent | None]) -> None:
    """Count what resolve has registered and marked; None for a version that came too late."""
    for event in events:
        if event is not None and event.duplicate_kind is not None:
            DUPLICATES.labels(label(event.duplicate_kind, _DUPLICATES)).inc()


def decided(decisions: Iterable[Decision]) -> None:
    """Count what route has decided, delivered and marked."""
    now = time.time()
    for decision in decisions:
        if decision.judgement_id is not None:
            AGAIN.inc()
        else:
            ROAD.observe(max(0.0, now - decision.posting.appended_at.timestamp()))
        POLICY_ERRORS.inc(sum(part.errors for group in decision.groups for part in group.sections))


def refusals() -> int:
    """Return how many quarantine entries this process has written."""
    return int(sum(sample.value for metric in REFUSED.collect() for sample in metric.samples if sample.name.endswith("_total")))  # fmt: skip


def _reason(message: wire.Message) -> str:
    try:
        schema = codec.schema_of(wire.fingerprint_of(dict(message.headers)))
        return codec.decode(schema, wire.unwrapped(message.value), QuarantineEntry).reason
    except KruispuntError:
        return ""
